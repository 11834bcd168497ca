"""The next step after an answer, decided without input and output."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.leadsquared.answers import (
    Answer,
    Created,
    KeysRefused,
    NotSendable,
    NotSent,
    Refused,
    Throttled,
    Unclear,
    WrongUrl,
    is_accepted,
)
from importer.models import Status, TicketIds
from importer.rate_limit.backoff import backoff_s
from importer.rate_limit.exhausted import ExhaustedLimit
from importer.submission.failure_limit import FailureLimit
from importer.submission.operations import CREATE
from importer.submission.outage import Outage
from importer.submission.retry import NextStep, Retry, RetryPolicy, Settled, StopRun, WaitForFirstSuccess

HOLD = RetryPolicy()
EXAMPLES: tuple[Answer, ...] = (
    Created(TicketIds(number="157")),
    Refused("no such lead", 400),
    KeysRefused("no", 401),
    WrongUrl("nothing here", 404),
    WrongUrl("elsewhere", 301),
    Throttled(None),
    Unclear("server-error", "away", 503),
    Unclear("no-answer", "cut"),
    NotSent("refused"),
    NotSent("closed", stale=True),
    NotSendable("attachment-changed", "gone"),
)
FORBIDDEN = KeysRefused("a firewall", 403)
PAGE = Unclear("unclear-answer", "a page", 200, web_page=True)
MISSING = Unclear("application-error", "City", 500, exception_type="MXMandatoryAttributeMissingException")
_chances = st.floats(0, 1, exclude_max=True)


def decide(answer: Answer, *, attempt: int = 1, succeeded: bool = True, policy: RetryPolicy = HOLD) -> NextStep:
    read = policy.interpret(answer, succeeded=succeeded)
    return policy.next_step(CREATE, read, attempt=attempt, succeeded=succeeded, jitter=0.5)


def test_there_is_an_example_of_every_answer() -> None:
    """A new kind of answer needs a decision and a test."""
    assert {type(example) for example in EXAMPLES} == set(get_args(Answer))


@pytest.mark.parametrize(
    ("answer", "succeeded", "expected"),
    [
        (EXAMPLES[0], True, Settled(status=Status.CREATED, ids=TicketIds(number="157"))),
        (EXAMPLES[1], True, Settled(status=Status.FAILED, code="refused", error="no such lead")),
        (EXAMPLES[2], True, StopRun(code="keys-refused", error="no")),
        (EXAMPLES[2], False, StopRun(code="keys-refused", error="no")),
        (FORBIDDEN, True, Settled(status=Status.FAILED, code="refused", error="a firewall")),
        (FORBIDDEN, False, WaitForFirstSuccess(code="keys-refused", error="a firewall")),
        (EXAMPLES[3], True, Settled(status=Status.FAILED, code="refused", error="nothing here")),
        (EXAMPLES[3], False, WaitForFirstSuccess(code="wrong-url", error="nothing here")),
        (
            EXAMPLES[4],
            True,
            Settled(status=Status.UNKNOWN, code="unclear-answer", error="elsewhere", counts_as_failure=True),
        ),
        (EXAMPLES[4], False, WaitForFirstSuccess(code="wrong-url", error="elsewhere")),
        (PAGE, True, Settled(status=Status.UNKNOWN, code="unclear-answer", error="a page", counts_as_failure=True)),
        (MISSING, True, Settled(status=Status.UNKNOWN, code="application-error", error="City", counts_as_failure=True)),
        (EXAMPLES[5], True, Retry(delay_s=0, code="limit-exceeded", error="429: the account's limit was used up")),
        (EXAMPLES[6], True, Settled(status=Status.UNKNOWN, code="server-error", error="away")),
        (EXAMPLES[7], True, Settled(status=Status.UNKNOWN, code="no-answer", error="cut")),
        (EXAMPLES[8], True, Retry(delay_s=0.5, code="not-connected", error="refused")),
        (EXAMPLES[9], True, Retry(delay_s=0, code="not-connected", error="closed")),
        (EXAMPLES[10], True, Settled(status=Status.FAILED, code="attachment-changed", error="gone")),
    ],
)
def test_every_answer_has_its_documented_next_step(answer: Answer, succeeded: bool, expected: object) -> None:  # noqa: FBT001 - a column of the table
    """The table "Answers" of importer/submission/README.md, line by line."""
    assert decide(answer, succeeded=succeeded) == expected


@given(st.sampled_from(EXAMPLES), st.integers(1, 10_000), st.booleans(), _chances)
def test_request_that_may_have_changed_a_ticket_is_not_repeated(
    answer: Answer,
    attempt: int,
    succeeded: bool,  # noqa: FBT001 - drawn by Hypothesis
    chance: float,
) -> None:
    """By default only requests that created nothing are repeated, after any number of tries."""
    verdict = HOLD.next_step(CREATE, answer, attempt=attempt, succeeded=succeeded, jitter=chance)
    if isinstance(verdict, Retry):
        assert isinstance(answer, Throttled | NotSent)
        assert not verdict.may_have_changed
        assert 0 <= verdict.delay_s <= 60


@pytest.mark.parametrize(
    ("policy", "repeated"),
    [
        (HOLD, []),
        (RetryPolicy(retry_statuses=frozenset({500, 503})), [503]),
        (RetryPolicy(retry_unknown=True), [503, None, 200, 504]),
    ],
)
def test_policy_decides_which_answers_are_repeated(policy: RetryPolicy, repeated: list[int | None]) -> None:
    """--retry-status is for statuses only; --on-unknown retry is for all unclear answers."""
    answers = [
        Unclear("server-error", "away", 503),
        Unclear("no-answer", "cut"),
        Unclear("unclear-answer", "no JSON", 200),
        Unclear("server-error", "away", 504),
    ]
    verdicts = [(answer, decide(answer, policy=policy)) for answer in answers]
    assert [answer.http_status for answer, verdict in verdicts if isinstance(verdict, Retry)] == repeated
    assert all(verdict.may_have_changed for _, verdict in verdicts if isinstance(verdict, Retry))


def test_only_requested_repeats_have_an_attempt_limit() -> None:
    """An unclear answer is repeated at most four times; then the row is unknown."""
    policy = RetryPolicy(retry_unknown=True)
    kinds = [type(decide(Unclear("no-answer", ""), attempt=attempt, policy=policy)) for attempt in range(1, 7)]
    assert kinds == [Retry, Retry, Retry, Retry, Settled, Settled]
    assert isinstance(decide(NotSent("refused"), attempt=1000, policy=policy), Retry)


@given(st.integers(1, 10_000), _chances)
def test_back_off_has_full_jitter(attempt: int, chance: float) -> None:
    """Between zero and a limit that doubles up to a minute, without an overflow."""
    delay_s = backoff_s(attempt, chance)
    assert 0 <= delay_s <= min(60.0, 2.0 ** min(attempt - 1, 10))
    assert backoff_s(attempt, 0.0) == 0
    assert backoff_s(attempt, chance) <= backoff_s(attempt + 1, chance)


def note(outage: Outage, answer: Answer, now: float, *, probe: bool = False, chance: float = 0.0) -> None:
    outage.record(answer, now, chance, probe=probe)


UNCLEAR, GOOD = Unclear("server-error", "503 away", 503), Created(TicketIds(number="1"))


def test_five_in_a_row_are_an_outage() -> None:
    """Four are not, and a usable answer resets the count."""
    outage = Outage(900)
    for answer in [UNCLEAR] * 4 + [GOOD] + [UNCLEAR] * 4:
        note(outage, answer, 0)
        assert not outage.is_active
    note(outage, UNCLEAR, 0)
    assert outage.is_active
    assert outage.reason == "503 away"


@pytest.mark.parametrize("answer", [Throttled(None), NotSendable("attachment-changed", ""), NotSent("", stale=True)])
def test_answers_that_do_not_affect_an_outage(answer: Answer) -> None:
    """A used-up limit, a changed file and a stale connection neither begin nor end one, nor reset the count."""
    outage = Outage(900)
    for each in [answer, UNCLEAR] * 4:
        note(outage, each, 0)
        assert not outage.is_active
    note(outage, UNCLEAR, 0)
    note(outage, answer, 1)
    assert outage.is_active


@pytest.mark.parametrize("answer", [GOOD, Refused("", 400), KeysRefused("", 401), WrongUrl("", 404)])
def test_usable_answer_ends_an_outage(answer: Answer) -> None:
    """A refusal as well as a ticket."""
    outage = Outage(900)
    states = []
    for each in (NotSent("refused"), answer):
        note(outage, each, 0, probe=True)
        states.append(outage.is_active)
    assert states == [True, False]
    assert not outage.is_too_long(10_000)


def test_the_waits_between_probes() -> None:
    """They double up to a minute; half of each is random."""
    for chance, share in ((0.0, 0.5), (0.999999, 1.0)):
        outage, now, waits = Outage(1e9), 0.0, []
        note(outage, NotSent("refused"), now, chance=chance)
        for _ in range(9):
            waits.append(outage.next_probe_at - now)
            now = outage.next_probe_at
            note(outage, UNCLEAR, now, probe=True, chance=chance)
        assert waits == pytest.approx([share * min(60, 2**n) for n in range(9)], rel=1e-5)


def test_requests_in_flight_do_not_move_the_probe() -> None:
    """A hundred failures that arrive after the pause began are not probes."""
    outage = Outage(900)
    for _ in range(5):
        note(outage, UNCLEAR, 0)
    at = outage.next_probe_at
    for later in range(1, 100):
        note(outage, UNCLEAR, later)
    assert outage.next_probe_at == at


def test_giving_up() -> None:
    """The time counts from the beginning of the pause, and the run wakes for it."""
    outage = Outage(100, first_wait_s=500)
    note(outage, NotSent("refused"), 10)
    assert not outage.is_too_long(109.9)
    assert outage.is_too_long(110)
    assert outage.next_event_at() == pytest.approx(40)
    note(outage, NotSent("refused"), 60, probe=True)
    assert outage.next_event_at() == pytest.approx(90)
    assert outage.is_too_long(110)


def test_a_limit_is_used_up_from_its_first_429_to_any_other_answer() -> None:
    """An outage between two 429s does not count; a stale connection changes nothing."""
    used_up = ExhaustedLimit(100)
    assert used_up.refused(60, 0) is None
    used_up.note(accepted=is_accepted(Throttled(None)))
    used_up.note(accepted=is_accepted(NotSent("closed", stale=True)))
    assert used_up.refused(40, 60) is None
    assert used_up.refused(41, 60) is not None
    used_up.note(accepted=is_accepted(Unclear("server-error", "503", 503)))
    assert used_up.refused(100, 500) is None
    assert used_up.refused(101, 500) is not None
    used_up.note(accepted=is_accepted(Created(TicketIds(number="1"))))
    assert used_up.refused(5, 1000) is None


@pytest.mark.parametrize("text", ["", "0", "-1", "0%", "101%", "x", "1.5", "%", "10 %%", "²"])
def test_invalid_failure_limits_are_refused(text: str) -> None:
    """The message says what to write."""
    with pytest.raises(ValueError, match="write 25"):
        FailureLimit(text)


_ends = st.lists(st.sampled_from([Status.CREATED, Status.FAILED, Status.UNKNOWN]), max_size=150)


@given(st.integers(1, 6), _ends)
def test_failures_in_a_row(number: int, ends: list[Status]) -> None:
    """The limit is reached if the last N rows failed; any other outcome resets the count."""
    limit = FailureLimit(str(number))
    for count, status in enumerate(ends, start=1):
        limit.record(status)
        assert bool(limit.reached()) == (ends[max(0, count - number) : count] == [Status.FAILED] * number)


@given(st.integers(1, 100), _ends)
def test_a_share_of_failures(share: int, ends: list[Status]) -> None:
    """It counts from a hundred finished rows on, and must be exceeded."""
    limit = FailureLimit(f" {share}% ")
    for count, status in enumerate(ends, start=1):
        limit.record(status)
        too_many = ends[:count].count(Status.FAILED) * 100 > share * count
        assert bool(limit.reached()) == (count >= 100 and too_many)
