"""If the server is down, sending pauses and one row at a time probes it; few rows become unknown."""

from __future__ import annotations

import asyncio
import itertools
import selectors
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from importer.errors import StoppedEarly
from importer.models import Rate
from importer.rate_limit.slot_storage import MemorySlots
from importer.submission.retry import RetryPolicy
from tests.leadsquared.peers import peer, read_request, reply, to
from tests.submission.account import Account
from tests.submission.sending import Sending, row, rows, sending


def made(number: int) -> bytes:
    return reply(b'{"Status": "Success", "Id": "%d"}' % number)


class Busy:
    """A server with scripted answers. It records how many requests were in flight with each request."""

    def __init__(self, answer: Callable[[int], bytes]) -> None:
        self._answer = answer
        self._now = 0
        self.beside: list[int] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        while True:
            await read_request(reader)
            self._now += 1
            self.beside.append(self._now)
            answer = self._answer(len(self.beside))
            await asyncio.sleep(0.005)  # so that those in flight at once are
            self._now -= 1
            writer.write(answer)


def test_five_unclear_answers_pause_sending(tmp_path: Path) -> None:
    """Then only a probe is sent; its first usable answer resumes sending."""

    async def whole() -> None:
        back_at: list[int] = []

        def answer(number: int) -> bytes:
            if run.watcher.notes and busy.beside[-4:] == [1, 1, 1, 1] and not back_at:
                back_at.append(number)
            return made(number) if number == 1 or back_at else reply(b"", "503 Away")

        busy = Busy(answer)
        many = rows(80)
        async with peer(busy.handle) as url, sending(tmp_path, to(url), many, first_probe_s=0.002) as run:
            assert await run.of(many) is None
            states, notes = run.states(), run.watcher.notes
        assert states.count("unknown") == back_at[0] - 2
        assert states.count("created") == 80 - states.count("unknown")
        assert len(busy.beside) == 80
        assert max(busy.beside[: back_at[0]]) > 1
        assert max(busy.beside[back_at[0] :]) > 1
        assert len(notes) == 2
        assert "503 Service Unavailable" in notes[0]
        assert "sending continues" in notes[1]

    asyncio.run(whole())


def test_the_waits_between_probes_grow(tmp_path: Path) -> None:
    """Each wait is at least twice the previous one, so a night has a few dozen probes."""

    async def whole() -> list[float]:
        faults = [{"calls": "2-9", "fault": "503"}]
        sandbox = Account(faults)
        some = rows(11)
        async with sending(tmp_path, sandbox, some, concurrency=1, first_probe_s=0.08) as run:
            assert await run.of(some) is None
            assert run.states() == ["created", *["unknown"] * 8, "created", "created"]
        return [call.arrived_s for call in sandbox.calls]

    at = asyncio.run(whole())
    gaps = [later - earlier for earlier, later in itertools.pairwise(at[5:10])]
    # Half of a wait is chance, and chance is 0 here.
    assert all(gap > least for gap, least in zip(gaps, (0.04, 0.08, 0.16, 0.32), strict=True))


def test_server_that_stays_away_ends_the_run(tmp_path: Path) -> None:
    """After --give-up-after; only the probes are unknown, and the rest is pending."""

    async def whole() -> None:
        sandbox = Account([{"every": 1, "fault": "503"}])
        many = rows(200)
        async with sending(tmp_path, sandbox, many, give_up_after_s=0.3) as run:
            ending = await run.of(many)
            assert isinstance(ending, StoppedEarly)
            assert "no usable answer from the server for 0 s: 503" in ending.message
            assert run.states().count("unknown") == len(sandbox.calls) < 20
            assert run.states().count("pending") == 200 - len(sandbox.calls)

    asyncio.run(whole())


def test_refused_connection_loses_no_row(tmp_path: Path) -> None:
    """Nothing was sent, so no attempt is counted; when the server is back, all rows become tickets."""

    async def whole() -> None:
        busy = Busy(made)
        with socket.socket() as bound:  # refuses connections until somebody listens on it
            bound.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{bound.getsockname()[1]}"
            some = rows(5)
            async with sending(tmp_path, to(url), some) as run:
                refused = asyncio.Event()
                run.watcher.on_note = lambda _: refused.set()
                going = asyncio.create_task(run.of(some))
                await refused.wait()
                server = await asyncio.start_server(busy.handle, sock=bound)
                assert await going is None
                server.close()
                assert run.states() == ["created"] * 5
                assert {entry.attempts for entry in run.entries().values()} == {1}
                assert len(run.watcher.answers) == 5, "what was never sent is no call"
        assert len(busy.beside) == 5

    asyncio.run(whole())


