"""A slot pool in the ledger's file, changed from the event loop: in a thread, many changes in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

from importer.ledger.store import Ledger
from importer.rate_limit import SlotPool
from importer.rate_limit.leased_slots import LeasedSlots
from importer.rate_limit.limiter import LimiterOptions, RateLimiter
from importer.rate_limit.slot_records import FileSlotRecords, slot_records
from importer.rate_limit.slot_storage import SlotStorage, storage_error

_Result = TypeVar("_Result")
_Change = Callable[[SlotPool, float], Any]


@contextlib.asynccontextmanager
async def shared_rate_limiter(ledger: Ledger, account: str, limits: LimiterOptions) -> AsyncIterator[RateLimiter]:
    """Return the limiter of one run, which shares the limit with all runs on the account and the ledger."""
    records = slot_records(ledger, account)
    slots = SharedSlots(records) if isinstance(records, FileSlotRecords) else LeasedSlots(records)
    async with slots as storage, RateLimiter(limits, storage) as limiter:
        yield limiter


def calls_today(ledger: Ledger, account: str) -> int:
    """Return the account's calls of the last 24 hours that the ledger knows.

    Raises LedgerError.
    """
    with contextlib.closing(slot_records(ledger, account)) as record:
        pool, _ = record.change([])
        return pool.calls_last_day


class SharedSlots(SlotStorage):
    """A slot pool in a file.

    Use as ``async with SharedSlots(record) as storage``; it closes the record.
    """

    returns_copies = True

    def __init__(self, record: FileSlotRecords) -> None:
        self._record = record
        self._waiting: list[tuple[_Change, asyncio.Future[Any] | None]] = []
        self._has_work = asyncio.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="limiter")
        self._worker: asyncio.Task[None] | None = None
        self._failure: Exception | None = None  # every later change raises it, too
        self._ends = False

    async def __aenter__(self) -> Self:
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ends = True
        self._has_work.set()
        if self._worker is not None:
            await asyncio.gather(self._worker, return_exceptions=True)
        self._executor.shutdown()
        self._record.close()

    def now(self) -> float:
        """See ``SlotStorage``."""
        return self._record.now()

    async def change(self, change: Callable[[SlotPool, float], _Result]) -> tuple[SlotPool, _Result]:
        """See ``SlotStorage``. Raises StoppedEarly if the database can't be used."""
        if self._failure is not None:
            raise storage_error(self._failure)
        future: asyncio.Future[tuple[SlotPool, _Result]] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, future))
        self._has_work.set()
        return await future

    def change_later(self, change: _Change) -> None:
        """See ``SlotStorage``."""
        self._waiting.append((change, None))
        self._has_work.set()

    async def _work(self) -> None:
        while self._waiting or not self._ends:
            await self._has_work.wait()
            self._has_work.clear()
            batch = [each for each in self._waiting if each[1] is None or not each[1].cancelled()]
            self._waiting = []
            if batch:
                await self._make([change for change, _ in batch], [future for _, future in batch])

    async def _make(self, changes: list[_Change], futures: list[asyncio.Future[Any] | None]) -> None:
        loop = asyncio.get_running_loop()
        try:
            pool, answers = await loop.run_in_executor(self._executor, self._record.change, changes)
        except Exception as error:  # noqa: BLE001 - all callers that wait get the error
            self._failure = error
            for future in futures:
                if future is not None and not future.done():
                    future.set_exception(storage_error(error))
            return
        for future, answer in zip(futures, answers, strict=True):
            if future is not None and not future.done():
                future.set_result((pool, answer))
