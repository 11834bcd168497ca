"""Hours in which the server is away, in no time: what an outage costs, and when the run goes on or gives up."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from importer.errors import Interrupted
from importer.leadsquared.answers import Answer, AnswerReader, Created, NotSent, Throttled, Unclear
from importer.leadsquared.requests import Request
from importer.ledger.records import Intent, Outcome
from importer.models import Rate, Status, TicketIds
from importer.rate_limit.limiter import LimiterOptions, RateLimiter
from importer.rate_limit.slot_storage import MemorySlots
from importer.runtime.events import Event, RowSettled, Warned
from importer.submission.context import SubmissionContext, SubmissionOptions
from importer.submission.failure_limit import FailureLimit
from importer.submission.operations import CREATE
from importer.submission.retry import RetryPolicy
from importer.submission.send_queue import QueuedRow
from importer.submission.submit import Submission
from tests import fake_time

HOUR_S = 3600.0
RATE = Rate(25, 5.0)
ANSWER_S = 0.3
Server = Callable[[float, int], tuple[float, Answer | None]]
"""From a moment and the number of calls so far (of those that left, once this one has): how long an answer takes, and what it is. None: no connection."""


@dataclass
class World:
    """A client, a ledger and an onlooker without a network, a disk or a screen; each notes what it sees."""

    server: Server
    calls: int = 0  # whether a byte of them left or not
    left_at: list[float] = field(default_factory=list)
    records: list[Intent | Outcome] = field(default_factory=list)
    settled: dict[int, RowSettled] = field(default_factory=dict)
    notes: list[tuple[float, str]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    failure: None = None

    async def send(self, _request: Request, gate: Any, _read: AnswerReader) -> Answer:
        """The client's part."""
        now = asyncio.get_running_loop().time
        self.calls += 1
        takes_s, answer = self.server(now(), self.calls)
        if answer is None:
            await asyncio.sleep(takes_s)
            return NotSent("connection refused")
        await gate.wait_until_allowed()
        gate.on_first_byte()
        self.left_at.append(now())
        takes_s, answer = self.server(now(), len(self.left_at))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(takes_s)
        finally:
            self.under_way -= 1
        return answer or Unclear("no-answer", "the connection was cut")

    async def write(self, record: Intent | Outcome) -> None:
        """The journal's part."""
        self.records.append(record)

    @property
    def write_s(self) -> float:
        """How long a record takes to write: no time."""
        return 0.0

    async def check_lease(self) -> None:
        """The journal's part, too."""

    def listen(self, event: Event) -> None:
        """Keep settled rows and warnings."""
        match event:
            case RowSettled(row=row):
                assert row not in self.settled, "a row is done once"
                self.settled[row] = event
            case Warned(text):
                self.notes.append((asyncio.get_running_loop().time(), text))

    def statuses(self) -> dict[Status, int]:
        """How many rows are in which state."""
        states = [settled.status for settled in self.settled.values()]
        return {state: states.count(state) for state in set(states)}

    def outcomes(self, name: str) -> list[Outcome]:
        """The outcomes of this name."""
        return [each for each in self.records if isinstance(each, Outcome) and each.outcome == name]


async def rows(number: int) -> AsyncIterator[QueuedRow]:
    for row in range(number):
        yield QueuedRow(row=row, key=str(row), cells=(), content="", operation=CREATE, request=Request(path="tickets"))


def send(world: World, count: int, *, give_up_after_s: float = 900.0, stop_at_s: float | None = None):
    """Send so many rows; give how it ended, and when."""

    async def main():
        loop = asyncio.get_running_loop()
        chances = itertools.cycle([0.0, 0.5, 0.999])
        terms = SubmissionOptions(
            policy=RetryPolicy(),
            failure_limit=FailureLimit("25"),
            give_up_after_s=give_up_after_s,
            grace_s=20.0,
            concurrency=100,
            jitter=lambda: next(chances),
        )
        part = cast("Any", world)
        limiter = RateLimiter(LimiterOptions(rate=RATE), MemorySlots(loop.time))
        submission = Submission(SubmissionContext(client=part, limiter=limiter, journal=part, emit=part.listen), terms)
        if stop_at_s is not None:
            loop.call_at(stop_at_s, lambda: submission.stop(Interrupted(15, "interrupted")))
        ending = await submission.run(rows(count))
        return ending, loop.time()

    return fake_time.run(main())


def created(number: int) -> Answer:
    return Created(TicketIds(number=str(number)))


def away(begins_s: float, ends_s: float, takes_s: float, answer: Answer | None) -> Server:
    """A server that answers but for a while."""

    def server(now: float, number: int) -> tuple[float, Answer | None]:
        return (takes_s, answer) if begins_s <= now < ends_s else (ANSWER_S, created(number))

    return server


GATEWAY_ERROR = Unclear("server-error", "503", 503)
SILENCE = Unclear("answer-timeout", "no answer within 120 s")


@pytest.mark.parametrize(
    ("takes_s", "answer"),
    [(0.1, GATEWAY_ERROR), (120.0, SILENCE), (0.0, Unclear("no-answer", "cut"))],
    ids=["errors", "silence", "cut"],
)
def test_hour_of_outage_loses_only_rows_in_flight_and_probes(takes_s: float, answer: Answer) -> None:
    """The run waits and goes on by itself: of 800 rows each is settled once, and no more than that are unknown."""
    world = World(away(60.0, 60.0 + HOUR_S, takes_s, answer))
    ending, _ = send(world, 800, give_up_after_s=2 * HOUR_S)
    assert ending is None
    paused_at, resumed_at = (at for at, _ in world.notes)
    probes = sum(paused_at < at <= resumed_at for at in world.left_at)
    statuses = world.statuses()
    assert statuses[Status.CREATED] + statuses[Status.UNKNOWN] == 800
    # The first four that say nothing don't make it pause yet: others may have taken their places.
    assert statuses[Status.UNKNOWN] <= world.most_under_way + 4 + probes
    # Once the waits have grown there is a probe or two a minute, and the run goes on within a minute.
    assert HOUR_S / (60 + takes_s + 1) - 2 <= probes <= HOUR_S / 30 + 12
    assert resumed_at <= 60.0 + HOUR_S + 61 + takes_s


