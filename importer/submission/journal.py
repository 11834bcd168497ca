"""The ledger as the event loop sees it: awaited commits, in a thread of their own, many in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from importer.errors import ImporterError, LedgerError, StoppedEarly
from importer.ledger import LEASE_S, Intent, Ledger, Outcome, RunInfo

_BATCH_LIMIT = 500


class Journal:
    """Use as ``async with Journal(ledger, run) as journal``. What ``write`` has returned from is on the disk.

    Renews the run's lease. ``failure`` is set when nothing may be sent any more: the ledger can't be written, or the
    run has lost its rows.
    """

    def __init__(self, ledger: Ledger, run: RunInfo) -> None:
        self._ledger = ledger
        self._run = run
        self._waiting: list[tuple[Intent | Outcome, asyncio.Future[None]]] = []
        self._has_work = asyncio.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._tasks: list[asyncio.Task[None]] = []
        self.failure: ImporterError | None = None

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._write_batches()), asyncio.create_task(self._renew())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._executor.shutdown()

    async def write(self, record: Intent | Outcome) -> None:
        """Make a record durable. Raises StoppedEarly if that can't be done."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((record, future))
        self._has_work.set()
        await asyncio.shield(future)

    async def _write_batches(self) -> None:
        while True:
            await self._has_work.wait()
            batch, self._waiting = self._waiting[:_BATCH_LIMIT], self._waiting[_BATCH_LIMIT:]
            if not self._waiting:
                self._has_work.clear()
            await self._write_batch(batch)

    async def _write_batch(self, batch: list[tuple[Intent | Outcome, asyncio.Future[None]]]) -> None:
        try:
            await self._commit([record for record, _ in batch])
        except ImporterError as error:
            outcomes = [each for each in batch if isinstance(each[0], Outcome)]
            refused = batch
            if len(outcomes) < len(batch) and await self._committed_without_intents(outcomes):
                refused = [each for each in batch if isinstance(each[0], Intent)]
                for _, future in outcomes:
                    future.set_result(None)
            self.failure = error
            for _, future in refused:
                future.set_exception(error)
                future.exception()  # the failure is kept in ``failure``; a cancelled row must not warn of it again
        else:
            for _, future in batch:
                future.set_result(None)

    async def _committed_without_intents(self, outcomes: Sequence[tuple[Intent | Outcome, object]]) -> bool:
        """An intent was refused: the outcomes beside it are true all the same."""
        try:
            await self._commit([record for record, _ in outcomes])
        except ImporterError:
            return False
        return True

    async def _commit(self, records: list[Intent | Outcome]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._executor, self._ledger.commit, self._run, records)
        except LedgerError as error:
            raise _mid_run(error) from error

    async def _renew(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LEASE_S / 4)
            try:
                await loop.run_in_executor(self._executor, self._ledger.renew, self._run.id)
            except LedgerError as error:
                self.failure = _mid_run(error)
            except StoppedEarly as error:
                self.failure = error


def _mid_run(error: LedgerError) -> StoppedEarly:
    return StoppedEarly(error.message, hint=error.hint)
