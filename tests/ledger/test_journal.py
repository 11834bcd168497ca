"""The ledger as the event loop uses it: after `write` returns, the record is on the disk; a failure stops the run."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from importer.errors import ProgramError, StoppedEarly
from importer.ledger.records import Outcome, RunInfo
from importer.ledger.store import Ledger
from importer.submission.journal import Journal
from tests.ledger.ledgers import created, entry, expire_lease, intent, live_run, new_ledger, reopened, url_of


async def written(journal: Journal, *records) -> list[Outcome | BaseException | None]:
    """Write all records at once, as many rows do; return each result."""
    return await asyncio.gather(*(journal.write(record) for record in records), return_exceptions=True)


def with_journal(ledger: Ledger, run: RunInfo, use):
    async def main():
        async with Journal(ledger, run) as journal:
            return await use(journal)

    return asyncio.run(main())


def test_a_written_record_is_on_the_disk(ledger, other) -> None:
    """Another connection sees it at once."""
    run = live_run(ledger, "A")

    async def use(journal: Journal) -> None:
        await journal.write(intent("A"))
        assert entry(other, run, "A").state == "sending"
        await journal.write(created("A"))
        assert entry(other, run, "A").state == "created"
        assert journal.failure is None

    with_journal(ledger, run, use)


def test_rows_share_commits_and_none_is_lost(ledger) -> None:
    """With more rows than a batch takes, each caller gets its result, and no record is lost or written twice."""
    keys = [f"key {number}" for number in range(1_200)]
    run = live_run(ledger, *keys)

    async def use(journal: Journal) -> None:
        assert set(await written(journal, *map(intent, keys))) == {None}
        assert set(await written(journal, *map(created, keys))) == {None}

    with_journal(ledger, run, use)
    found = ledger.look_up(run.account, run.source, keys)
    assert {(each.state, each.attempts) for each in found.values()} == {("created", 1)}
    assert len(found) == len(keys)


def test_a_refused_intent_keeps_the_outcomes_beside_it(ledger, other, tmp_path) -> None:
    """The run was taken over: nothing more is sent, but answers of the same moment are recorded."""
    run = live_run(ledger, "A", "B")
    ledger.commit(run, [intent("A")])
    expire_lease(tmp_path, run)
    live_run(other)

    async def use(journal: Journal) -> None:
        answers = await written(journal, intent("B"), created("A"))
        assert isinstance(answers[0], StoppedEarly)
        assert answers[1] is None
        assert journal.failure is answers[0]

    with_journal(ledger, run, use)
    assert entry(other, run, "A").state == "created"
    assert entry(other, run, "B").state == "pending"


def test_outcomes_are_written_after_an_intent_was_refused(ledger) -> None:
    """A failure stops sending; outcomes of requests in flight are still recorded."""
    run = live_run(ledger, "A")

    async def use(journal: Journal) -> None:
        await journal.write(intent("A"))
        with pytest.raises(StoppedEarly):
            await journal.write(intent("not claimed"))
        await journal.write(created("A"))
        assert isinstance(journal.failure, StoppedEarly)

    with_journal(ledger, run, use)
    assert entry(ledger, run, "A").state == "created"


def test_a_ledger_that_can_not_be_written_stops_the_run(tmp_path: Path) -> None:
    """Locked for too long: nothing may be sent; rows may have been sent, so it is no usage error."""
    new_ledger(tmp_path).close()
    path = tmp_path / "ledger.sqlite"
    with contextlib.ExitStack() as stack:
        ledger = stack.enter_context(contextlib.closing(Ledger.open(url_of(path, "?timeout=0.05"))))
        run = live_run(ledger, "A", "B")
        ledger.commit(run, [intent("A")])
        holder = stack.enter_context(contextlib.closing(sqlite3.connect(path, isolation_level=None)))
        holder.execute("begin immediate")

        async def use(journal: Journal) -> None:
            for answer in await written(journal, intent("B"), created("A")):
                assert isinstance(answer, StoppedEarly)
                assert answer.exit_code == 3
                assert "locked" in answer.message
                assert answer.hint
            holder.execute("rollback")
            await journal.write(created("A"))

        with_journal(ledger, run, use)
        assert entry(ledger, run, "A").state == "created"
        assert entry(ledger, run, "B").state == "pending"


def test_a_bug_in_the_ledger_ends_the_run_without_hanging(ledger) -> None:
    """A text that no database accepts: waiting callers get the error, and the journal works on for the others."""
    run = live_run(ledger, "A")
    unstorable = Outcome(key="A", state="failed", outcome="refused", error="half a pair: \ud800")

    async def use(journal: Journal) -> None:
        await journal.write(intent("A"))
        async with asyncio.timeout(20):
            with pytest.raises(ProgramError, match="UnicodeEncodeError"):
                await journal.write(unstorable)
            assert isinstance(journal.failure, ProgramError)
            await journal.write(created("A"))

    with_journal(ledger, run, use)
    assert entry(ledger, run, "A").state == "created"


def test_nothing_more_is_sent_once_a_commit_has_failed(ledger, other) -> None:
    """A row with a durable intent that has not been sent yet is not sent."""

    async def whole() -> None:
        run = live_run(ledger, "A", "B")
        async with Journal(ledger, run) as journal:
            await journal.write(intent("A"))
            await journal.check_lease()
            with pytest.raises(StoppedEarly):
                await journal.write(intent("not ours"))
            with pytest.raises(StoppedEarly, match="taken over the row"):
                await journal.check_lease()

    asyncio.run(whole())


def test_a_cancelled_row_is_still_recorded(ledger, tmp_path: Path) -> None:
    """Cancelling a row does not take back its record: the intent may be on the disk already."""
    run = live_run(ledger, "A")

    async def use(journal: Journal) -> None:
        waiting = asyncio.create_task(journal.write(intent("A")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await journal.write(Outcome(key="A", state="pending", outcome="withdrawn", counted=False))

    with_journal(ledger, run, use)
    with contextlib.closing(reopened(tmp_path)) as other:
        found = entry(other, run, "A")
    assert (found.state, found.attempts, found.run) == ("pending", 0, run.id)