def test_refused_connections_end_the_run(tmp_path: Path) -> None:
    """No row was sent, all are pending, and there are few attempts to connect."""

    async def whole() -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            some = rows(20)
            url = f"http://127.0.0.1:{bound.getsockname()[1]}"
            async with sending(tmp_path, to(url), some, give_up_after_s=0.3) as run:
                assert isinstance(await run.of(some), StoppedEarly)
                assert run.states() == ["pending"] * 20
                assert {entry.attempts for entry in run.entries().values()} == {0}
                assert len(run.watcher.answers) < 20

    asyncio.run(whole())


def test_connections_closed_at_once_end_the_run(tmp_path: Path) -> None:
    """Such a server is down, too: few attempts, and the run ends."""
    accepted = 0

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        writer.close()

    async def whole() -> None:
        async with peer(hang_up) as url:
            some = rows(5)
            async with sending(tmp_path, to(url), some, give_up_after_s=0.3) as run:
                assert isinstance(await run.of(some), StoppedEarly)
                # Found closed before the write or only after it: which of the two is the network's choice.
                assert set(run.states()) <= {"pending", "unknown"}

    asyncio.run(whole())
    assert accepted < 30


def test_outage_ends_when_all_rows_are_done(tmp_path: Path) -> None:
    """The last rows may be the probes."""

    async def whole() -> None:
        sandbox = Account([{"every": 1, "fault": "500"}])
        some = rows(7)
        async with sending(tmp_path, sandbox, some) as run:
            assert await run.of(some) is None
            assert run.states() == ["unknown"] * 7

    asyncio.run(whole())


class _Counting(selectors.DefaultSelector):
    rounds = 0

    def select(self, timeout: float | None = None):
        self.rounds += 1
        return super().select(timeout)


def test_waiting_for_a_probe_uses_no_cpu(tmp_path: Path) -> None:
    """The time of the next probe has passed while one hangs."""
    selector = _Counting()

    async def whole() -> int:
        faults = [{"calls": "1-5", "fault": "503"}, {"calls": 6, "fault": "hang-before"}]
        sandbox = Account(faults)
        some = rows(8)
        async with sending(tmp_path, sandbox, some, answer_s=1.0) as run:
            going = asyncio.create_task(run.of(some))
            await sandbox.until(lambda now: len(now.calls) == 6 and now.calls[5].fault is not None)
            before = selector.rounds
            await sandbox.until(lambda now: len(now.calls) == 7)
            rounds = selector.rounds - before
            assert await going is None
            return rounds

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        assert runner.run(whole()) < 500


def limit_holds_all(run: Sending) -> None:
    """Check that no 429 was counted as an attempt of its row."""
    assert {entry.attempts for entry in run.entries().values()} == {1}


def test_429_pauses_all_calls_for_retry_after(tmp_path: Path) -> None:
    """Retry-After stops every row; afterwards all become tickets."""

    async def whole() -> None:
        sandbox = Account([{"calls": 2, "fault": "429", "retry_after": 1}], latency_s=0.02)
        many = rows(30)
        async with sending(tmp_path, sandbox, many, concurrency=3) as run:
            assert await run.of(many) is None
            assert run.states() == ["created"] * 30
            limit_holds_all(run)
        calls = sandbox.calls
        told_s = calls[1].received_s or 0.0
        # Beside it and after it those were in flight that could not know yet.
        assert len([call for call in calls if call.arrived_s < told_s + 1]) <= 2 + 2 * 3
        assert len([call for call in calls if told_s + 0.5 < call.arrived_s < told_s + 1]) == 0

    asyncio.run(whole())


def test_429_without_retry_after_pauses_for_a_period(tmp_path: Path) -> None:
    """A whole period of the limit is always enough."""

    async def whole() -> None:
        sandbox = Account([{"calls": "1-3", "fault": "429"}])
        some = rows(3)
        async with sending(tmp_path, sandbox, some, rate=Rate(100, 0.2)) as run:
            assert await run.of(some) is None
            assert run.states() == ["created"] * 3
            limit_holds_all(run)
        at = [call.arrived_s for call in sandbox.calls]
        assert all(later - earlier > 0.19 for earlier, later in itertools.pairwise(at[:4]))
        assert len(at) == 6

    asyncio.run(whole())


