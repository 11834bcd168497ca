"""Sending rows: the first alone, rows of one lead one after the other, limits, and every way to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from importer.errors import Interrupted, ManifestError, ProgramError, StoppedEarly
from importer.models import Rate, Secret, Status
from importer.sandbox import serve
from importer.submission.failure_limit import FailureLimit
from importer.submission.send_queue import QueuedRow
from tests.leadsquared.peers import attach, quick
from tests.ledger.ledgers import query
from tests.submission.account import Account
from tests.submission.sending import address, of_one_lead, row, rows, sending


def stop_signal() -> Interrupted:
    return Interrupted(15, "interrupted by SIGTERM")


def most_at_once(sandbox: Account, latency_s: float) -> int:
    """Return the most calls in flight at a time, by their arrival and their least duration."""
    at = [call.arrived_s for call in sandbox.calls]
    return max(sum(1 for other in at if moment <= other < moment + latency_s) for moment in at)


def test_wrong_keys_cost_one_call(tmp_path: Path) -> None:
    """The first call is sent alone; refused keys end the run, and every row is pending without an attempt."""

    async def whole() -> None:
        async with serve(quick()) as sandbox:
            many = rows(50)
            wrong = replace(address(sandbox), secret_key=Secret("wrong"))
            async with sending(tmp_path, wrong, many) as run:
                ending = await run.of(many)
                assert isinstance(ending, StoppedEarly)
                assert "refuses the keys" in ending.message
                assert ending.hint
                assert run.states() == ["pending"] * 50
                assert {entry.attempts for entry in run.entries().values()} == {0}
                assert run.watcher.finished_rows == []
            assert len(sandbox.calls) == 1

    asyncio.run(whole())


def test_the_first_call_goes_alone_and_then_many(tmp_path: Path) -> None:
    """After its answer, as many calls as the concurrency allows."""

    async def whole() -> None:
        sandbox = Account(latency_s=0.1)
        many = rows(21)
        async with sending(tmp_path, sandbox, many, concurrency=5) as run:
            assert await run.of(many) is None
            assert run.states() == ["created"] * 21
        at = [call.arrived_s for call in sandbox.calls]
        assert at[1] - at[0] >= 0.1
        assert 1 < most_at_once(sandbox, 0.1) <= 5

    asyncio.run(whole())


def test_rows_of_one_new_lead_make_one_lead(tmp_path: Path) -> None:
    """One after the other until the first is a ticket; then in parallel."""

    async def whole() -> None:
        sandbox = Account([{"calls": "1-2", "fault": "503"}], latency_s=0.1)
        many = of_one_lead(50)
        async with sending(tmp_path, sandbox, many, concurrency=50) as run:
            assert await run.of(many) is None
            assert sorted(set(run.states())) == ["created", "unknown"]
        assert sandbox.warnings == ()
        assert len(sandbox.leads) == 1
        at = [call.arrived_s for call in sandbox.calls]
        assert at[3] - at[0] >= 0.3
        assert most_at_once(sandbox, 0.1) > 2

    asyncio.run(whole())


def test_different_leads_do_not_delay_each_other(tmp_path: Path) -> None:
    """Rows whose lead is in flight wait; others overtake them, and all are sent."""

    async def whole() -> None:
        sandbox = Account(latency_s=0.1)
        leads = [f"lead{number}@example.com" for number in range(10)]
        many = [
            replace(each, row=number, key=f"{number}")
            for number, each in enumerate((one for lead in leads for one in of_one_lead(6, lead)), start=2)
        ]
        async with sending(tmp_path, sandbox, many) as run:
            assert await run.of(many) is None
            assert run.states() == ["created"] * 60
        assert sandbox.warnings == ()
        assert len(sandbox.leads) == 10
        assert most_at_once(sandbox, 0.1) > 2

    asyncio.run(whole())


@pytest.mark.parametrize(("limit", "failed"), [("3", 3), ("10%", 100)])
def test_too_many_failures_end_the_run(limit: str, failed: int, tmp_path: Path) -> None:
    """N in a row, or N % once 100 rows are finished: the rest is pending, and the reason is reported."""

    async def whole() -> None:
        sandbox = Account([{"every": 1, "fault": "400"}])
        many = rows(120)
        async with sending(tmp_path, sandbox, many, concurrency=1, failure_limit=FailureLimit(limit)) as run:
            ending = await run.of(many)
            assert isinstance(ending, StoppedEarly)
            assert "failed" in ending.message
            assert run.states().count("failed") == failed == len(sandbox.calls)
            assert run.states().count("pending") == 120 - failed

    asyncio.run(whole())


def test_failures_of_repeated_rows_are_not_counted(tmp_path: Path) -> None:
    """Rows that failed in an earlier run may fail again."""

    async def whole() -> None:
        sandbox = Account([{"every": 1, "fault": "400"}])
        again = [row(number, failed_before=True) for number in range(2, 8)]
        async with sending(tmp_path, sandbox, again, failure_limit=FailureLimit("2")) as run:
            assert await run.of(again) is None
            assert run.states() == ["failed"] * 6

    asyncio.run(whole())


def test_stopping_lets_requests_in_flight_finish(tmp_path: Path) -> None:
    """After a signal: nothing new is sent, those in flight become tickets, the rest is pending."""

    async def whole() -> None:
        sandbox = Account(latency_s=0.2)
        many = rows(50)
        async with sending(tmp_path, sandbox, many, concurrency=10) as run:
            going = asyncio.create_task(run.of(many))
            await sandbox.until(lambda now: len(now.calls) >= 5)
            run.submission.stop(stop_signal())
            assert isinstance(await going, Interrupted)
            states = run.states()
        assert set(states) == {"created", "pending"}
        assert states.count("created") == len(sandbox.tickets) == len(sandbox.calls) < 50

    asyncio.run(whole())


@pytest.mark.parametrize("second", ["grace", "second signal"])
def test_unfinished_requests_are_unknown(second: str, tmp_path: Path) -> None:
    """After the grace time, or at once after a second signal."""

    async def whole() -> None:
        sandbox = Account([{"calls": "2-99", "fault": "hang-after"}])
        many = rows(20)
        grace_s = 0.1 if second == "grace" else 60.0
        async with sending(tmp_path, sandbox, many, concurrency=6, grace_s=grace_s) as run:
            going = asyncio.create_task(run.of(many))
            await sandbox.until(lambda now: len(now.tickets) == 7)
            run.submission.stop(stop_signal())
            if second == "second signal":
                await asyncio.sleep(0)
                run.submission.stop(stop_signal(), at_once=True)
            assert isinstance(await going, Interrupted)
            states = run.states()
            unknown = [entry for entry in run.entries().values() if entry.state == "unknown"]
        assert states == ["created", *["unknown"] * 6, *["pending"] * 13]
        assert {entry.error_code for entry in unknown} == {"interrupted"}
        assert {entry.attempts for entry in unknown} == {1}
        assert run.watcher.notes == [], "nothing pauses, and nobody probes"

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("rate", "faults", "calls"),
    [
        (Rate(2, 3600), [], 2),
        (Rate(1000, 1), [{"every": 1, "fault": "429", "retry_after": 600}], 1),
        (Rate(1000, 1), [{"calls": "1-5", "fault": "503"}], 5),
    ],
    ids=["a slot", "the limit", "the server"],
)
def test_stopping_does_not_wait_for(rate: Rate, faults: list[object], calls: int, tmp_path: Path) -> None:
    """A signal ends a run that waits for a slot, the limit or the server; no row stays in flight."""

    async def whole() -> None:
        sandbox = Account(faults)
        some = rows(8)
        async with sending(tmp_path, sandbox, some, rate=rate, give_up_after_s=3600.0, first_probe_s=900.0) as run:
            enough = asyncio.Event()
            run.watcher.on_called = lambda _: enough.set() if len(run.watcher.answers) >= calls else None
            going = asyncio.create_task(run.of(some))
            await enough.wait()
            await asyncio.sleep(0.05)  # into the wait
            run.submission.stop(stop_signal())
            async with asyncio.timeout(5):
                assert isinstance(await going, Interrupted)
            assert len(sandbox.calls) == calls
            assert run.states().count("pending") == (8 if "429" in str(faults) else 8 - calls)

    asyncio.run(whole())


def test_stopping_withdraws_requests_at_the_gate(tmp_path: Path) -> None:
    """They have a connection and perhaps an intent, but nothing was sent: pending, without an attempt."""

    async def whole() -> None:
        sandbox = Account()
        some = rows(5)
        async with sending(tmp_path, sandbox, some, rate=Rate(1, 0.9)) as run:
            going = asyncio.create_task(run.of(some))
            await sandbox.until(lambda now: len(now.tickets) == 1)
            await asyncio.sleep(0.2)  # the next has its slot, a while ahead
            run.submission.stop(stop_signal())
            assert isinstance(await going, Interrupted)
            entries = run.entries().values()
        assert {(entry.state, entry.attempts) for entry in entries} == {("created", 1), ("pending", 0)}
        assert len(sandbox.calls) == len(sandbox.tickets)

    asyncio.run(whole())


def test_lost_ledger_ends_the_run(tmp_path: Path) -> None:
    """Another run has taken over: no new request; outcomes of sent requests are recorded, even late ones."""

    async def whole() -> None:
        sandbox = Account(latency_s=0.02)
        many = rows(40)
        async with sending(tmp_path, sandbox, many, concurrency=4) as run:

            def lose(_: object) -> None:
                if len(run.watcher.finished_rows) == 10:
                    query(tmp_path, "update runs set ended_at = '2026-01-01'")

            run.watcher.on_finished = lose
            ending = await run.of(many)
            assert isinstance(ending, StoppedEarly)
            assert not isinstance(ending, ProgramError)
            states = run.states()
        assert len(sandbox.tickets) == len(sandbox.calls) == states.count("created") < 40
        assert states.count("pending") == 40 - len(sandbox.tickets)

    asyncio.run(whole())


class DisplayBroke(OSError):
    pass


@pytest.mark.parametrize("which", ["finished", "called", "note"])
@pytest.mark.parametrize(
    "error", [StoppedEarly("the disk is full"), DisplayBroke("broken pipe")], ids=["foreseen", "not"]
)
def test_failing_listener_loses_no_outcome(which: str, error: Exception, tmp_path: Path) -> None:
    """A full disk or a closed terminal ends the run; the ledger has the outcome before a listener is called."""

    async def whole() -> None:
        sandbox = Account([{"calls": "4-60", "fault": "500-after"}], latency_s=0.02)
        many = rows(60)
        async with sending(tmp_path, sandbox, many, concurrency=4) as run:

            def fail(_: object) -> None:
                if which == "note" or len(run.watcher.finished_rows) >= 3:
                    raise error

            setattr(run.watcher, f"on_{which}", fail)
            ending = await run.of(many)
            assert ending is error if isinstance(error, StoppedEarly) else isinstance(ending, ProgramError)
            states = run.states()
        assert len(sandbox.calls) < 60
        assert states.count("created") + states.count("unknown") == len(sandbox.tickets) == len(sandbox.calls)
        assert states.count("pending") == 60 - len(sandbox.calls)

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ManifestError("it changed"), StoppedEarly),
        (ValueError("a bug"), ProgramError),
        (OSError("no disk"), ProgramError),
    ],
)
def test_rows_that_cannot_be_read_end_the_run(error: Exception, kind: type, tmp_path: Path) -> None:
    """After any error in reading a row the run ends, says that rows were sent, and never hangs."""

    async def some(known: list[QueuedRow]) -> AsyncIterator[QueuedRow]:
        for each in known[:5]:
            yield each
        raise error

    async def whole() -> None:
        sandbox = Account()
        many = rows(10)
        async with sending(tmp_path, sandbox, many) as run, asyncio.timeout(20):
            ending = await run.submission.run(some(many))
            assert type(ending) is kind
            assert ending is not None
            assert ending.exit_code == (3 if kind is StoppedEarly else 5)  # and not that nothing was sent
            states = run.states()
        assert states.count("created") == len(sandbox.tickets)
        assert set(states) <= {"created", "pending"}

    asyncio.run(whole())


class Broken(tuple[str, ...]):
    """Leads that raise an unexpected error."""

    __slots__ = ()

    def __iter__(self):
        raise ZeroDivisionError


def test_bug_between_two_rows_loses_no_outcome(tmp_path: Path) -> None:
    """Outcomes in flight are recorded before the run ends with the bug."""

    async def whole() -> None:
        sandbox = Account(latency_s=0.1)
        many = [*rows(6), row(8, leads=Broken("a")), row(9)]

        async def some() -> AsyncIterator[QueuedRow]:
            for each in many[:6]:
                yield each
            await sandbox.until(lambda account: len(account.calls) >= 3)
            for each in many[6:]:
                yield each

        async with sending(tmp_path, sandbox, many) as run, asyncio.timeout(20):
            ending = await run.submission.run(some())
            assert isinstance(ending, ProgramError)
            assert isinstance(ending.__cause__, ZeroDivisionError)
            assert run.states().count("created") == len(sandbox.tickets)
            assert run.states()[6:] == ["pending"] * 2
        assert len(sandbox.tickets) == len(sandbox.calls) > 1

    asyncio.run(whole())


def test_unsendable_row_fails_without_a_request(tmp_path: Path) -> None:
    """It was valid when it was checked: failed without a call or an attempt; other rows are sent."""

    async def whole() -> None:
        sandbox = Account()
        some = [row(2), row(3, unsendable_reason="a.pdf is gone"), row(4)]
        async with sending(tmp_path, sandbox, some) as run:
            assert await run.of(some) is None
            entry = run.entries()["3"]
            assert (entry.state, entry.error_code, entry.attempts) == ("failed", "attachment-changed", 0)
            assert run.states() == ["created", "failed", "created"]
            assert {key for key, _ in run.watcher.finished_rows} == {"2", "3", "4"}
        assert len(sandbox.calls) == 2

    asyncio.run(whole())


def test_a_file_that_changed_fails_its_row_alone(tmp_path: Path) -> None:
    """The change is found when the file is opened: no call, no attempt, and the next row uses the slot."""

    async def whole() -> None:
        async with serve(quick()) as sandbox:
            file = attach(tmp_path / "a.txt", b"content")
            some = [row(2), row(3, file), row(4)]
            file.path.write_bytes(b"other content")
            async with sending(tmp_path, sandbox, some) as run:
                assert await run.of(some) is None
                entry = run.entries()["3"]
                assert (entry.state, entry.error_code, entry.attempts) == ("failed", "attachment-changed", 0)
                assert run.states() == ["created", "failed", "created"]
            assert len(sandbox.calls) == 2

    asyncio.run(whole())


def test_no_rows_are_no_work(tmp_path: Path) -> None:
    """A run with nothing to send ends at once."""

    async def whole() -> None:
        sandbox = Account()
        async with sending(tmp_path, sandbox, rows(1)) as run:
            assert await run.of([]) is None
            assert sandbox.calls == ()

    asyncio.run(whole())


def test_slow_reader_does_not_delay_sending(tmp_path: Path) -> None:
    """Rows are sent as they are read."""

    async def whole() -> None:
        sandbox = Account()
        some = rows(3)

        async def one_by_one() -> AsyncIterator[QueuedRow]:
            for number, each in enumerate(some):
                await sandbox.until(lambda now, number=number: len(now.tickets) == number)  # type: ignore[misc]
                yield each

        async with sending(tmp_path, sandbox, some) as run, asyncio.timeout(20):
            assert await run.submission.run(one_by_one()) is None
            assert run.states() == ["created"] * 3

    asyncio.run(whole())


def test_every_row_is_reported_once(tmp_path: Path) -> None:
    """Listeners get each row when it is done, and each call, repeated ones included."""

    async def whole() -> None:
        sandbox = Account([{"calls": 2, "fault": "429"}, {"calls": 4, "fault": "400"}])
        some = rows(5)
        async with sending(tmp_path, sandbox, some, concurrency=1) as run:
            assert await run.of(some) is None
            told = dict(run.watcher.finished_rows)
            assert len(run.watcher.finished_rows) == len(told) == 5
            assert [status.status for status in told.values()].count(Status.FAILED) == 1
            assert len(run.watcher.answers) == len(sandbox.calls) == 6

    asyncio.run(whole())
