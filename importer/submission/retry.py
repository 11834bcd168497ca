"""What follows from an answer: pure functions and small state machines of (answer, attempt, random, time).

The table is in README.md of this folder, "Answers": a request that may have made a ticket is never repeated unasked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import assert_never

from importer.errors import StoppedEarly
from importer.leadsquared import answers
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
)
from importer.models import Status, TicketIds
from importer.rate_limit.backoff import BACKOFF_BASE_S, BACKOFF_LIMIT_S, backoff_s

_ATTEMPTS_LIMIT = 5  # for what is repeated only because --on-unknown or --retry-status asks for it
_UNCLEAR_IN_A_ROW = 5


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """What the user knows of the account's answers, and which of them are to be followed by another request.

    ``--on-unknown retry`` and ``--retry-status`` are for those who prefer a duplicate to a gap. ``refusals`` are the
    types of application errors after which there is no ticket.
    """

    retry_unknown: bool = False
    retry_statuses: frozenset[int] = frozenset()
    refusals: frozenset[str] = frozenset()

    def read(self, answer: Answer, *, succeeded: bool) -> Answer:
        """Read an answer by what the user knows, and by whether this run has made a ticket.

        After a ticket a redirect is no wrong URL: it answers one request, which the account may have taken.
        """
        match answer:
            case Unclear(exception_type=str(exception_type)) if exception_type in self.refusals:
                return Refused(answer.reason, answer.http_status or 0)
            case WrongUrl(reason, http_status) if succeeded and http_status != HTTPStatus.NOT_FOUND:
                return Unclear("unclear-answer", reason, http_status)
            case _:
                return answer

    def repeats(self, answer: Unclear) -> bool:
        """Say whether the user has asked for this answer's request to be repeated."""
        return self.retry_unknown or (answer.code == "server-error" and answer.http_status in self.retry_statuses)

    def warnings(self) -> tuple[str, ...]:
        """Say what the user has asked for, and what it may cost."""
        flags = ["--on-unknown retry"] if self.retry_unknown else []
        if self.retry_statuses:
            flags.append(f"--retry-status {','.join(map(str, sorted(self.retry_statuses)))}")
        if not flags:
            return ()
        return (f"{' and '.join(flags)}: rows that may be tickets already are sent again, and may become two",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """The row is done in this run. ``counts_as_failure``: it counts for ``--max-failures`` although it is unknown."""

    status: Status
    ids: TicketIds | None = None
    code: str = ""
    error: str = ""
    counts_as_failure: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """The row goes again, after ``delay_s``. ``may_have_created``: the request may have made a ticket all the same."""

    delay_s: float
    code: str
    error: str
    may_have_created: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StopRun:
    """The run stops; the row is pending."""

    code: str
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitForFirstTicket:
    """A refusal that speaks of the account or of its row; the first ticket of this run decides.

    The row is pending until then, and failed afterwards where nothing can have been made.
    """

    code: str
    error: str


NextStep = Settled | Retry | StopRun | WaitForFirstTicket


def next_step(  # noqa: C901, PLR0911 - one case for each answer; split up, the table could not be read
    answer: Answer, *, attempt: int, succeeded: bool, policy: RetryPolicy, jitter: float
) -> NextStep:
    """Say what follows from an answer, as ``RetryPolicy.read`` reads it.

    ``attempt`` counts the row's tries in this run from 1; ``succeeded``: this run has made a ticket, so the keys and
    the URL are right; ``jitter`` is uniform in [0, 1).
    """
    match answer:
        case Created(ids):
            return Settled(status=Status.CREATED, ids=ids)
        case Refused(reason):
            return Settled(status=Status.FAILED, code="refused", error=reason)
        case KeysRefused(reason, HTTPStatus.UNAUTHORIZED):
            return StopRun(code="keys-refused", error=reason)
        case KeysRefused(reason) | WrongUrl(reason):
            if succeeded:
                return Settled(status=Status.FAILED, code="refused", error=reason)
            return WaitForFirstTicket(
                code="keys-refused" if isinstance(answer, KeysRefused) else "wrong-url", error=reason
            )
        case Throttled():
            return Retry(delay_s=0.0, code="limit-exceeded", error="429: the account's limit was used up")
        case NotSent(reason, stale, out_of_resources):
            # The server is not at fault: the row goes again at once, or as soon as fewer rows are under way.
            delay_s = 0.0 if stale or out_of_resources else backoff_s(attempt, jitter)
            return Retry(delay_s=delay_s, code="not-connected", error=reason)
        case NotSendable(code, reason):
            return Settled(status=Status.FAILED, code=code, error=reason)
        case Unclear(code, reason):
            if policy.repeats(answer) and attempt < _ATTEMPTS_LIMIT:
                return Retry(delay_s=backoff_s(attempt, jitter), code=code, error=reason, may_have_created=True)
            return Settled(status=Status.UNKNOWN, code=code, error=reason, counts_as_failure=_speaks_of_its_row(answer))
        case _:
            assert_never(answer)


def _speaks_of_its_row(answer: Unclear) -> bool:
    """Say whether somebody answered and did not make the ticket, as far as one can see."""
    redirect = answer.http_status is not None and 300 <= answer.http_status < 400  # noqa: PLR2004 - redirects
    return bool(answer.exception_type) or answer.web_page or redirect


class Outage:
    """Whether the server is there, judged by what it answers.

    Five answers in a row that tell nothing, or a connection that can't be made, and sending pauses; then one row at a
    time probes, with growing waits, until an answer tells, or ``give_up_after_s`` has passed. All times in seconds on
    one clock.
    """

    def __init__(self, give_up_after_s: float, first_wait_s: float = BACKOFF_BASE_S) -> None:
        self._give_up_after_s = give_up_after_s
        self._first_wait_s = first_wait_s
        self._unclear_in_a_row = 0
        self._since = math.inf
        self._probes = 0
        self.next_probe_at = -math.inf
        self.reason = ""

    @property
    def is_on(self) -> bool:
        """True while sending pauses."""
        return math.isfinite(self._since)

    def note(self, answer: Answer, now: float, jitter: float, *, probe: bool) -> None:
        """Learn from an answer. ``probe``: its request went out while sending paused, not before."""
        match answer:
            case Throttled() | NotSendable() | Unclear(answers.CHANGED_WHILE_SENT):
                pass  # says nothing about the server's health
            case Unclear(_, reason) if not answer.exception_type:
                self._unclear_in_a_row += 1
                if self._unclear_in_a_row >= _UNCLEAR_IN_A_ROW or self.is_on:
                    self._pause(reason, now, jitter, probe=probe)
            case NotSent(reason, stale, out_of_resources):
                if not (stale or out_of_resources):
                    self._pause(reason, now, jitter, probe=probe)
            case Created() | Refused() | KeysRefused() | WrongUrl() | Unclear():  # of the application: it is there
                self._unclear_in_a_row = 0
                self._since = math.inf
                self._probes = 0
                self.next_probe_at = -math.inf
            case _:
                assert_never(answer)

    def gave_up(self, now: float) -> bool:
        """Say whether the server has been away for too long."""
        return now - self._since >= self._give_up_after_s

    def wakes_at(self) -> float:
        """When to look again: at the next probe, or when it is time to give up."""
        return min(self.next_probe_at, self._since + self._give_up_after_s)

    def _pause(self, reason: str, now: float, jitter: float, *, probe: bool) -> None:
        self.reason = reason
        if not self.is_on:
            self._since = now
        elif not probe:
            return  # what was under way already says nothing that was not known
        self._probes += 1
        # At least half of the wait is kept: probes that came at once would cost rows and learn nothing.
        wait_s = min(BACKOFF_LIMIT_S, self._first_wait_s * 2.0 ** min(self._probes - 1, 30))
        self.next_probe_at = now + wait_s * (1 + jitter) / 2


class ConcurrencyLimit:
    """The most rows under way at once. It falls when this process can't open the files that they need."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._news = ""

    def too_few(self, answer: NotSent, others: int) -> StoppedEarly | None:
        """Lower the number, as a row could open no file while ``others`` were under way.

        Return the error that ends the run if there were no others.
        """
        if not others:
            return StoppedEarly(
                f"this process can't open enough files to send a single row: {answer.reason}",
                hint="raise its limit, such as by `ulimit -n 1024`, then run the same command again",
            )
        # A quarter of the files is left to the rest of the program.
        fewer = min(self.most, max(1, others * 3 // 4))
        self._news = (
            f"this process can't open as many files as it needs (`ulimit -n`): at most {fewer} rows are sent at once"
            if fewer < self.most
            else ""
        )
        self.most = fewer
        return None

    def news(self) -> str:
        """Say once in words that there are fewer now."""
        news, self._news = self._news, ""
        return news


class FailureLimit:
    """``--max-failures``: N in a row, or N% of the finished rows once 100 are finished."""

    _SHARE_COUNTS_FROM = 100

    def __init__(self, text: str) -> None:
        """Read ``25`` or ``10%``. Raises ValueError with what is wrong."""
        number = text.strip().removesuffix("%")
        self._share = text.strip().endswith("%")
        if not number.isdecimal() or int(number) < 1 or (self._share and int(number) > 100):  # noqa: PLR2004 - per cent
            raise ValueError(f"{text!r} is not a number of failures; write 25 (in a row) or 10% (of all)")
        self._number = int(number)
        self._in_a_row = 0
        self._failed = 0
        self._finished = 0
        self._some_unknown = False

    def note(self, status: Status, *, counts: bool = False) -> None:
        """Count a row that is finished. ``counts``: as a failure, although it is unknown."""
        failed = counts or status is Status.FAILED
        self._finished += 1
        self._failed += failed
        self._in_a_row = self._in_a_row + 1 if failed else 0
        self._some_unknown |= counts

    @property
    def _more(self) -> str:
        return ", or were refused with an unclear answer" if self._some_unknown else ""

    def reached(self) -> str:
        """Say in words that there are too many failures; empty if there are not."""
        if self._share:
            enough = self._finished >= self._SHARE_COUNTS_FROM
            if enough and self._failed * 100 > self._number * self._finished:
                return f"{self._failed} of {self._finished} rows failed{self._more}, more than {self._number} %"
        elif self._in_a_row >= self._number:
            return (f"{self._in_a_row} rows in a row failed" if self._in_a_row > 1 else "a row failed") + self._more
        return ""