@pytest.mark.parametrize("rule", [{"fault": "429", "retry_after": 900}, {"fault": "429"}], ids=["told", "untold"])
def test_used_up_limit_ends_the_run_after_give_up_time(rule: dict[str, object], tmp_path: Path) -> None:
    """At once if Retry-After is longer than --give-up-after; no row has an attempt."""

    async def whole() -> None:
        sandbox = Account([{"every": 1, **rule}])
        some = rows(5)
        async with sending(tmp_path, sandbox, some, give_up_after_s=0.3) as run:
            ending = await run.of(some)
            assert isinstance(ending, StoppedEarly)
            assert "limit stays used up" in ending.message
            assert run.states() == ["pending"] * 5
            assert {entry.attempts for entry in run.entries().values()} == {0}
            assert len(sandbox.calls) == 1 if "retry_after" in rule else len(sandbox.calls) < 8

    asyncio.run(whole())


@pytest.mark.parametrize("held_s", [0.3, 900.0])
def test_limit_used_up_by_another_run(held_s: float, tmp_path: Path) -> None:
    """The run waits if a slot is free soon enough, and ends without a call otherwise."""

    async def whole() -> None:
        slots = MemorySlots(asyncio.get_running_loop().time)
        slots.change_later(lambda pool, now: setattr(pool, "paused_until", now + held_s))
        sandbox = Account()
        some = rows(3)
        async with sending(tmp_path, sandbox, some, give_up_after_s=10.0, slots=slots) as run:
            ending = await run.of(some)
            if held_s < 10:
                assert ending is None
                assert run.states() == ["created"] * 3
            else:
                assert isinstance(ending, StoppedEarly)
                assert "limit stays used up" in ending.message
                assert run.states() == ["pending"] * 3
                assert not sandbox.calls

    asyncio.run(whole())


def test_next_run_tests_the_limit_with_a_call(tmp_path: Path) -> None:
    """A Retry-After of hours ends this run, and does not delay the next one."""

    async def whole() -> None:
        slots = MemorySlots(asyncio.get_running_loop().time)
        sandbox = Account([{"calls": 1, "fault": "429", "retry_after": 86_400}])
        some = rows(3)
        for folder, ending_is in (("first", StoppedEarly), ("second", type(None))):
            (tmp_path / folder).mkdir()
            async with sending(tmp_path / folder, sandbox, some, give_up_after_s=0.3, slots=slots) as run:
                assert isinstance(await run.of(some), ending_is)
        assert len(sandbox.calls) == 1 + 3

    asyncio.run(whole())


def test_unknown_rows_are_resent_only_on_request(tmp_path: Path) -> None:
    """--retry-status repeats these statuses, --on-unknown retry all; the number of repeats is limited."""

    async def send(folder: str, faults: list[dict[str, object]], policy: RetryPolicy) -> tuple[list[str], int, int]:
        (tmp_path / folder).mkdir()
        sandbox = Account(faults)
        one = [row(2)]
        async with sending(tmp_path / folder, sandbox, one, policy=policy, answer_s=0.2) as run:
            assert await run.of(one) is None
            return run.states(), run.entries()["2"].attempts, len(sandbox.calls)

    some = RetryPolicy(retry_statuses=frozenset({503}))
    every = RetryPolicy(retry_unknown=True)
    twice: list[dict[str, object]] = [{"calls": "1-2", "fault": "503"}]
    assert asyncio.run(send("a", twice, some)) == (["created"], 3, 3)
    assert asyncio.run(send("b", [{"calls": "1-2", "fault": "500"}], some)) == (["unknown"], 1, 1)
    assert asyncio.run(send("c", [{"calls": 1, "fault": "hang-before"}], every)) == (["created"], 2, 2)
    assert asyncio.run(send("d", [{"every": 1, "fault": "reset-before"}], every)) == (["unknown"], 5, 5)


def test_refusal_keeps_an_unknown_row_unknown(tmp_path: Path) -> None:
    """A 500 may have created the ticket, and the 400 is for the repeat."""

    async def whole() -> None:
        faults = [{"calls": 1, "fault": "500-after"}, {"calls": 2, "fault": "400"}]
        sandbox = Account(faults)
        one = [row(2)]
        async with sending(tmp_path, sandbox, one, policy=RetryPolicy(retry_unknown=True)) as run:
            assert await run.of(one) is None
            entry = run.entries()["2"]
            assert (entry.state, entry.attempts) == ("unknown", 2)
            assert "an earlier request may have created the ticket" in entry.error
        assert len(sandbox.tickets) == 1

    asyncio.run(whole())
