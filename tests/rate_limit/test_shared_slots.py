"""The pool in the ledger, as the event loop sees it: ordered changes, batches, and errors."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from importer.errors import ProgramError, StoppedEarly
from importer.ledger.store import Ledger
from importer.rate_limit import SlotPool
from importer.rate_limit.shared_slots import SharedSlots
from importer.rate_limit.slot_records import FileSlotRecords, slot_records
from tests.ledger.ledgers import new_ledger, query, reopened

ACCOUNT = "tenant"
PATIENCE_S = 30.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        yield ledger


@contextlib.asynccontextmanager
async def storage_of(ledger: Ledger) -> AsyncIterator[SharedSlots]:
    records = slot_records(ledger, ACCOUNT)
    assert isinstance(records, FileSlotRecords)
    async with asyncio.timeout(PATIENCE_S), SharedSlots(records) as storage:
        yield storage


class Held:
    """A change that lasts until it is released; later changes have to wait."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()
        self._let_go = threading.Event()

    def __call__(self, pool: SlotPool, _now: float) -> None:
        """Make the change."""
        pool.alone_slot = 7
        self._loop.call_soon_threadsafe(self.begun.set)
        assert self._let_go.wait(PATIENCE_S)

    def let_go(self) -> None:
        """Release it."""
        self._let_go.set()


def writing(made: list[int], number: int) -> Callable[[SlotPool, float], int]:
    def change(_pool: SlotPool, _now: float) -> int:
        made.append(number)
        return number

    return change


def noting(number: int) -> Callable[[SlotPool, float], None]:
    def change(pool: SlotPool, _now: float) -> None:
        pool.alone_slot = number

    return change


def look(_pool: SlotPool, _now: float) -> None:
    """Change nothing."""


def test_changes_are_made_in_order(ledger: Ledger) -> None:
    """Whether a caller waits or not; each gets its own result."""

    async def whole() -> tuple[list[int], list[int]]:
        made, tasks = list[int](), []
        async with storage_of(ledger) as storage:
            for number in range(60):
                if number % 3:
                    storage.change_later(writing(made, number))
                else:
                    tasks.append(asyncio.create_task(storage.change(writing(made, number))))
                    await asyncio.sleep(0)  # so that it is queued
            answers = [told for _, told in await asyncio.gather(*tasks)]
        return made, answers

    made, answers = asyncio.run(whole())
    assert made == list(range(60))
    assert answers == list(range(0, 60, 3))


def test_changes_made_meanwhile_share_one_transaction(ledger: Ledger) -> None:
    """Otherwise commits would be the bottleneck."""

    async def whole() -> set[tuple[int, float]]:
        held = Held()
        async with storage_of(ledger) as storage:
            first = asyncio.create_task(storage.change(held))
            await held.begun.wait()
            rest = [asyncio.create_task(storage.change(lambda pool, now: (id(pool), now))) for _ in range(200)]
            await asyncio.sleep(0)
            held.let_go()
            await first
            return {told for _, told in await asyncio.gather(*rest)}

    assert len(asyncio.run(whole())) == 1


def test_caller_sees_the_pool_after_its_whole_transaction(ledger: Ledger, tmp_path: Path) -> None:
    """It is what another process reads then."""

    async def whole() -> tuple[SlotPool, SlotPool]:
        with contextlib.closing(reopened(tmp_path)) as other:
            async with storage_of(ledger) as storage, storage_of(other) as elsewhere:
                storage.change_later(noting(3))
                mine, _ = await storage.change(noting(4))
                others, _ = await elsewhere.change(look)
                return mine, others

    mine, others = asyncio.run(whole())
    assert mine.alone_slot == others.alone_slot == 4


def test_change_of_a_caller_cancelled_before_is_not_made(ledger: Ledger) -> None:
    """Later changes are not delayed."""

    async def whole() -> list[int]:
        held, made = Held(), list[int]()
        async with storage_of(ledger) as storage:
            first = asyncio.create_task(storage.change(held))
            await held.begun.wait()
            gone, stays = (asyncio.create_task(storage.change(writing(made, number))) for number in (1, 2))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            held.let_go()
            await asyncio.gather(first, stays)
        return made

    assert asyncio.run(whole()) == [2]


