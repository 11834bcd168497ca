"""Write to the ledger from the event loop: in a thread, many records in one transaction."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from importer.errors import ImporterError, LedgerError, ProgramError, StoppedEarly
from importer.ledger.database import boot_clock_s
from importer.ledger.leases import LEASE_S
from importer.ledger.records import Intent, Outcome, RunInfo
from importer.ledger.store import Ledger

_BATCH_LIMIT = 500
# Records within this time share a commit, which takes about as long for many as for one.
_GATHER_S = 0.01
_DURATIONS_KEPT = 32
_COMMITS_PER_QUERY = 2.5  # an intent that waits for a commit before its own takes about as long as so many queries
_Batch = Sequence[tuple[Intent | Outcome, asyncio.Future[Outcome | None]]]
_Replaced = dict[Outcome, Outcome]
_Result = TypeVar("_Result")


class Journal:
    """Writer of one run's intents and outcomes. Use as ``async with Journal(ledger, run) as journal``.

    It also renews the run's lease. ``failure`` is set when nothing may be sent any more: the ledger can't be written,
    or the run has lost its rows to another run.
    """

    def __init__(self, ledger: Ledger, run: RunInfo, clock: Callable[[], float] = boot_clock_s) -> None:
        self._ledger = ledger
        self._run = run
        self._clock = clock
        self._leased_at = clock()  # when the run certainly had its lease
        self._waiting: list[tuple[Intent | Outcome, asyncio.Future[Outcome | None]]] = []
        self._has_work = asyncio.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._tasks: list[asyncio.Task[None]] = []
        self._durations_s: deque[float] = deque([0.0], maxlen=_DURATIONS_KEPT)
        self.failure: ImporterError | None = None

    async def __aenter__(self) -> Self:
        if self._ledger.path is None:  # how far away the server is decides how early the first intents are written
            began = self._clock()
            await self._in_thread(self._ledger.states, self._run.account, self._run.source, [])
            self._durations_s.append(_COMMITS_PER_QUERY * (self._clock() - began))
        self._tasks = [asyncio.create_task(self._write_batches()), asyncio.create_task(self._renew())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._executor.shutdown()

    async def write(self, record: Intent | Outcome) -> Outcome | None:
        """Write a record to the disk. Raises StoppedEarly if that fails.

        Return the outcome that the ledger recorded instead, if the ticket belongs to another row; else ``None``.
        """
        future: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        began = self._clock()
        self._waiting.append((record, future))
        self._has_work.set()
        replaced = await future  # a caller that is cancelled here does not wait; the record is still written
        self._durations_s.append(self._clock() - began)
        return replaced

    @property
    def write_s(self) -> float:
        """How long the slowest of the last records took to write, in seconds."""
        return max(self._durations_s)

    async def check_lease(self) -> None:
        """Raise StoppedEarly unless the run has its lease now, even if the process was paused."""
        if self.failure is not None:
            raise self.failure
        if self._clock() - self._leased_at > LEASE_S / 2:
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
            self.failure = error  # nothing more is sent; outcomes are still written below
            if isinstance(error.__cause__, LedgerError):
                await self._in_thread(self._ledger.free_reserve)
            outcomes = [each for each in batch if isinstance(each[0], Outcome)]
            if len(outcomes) == len(batch) and not first and not isinstance(error, ProgramError):
                _settle(batch, error)  # a second try would fail again, and waiting for a lock takes half a minute
                return
            _settle([each for each in batch if isinstance(each[0], Intent)], error)
            # After a bug, each outcome is written alone: a bad one fails alone. Otherwise the database fails for all.
            parts = [[each] for each in outcomes] if isinstance(error, ProgramError) else [outcomes]
            for part in filter(None, parts):
                await self._write_part(part)
        else:
            _settle(batch, changed)

    async def _write_part(self, batch: _Batch) -> None:
        try:
            changed = await self._commit([record for record, _ in batch])
        except ImporterError as error:
            _settle(batch, error)
        else:
            _settle(batch, changed)

    async def _commit(self, records: list[Intent | Outcome]) -> _Replaced:
        began = self._clock()
        changed = await self._in_thread(self._ledger.commit, self._run, records)
        if any(isinstance(record, Intent) for record in records):
            self._leased_at = began
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
        self._leased_at = began

    async def _in_thread(self, function: Callable[..., _Result], *arguments: object) -> _Result:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, function, *arguments)
        except LedgerError as error:
            raise StoppedEarly(
                error.message, hint=error.hint
            ) from error  # not a LedgerError, which means that nothing was sent
        except ImporterError:
            raise
        except Exception as error:  # a bug must end the run, not leave callers waiting for ever
            raise ProgramError(f"unexpected error ({type(error).__name__}) in the ledger: {error}") from error


def _settle(batch: _Batch, result: _Replaced | ImporterError) -> None:
    """Return the result, or raise the error, to the callers that wait for these records."""
    for record, future in batch:
        if future.cancelled():
            continue
        if isinstance(result, dict):
            future.set_result(result.get(record) if isinstance(record, Outcome) else None)
        else:
            future.set_exception(result)
            future.exception()  # ``failure`` has it; marks it as seen, or asyncio warns of it
