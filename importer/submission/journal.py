"""The ledger as the event loop sees it: awaited commits, in a thread of their own, many in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from importer.errors import ImporterError, LedgerError, ProgramError, StoppedEarly
from importer.ledger import LEASE_S, Intent, Ledger, Outcome, RunInfo, boot_clock_s

_BATCH_LIMIT = 500
# What comes within this time of a record shares its commit, which costs about as much for many as for one.
_GATHER_S = 0.01
_Batch = Sequence[tuple[Intent | Outcome, asyncio.Future[Outcome | None]]]
_Changed = dict[Outcome, Outcome]
_Result = TypeVar("_Result")


class Journal:
    """Use as ``async with Journal(ledger, run) as journal``. What ``write`` has returned from is on the disk.

    Renews the run's lease. ``failure`` is set when nothing may be sent any more: the ledger can't be written, or the
    run has lost its rows.
    """

    def __init__(self, ledger: Ledger, run: RunInfo, clock: Callable[[], float] = boot_clock_s) -> None:
        self._ledger = ledger
        self._run = run
        self._clock = clock
        self._held_at = clock()  # when the run surely held its rows
        self._waiting: list[tuple[Intent | Outcome, asyncio.Future[Outcome | None]]] = []
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

    async def write(self, record: Intent | Outcome) -> Outcome | None:
        """Make a record durable. Gives what is recorded in its place, if another row has the ticket that it names.

        Raises StoppedEarly if that can't be done.
        """
        future: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, future))
        self._has_work.set()
        return await future  # who is cancelled here gives up waiting; the record is written all the same

    async def check_lease(self) -> None:
        """Return if the run surely holds its rows now, however long the process was paused. Raises StoppedEarly."""
        if self.failure is not None:
            raise self.failure
        if self._clock() - self._held_at > LEASE_S / 2:
            try:
                await self._renew_once()
            except ImporterError as error:
                self.failure = error
                raise

    async def _write_batches(self) -> None:
        while True:
            await self._has_work.wait()
            await asyncio.sleep(_GATHER_S)
            batch, self._waiting = self._waiting[:_BATCH_LIMIT], self._waiting[_BATCH_LIMIT:]
            if not self._waiting:
                self._has_work.clear()
            await self._write_batch(batch)

    async def _write_batch(self, batch: _Batch) -> None:
        try:
            changed = await self._commit([record for record, _ in batch])
        except ImporterError as error:
            first = self.failure is None
            self.failure = error  # nothing more is sent; what was sent is true all the same
            if isinstance(error.__cause__, LedgerError):
                await self._in_thread(self._ledger.free_reserve)
            outcomes = [each for each in batch if isinstance(each[0], Outcome)]
            if len(outcomes) == len(batch) and not first and not isinstance(error, ProgramError):
                _tell(batch, error)  # nothing has changed since it was tried before; a lock may take half a minute
                return
            _tell([each for each in batch if isinstance(each[0], Intent)], error)
            # A record that no database takes spoils only itself; a database that takes none is not asked for each.
            parts = [[each] for each in outcomes] if isinstance(error, ProgramError) else [outcomes]
            for part in filter(None, parts):
                await self._write_part(part)
        else:
            _tell(batch, changed)

    async def _write_part(self, batch: _Batch) -> None:
        try:
            changed = await self._commit([record for record, _ in batch])
        except ImporterError as error:
            _tell(batch, error)
        else:
            _tell(batch, changed)

    async def _commit(self, records: list[Intent | Outcome]) -> _Changed:
        began = self._clock()
        changed = await self._in_thread(self._ledger.commit, self._run, records)
        if any(isinstance(record, Intent) for record in records):
            self._held_at = began
        return changed

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 4)
            try:
                await self._renew_once()
            except ImporterError as error:
                self.failure = error

    async def _renew_once(self) -> None:
        began = self._clock()
        await self._in_thread(self._ledger.renew, self._run.id)
        self._held_at = began

    async def _in_thread(self, function: Callable[..., _Result], *arguments: object) -> _Result:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, function, *arguments)
        except LedgerError as error:
            raise StoppedEarly(error.message, hint=error.hint) from error  # rows were judged, and may have been sent
        except ImporterError:
            raise
        except Exception as error:  # a bug must end the run, not leave those who wait for a commit waiting
            raise ProgramError(f"unexpected error ({type(error).__name__}) in the ledger: {error}") from error


def _tell(batch: _Batch, what: _Changed | ImporterError) -> None:
    """Tell those who wait for these records what came of them."""
    for record, future in batch:
        if future.cancelled():
            continue
        if isinstance(what, dict):
            future.set_result(what.get(record) if isinstance(record, Outcome) else None)
        else:
            future.set_exception(what)
            future.exception()  # it is kept in ``failure``; a cancelled row must not warn of it again