def test_change_of_a_caller_cancelled_meanwhile_is_made(ledger: Ledger) -> None:
    """A thread can't be stopped; the other callers get their results."""

    async def whole() -> tuple[SlotPool, int]:
        held, made = Held(), list[int]()
        async with storage_of(ledger) as storage:
            gone = asyncio.create_task(storage.change(held))
            await held.begun.wait()
            stays = asyncio.create_task(storage.change(writing(made, 1)))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            held.let_go()
            return await stays

    pool, told = asyncio.run(whole())
    assert (pool.alone_slot, told) == (7, 1)


def test_closing_makes_pending_changes(ledger: Ledger) -> None:
    """Other runs must see the last use of a slot, and that the run has left."""

    async def whole() -> SlotPool:
        async with storage_of(ledger) as storage:
            await storage.change(look)
            for number in range(1, 6):
                storage.change_later(noting(number))
        async with storage_of(ledger) as again:
            return (await again.change(look))[0]

    assert asyncio.run(whole()).alone_slot == 5


def test_closing_makes_changes_added_during_a_change(ledger: Ledger) -> None:
    """They have a transaction of their own."""

    async def whole() -> SlotPool:
        async with storage_of(ledger) as storage:
            held = Held()
            storage.change_later(held)
            await held.begun.wait()
            storage.change_later(noting(5))
            asyncio.get_running_loop().call_later(0.01, held.let_go)  # closing has begun by then
        async with storage_of(ledger) as again:
            return (await again.change(look))[0]

    assert asyncio.run(whole()).alone_slot == 5


def test_database_error_reaches_waiting_and_later_callers(ledger: Ledger, tmp_path: Path) -> None:
    """The run stops early, so the exit code shows that rows were sent."""

    async def whole() -> list[BaseException]:
        async with storage_of(ledger) as storage:
            await storage.change(look)
            query(tmp_path, "alter table quotas rename to gone")
            told = await asyncio.gather(*(storage.change(look) for _ in range(3)), return_exceptions=True)
            query(tmp_path, "alter table gone rename to quotas")
            told += await asyncio.gather(storage.change(look), return_exceptions=True)
            return [error for error in told if isinstance(error, BaseException)]

    errors = asyncio.run(whole())
    assert len(errors) == 4
    for error in errors:
        assert isinstance(error, StoppedEarly)
        assert "the ledger" in error.message
        assert error.hint
        assert error.exit_code == 3


def test_failed_later_change_raises_at_the_next_change(ledger: Ledger, tmp_path: Path) -> None:
    """The pool lacks a call, so nothing more may be booked."""

    async def whole() -> None:
        async with storage_of(ledger) as storage:
            await storage.change(look)
            query(tmp_path, "alter table quotas rename to gone")
            storage.change_later(noting(1))
            with pytest.raises(StoppedEarly, match="the ledger"):
                await storage.change(look)
            query(tmp_path, "alter table gone rename to quotas")
            with pytest.raises(StoppedEarly, match="the ledger"):
                await storage.change(look)

    asyncio.run(whole())


def test_error_in_a_change_reaches_all_waiting_callers(ledger: Ledger) -> None:
    """A bug is raised as such, and closing does not hang."""

    def faulty(_pool: SlotPool, _now: float) -> None:
        raise ValueError("so it is")

    async def whole() -> list[object]:
        async with storage_of(ledger) as storage:
            tasks = [asyncio.create_task(storage.change(change)) for change in (look, faulty, look)]
            return list(await asyncio.gather(*tasks, return_exceptions=True))

    errors = asyncio.run(whole())
    assert {type(error) for error in errors} == {ProgramError}
    assert "unexpected error (ValueError) in the rate limit: so it is" in str(errors[0])
