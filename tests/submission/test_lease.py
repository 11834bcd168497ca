"""The last moment before a request leaves: a process that was paused there for long asks whose the row is."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from importer.errors import ProgramError, StoppedEarly
from importer.leadsquared.ticket_request import create_request
from importer.ledger.leases import LEASE_S
from importer.ledger.records import Outcome, RunInfo
from importer.ledger.store import Ledger
from importer.models import Ticket
from importer.submission.gate import AccountConfirmation, RowGate
from importer.submission.journal import Journal
from importer.submission.operations import CREATE
from importer.submission.send_queue import QueuedRow
from tests.ledger.disks import small_disk
from tests.ledger.ledgers import created, entry, expire_lease, intent, live_run, new_ledger, query, reopened, url_of

ROW = QueuedRow(
    row=2, key="A", cells=(), content="", operation=CREATE, request=create_request(Ticket(fields=(("Title", "a"),)))
)


class HeldUp:
    """The slot of a row whose process is held up when its intent is on the disk, until its slot is free."""

    is_late = False

    def __init__(self, held_up_s: float, meanwhile: Callable[[], object]) -> None:
        self.now_s = 1_000.0
        self._held_up_s = held_up_s
        self._meanwhile = meanwhile

    def clock(self) -> float:
        """The machine's clock, which passes only here."""
        return self.now_s

    async def wait_until_near(self, _ahead_s: float) -> None:
        """The slot is near."""

    async def wait_until_ready(self) -> None:
        """The slot is free, at last."""
        self.now_s += self._held_up_s
        self._meanwhile()


def pass_gate(ledger: Ledger, run: RunInfo, slot: HeldUp) -> None:
    """Let one row go through its gate."""

    async def main() -> None:
        async with Journal(ledger, run, slot.clock) as journal:
            await RowGate(ROW, cast("Any", slot), journal, AccountConfirmation(), probe=False).wait_until_allowed()

    asyncio.run(main())


def test_paused_run_without_its_lease_does_not_send(tmp_path: Path) -> None:
    """Its intent is on the disk, an hour has passed, the row is another run's: not one byte goes out."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger, contextlib.closing(reopened(tmp_path)) as other:
        run = live_run(ledger, "A")

        def overtake() -> None:
            expire_lease(tmp_path, run)
            live_run(other, "A")

        with pytest.raises(StoppedEarly, match="taken over"):
            pass_gate(ledger, run, HeldUp(3600.0, overtake))
        assert entry(other, run, "A").state == "unknown"


def test_paused_run_with_its_lease_continues(tmp_path: Path) -> None:
    """The lease is over by the clock, but nobody took it: it is renewed, and the request may leave."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = live_run(ledger, "A")
        pass_gate(ledger, run, HeldUp(3600.0, lambda: expire_lease(tmp_path, run)))
        assert query(tmp_path, "select lease_until > 0 from runs") == [(1,)]


def test_request_on_time_does_not_check_the_lease_again(tmp_path: Path) -> None:
    """Within half a lease of the intent nobody can have taken over, so the ledger is left alone."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = live_run(ledger, "A")
        pass_gate(ledger, run, HeldUp(LEASE_S / 2, lambda: expire_lease(tmp_path, run)))
        assert query(tmp_path, "select lease_until from runs") == [(0,)]


def test_failed_intent_needs_no_outcome(tmp_path: Path) -> None:
    """What never got on the disk is not subtracted from the row's attempts either."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = live_run(ledger, "B")

        async def main() -> RowGate:
            async with Journal(ledger, run) as journal:
                gate = RowGate(ROW, cast("Any", HeldUp(0.0, lambda: None)), journal, AccountConfirmation(), probe=False)
                with pytest.raises(StoppedEarly):
                    await gate.wait_until_allowed()
                return gate

        assert not asyncio.run(main()).intent_written
        back = Outcome(key="B", state="pending", outcome="withdrawn", counted=False)
        ledger.commit(run, [back])
        assert entry(ledger, run, "B").attempts == 0


def test_one_invalid_record_does_not_fail_the_others(tmp_path: Path) -> None:
    """Three answers in one commit, one of them unstorable: the other two are written."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = live_run(ledger, "A", "B", "C")
        ledger.commit(run, [intent(key) for key in "ABC"])
        unstorable = Outcome(key="B", state="failed", outcome="refused", error="half a pair: \ud800")

        async def main() -> list[Outcome | BaseException | None]:
            async with Journal(ledger, run) as journal:
                records = (created("A"), unstorable, created("C"))
                return await asyncio.gather(*map(journal.write, records), return_exceptions=True)

        first, second, third = asyncio.run(main())
        assert first is third is None
        assert isinstance(second, ProgramError)
        assert [entry(ledger, run, key).state for key in "ABC"] == ["created", "sending", "created"]


def test_outcomes_get_onto_a_full_disk(tmp_path: Path) -> None:
    """The intent is refused and ends the run; the answers to what is in flight are written from the reserve."""
    with small_disk(tmp_path / "disk", 8_000_000) as disk, contextlib.closing(new_ledger(disk.folder)) as ledger:
        keys = [f"key {number}" for number in range(100)]
        run = live_run(ledger, *keys, "next")
        ledger.commit(run, [intent(key) for key in keys])
        disk.fill()

        async def main() -> list[Outcome | BaseException | None]:
            async with Journal(ledger, run) as journal:
                answers = await asyncio.gather(*(journal.write(created(key)) for key in keys), return_exceptions=True)
                if journal.failure is None:  # they fitted into what the log had left
                    return answers
                with pytest.raises(StoppedEarly):
                    await journal.write(intent("nobody's"))
                return answers

        assert set(asyncio.run(main())) == {None}
        assert {each.state for each in ledger.look_up(run.account, run.source, keys).values()} == {"created"}


def test_locked_database_is_not_tried_for_each_row(tmp_path: Path) -> None:
    """A hundred outcomes would wait for the lock a hundred times: they are asked for together, twice at most."""
    new_ledger(tmp_path).close()
    path = tmp_path / "ledger.sqlite"
    with (
        contextlib.closing(Ledger.open(url_of(path, "?timeout=0.2"))) as ledger,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder,
    ):
        keys = [f"key {number}" for number in range(100)]
        run = live_run(ledger, *keys)
        ledger.commit(run, [intent(key) for key in keys])
        holder.execute("begin immediate")

        async def main() -> list[Outcome | BaseException | None]:
            async with Journal(ledger, run) as journal, asyncio.timeout(10):
                return await asyncio.gather(*(journal.write(created(key)) for key in keys), return_exceptions=True)

        assert {type(answer) for answer in asyncio.run(main())} == {StoppedEarly}
        holder.execute("rollback")


def test_a_call_whose_slot_is_lost_keeps_its_turn() -> None:
    """Before the account has accepted a call, one goes at a time; that one must not wait for itself."""

    async def whole() -> None:
        confirmation = AccountConfirmation()
        gate = RowGate(ROW, cast("Any", None), cast("Any", None), confirmation)
        async with asyncio.timeout(20):
            await confirmation.wait_for_turn(gate)
            await confirmation.wait_for_turn(gate)

    asyncio.run(whole())