def test_server_unreachable_for_an_hour_loses_no_row() -> None:
    """Nothing was sent, so nothing is unknown: all rows become tickets when it is back, each by one request."""
    world = World(away(60.0, 60.0 + HOUR_S, 0.2, None))
    ending, _ = send(world, 800, give_up_after_s=2 * HOUR_S)
    assert ending is None
    assert world.statuses() == {Status.CREATED: 800}
    assert len(world.left_at) == 800


@pytest.mark.parametrize("answer", [None, GATEWAY_ERROR, SILENCE], ids=["refused", "errors", "silence"])
def test_a_server_that_is_down_at_the_start_is_given_up_in_time(answer: Answer | None) -> None:
    """--give-up-after holds from the first call on; a handful of rows is tried, the others stay pending."""
    takes_s = 120.0 if answer is SILENCE else 0.1
    world = World(away(0.0, 10 * HOUR_S, takes_s, answer))
    ending, ended_at = send(world, 500, give_up_after_s=900.0)
    assert ending is not None
    assert ending.exit_code == 3
    assert "15 min" in ending.message
    # Silence is known as such after five answers that did not come; a probe in flight is waited for.
    assert 900.0 <= ended_at <= 900.0 + 6 * takes_s + 1
    assert len(world.settled) == (0 if answer is None else len(world.left_at))
    assert world.calls <= 40 + RATE.calls  # at first, the connections of a whole burst are made ready


def test_each_outage_gets_the_whole_give_up_time() -> None:
    """Two of ten minutes are not one of twenty."""

    def server(now: float, number: int) -> tuple[float, Answer | None]:
        is_away = 30 <= now < 630 or 700 <= now < 1300
        return (0.1, GATEWAY_ERROR) if is_away else (ANSWER_S, created(number))

    world = World(server)
    ending, _ = send(world, 500, give_up_after_s=900.0)
    assert ending is None
    assert len([note for _, note in world.notes if "sending continues" in note]) == 2
    assert len(world.settled) == 500
    assert world.statuses()[Status.UNKNOWN] <= 2 * (world.most_under_way + 20)


def test_used_up_limit_is_waited_for_until_give_up_time() -> None:
    """A daily cap: 429 again and again. No row is lost or unknown, and no window has more calls than the limit."""
    world = World(lambda now, number: (0.1, created(number) if now < 10 else Throttled(None)))
    ending, ended_at = send(world, 500, give_up_after_s=900.0)
    assert ending is not None
    assert ending.exit_code == 3
    assert "used up" in ending.message
    assert 900.0 <= ended_at <= 930.0
    assert set(world.statuses()) == {Status.CREATED}
    assert max(sum(start <= at < start + 4.99 for at in world.left_at) for start in world.left_at) <= RATE.calls
    assert {each.state for each in world.outcomes("throttled")} == {"pending"}


@pytest.mark.parametrize(
    ("server", "at_s"),
    [
        (away(0.0, HOUR_S, 0.1, None), 300.0),
        (away(0.0, HOUR_S, 0.1, GATEWAY_ERROR), 300.0),
        (lambda _now, _number: (0.1, Throttled(HOUR_S / 10)), 300.0),
        (away(HOUR_S, HOUR_S, 0.0, None), 22.0),
    ],
    ids=["backing off", "between probes", "limit used up", "waiting for a slot"],
)
def test_a_signal_ends_any_wait_at_once(server: Server, at_s: float) -> None:
    """Whatever the run waits for, it ends within a moment of the signal, and everything that left is settled."""
    world = World(server)
    ending, ended_at = send(world, 500, give_up_after_s=10 * HOUR_S, stop_at_s=at_s)
    assert isinstance(ending, Interrupted)
    assert at_s <= ended_at <= at_s + 1
    open_keys: set[str] = set()
    for record in world.records:
        (open_keys.add if isinstance(record, Intent) else open_keys.discard)(record.key)
    assert not open_keys, "an intent without an outcome"


def test_probe_in_flight_gets_the_grace_time() -> None:
    """A signal while a probe hangs: it is waited for as long as --grace says, no longer, and is unknown."""
    world = World(away(0.0, HOUR_S, 120.0, SILENCE))
    ending, ended_at = send(world, 50, stop_at_s=700.0)
    assert isinstance(ending, Interrupted)
    assert ended_at <= 721.0
    assert {each.status for each in world.settled.values()} == {Status.UNKNOWN}
    assert len(world.settled) == len(world.left_at)


def test_chosen_wait_is_recorded() -> None:
    """An attempt after which its row goes again says how long the row was held back: here, a limit's full period."""
    world = World(lambda _now, number: (0.1, Throttled(None) if number <= 3 else created(number)))
    ending, _ = send(world, 5)
    assert ending is None
    waits = [each.wait_s for each in world.outcomes("throttled")]
    assert waits == [pytest.approx(RATE.period_s)] * 3
    assert {each.wait_s for each in world.outcomes("created")} == {None}
