"""Write to the ledger from the event loop: in a thread, many records in one transaction."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Self

from importer.errors import ImporterError, LedgerError, ProgramError
from importer.ledger.database import boot_clock_s
from importer.ledger.leases import LEASE_S
from importer.ledger.outbox import Outbox
from importer.ledger.records import Intent, Outcome, RunInfo
from importer.ledger.store import Ledger
from importer.submission.ledger_thread import LedgerThread
from importer.submission.overdue import OverdueOutcomes

_BATCH_LIMIT = 500
# Records within this time share a commit, which takes about as long for many as for one.
_GATHER_S = 0.01
_DURATIONS_KEPT = 32
_FINAL = ("created", "failed")
_OVERDUE_S = 1.0  # a commit that takes longer may never end: the outcomes that wait for it are kept in the outbox
_COMMITS_PER_QUERY = 2.5  # an intent that waits for a commit before its own takes about as long as so many queries
_Batch = Sequence[tuple[Intent | Outcome, asyncio.Future[Outcome | None]]]
_Replaced = dict[Intent | Outcome, Outcome | None]


class LeadUnderWay(ImporterError):
    """Another run is just creating a lead of this row. Nothing was recorded; the row has to wait."""

    def __init__(self) -> None:
        super().__init__("another run is creating the lead of this row", hint="send the row a little later")


class Journal:
    """Writer of one run's intents and outcomes. Use as ``async with Journal(ledger, run) as journal``.

    It also renews the run's lease. ``failure`` is set when nothing may be sent any more: the ledger can't be written,
    or the run has lost its rows to another run. Outcomes that can't be committed are kept in the run's outbox.
    """

    def __init__(self, ledger: Ledger, run: RunInfo, clock: Callable[[], float] = boot_clock_s) -> None:
        self._ledger = ledger
        self._run = run
        self._clock = clock
        self._leased_at = clock()  # when the run certainly had its lease
        self._waiting: list[tuple[Intent | Outcome, asyncio.Future[Outcome | None]]] = []
        self._has_work = asyncio.Event()
        self._thread = LedgerThread()
        self._tasks: list[asyncio.Task[None]] = []
        self._durations_s: deque[float] = deque([0.0], maxlen=_DURATIONS_KEPT)
        self._overdue = OverdueOutcomes(Outbox(run), self._has_work.set)
        self._commit_began: float | None = None
        self.failure: ImporterError | None = None
        self.unsettled: dict[str, Outcome] = {}  # last outcomes of rows without a final state, by key

    async def __aenter__(self) -> Self:
        if self._ledger.path is None:  # how far away the server is decides how early the first intents are written
            began = self._clock()
            await self._thread.call(self._ledger.states, self._run.account, self._run.source, [])
            self._durations_s.append(_COMMITS_PER_QUERY * (self._clock() - began))
        self._tasks = [asyncio.create_task(self._write_batches()), asyncio.create_task(self._renew())]
        if self._ledger.path is None:  # a file is written at once, or not at all
            self._tasks.append(asyncio.create_task(self._overdue.keep_while(self._is_late)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._thread.close()
        await self._overdue.close()

    async def write(self, record: Intent | Outcome) -> Outcome | None:
        """Write a record to the disk. Raises StoppedEarly if that fails, LeadUnderWay.

        Return the outcome that the ledger recorded instead, if the ticket belongs to another row; else ``None``.
        """
        future: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        began = self._clock()
        self._waiting.append((record, future))
        if isinstance(record, Outcome):
            self._overdue.add(record)
            self.unsettled[record.key] = record
        self._has_work.set()
        replaced = await future  # a caller that is cancelled here does not wait; the record is still written
        if isinstance(record, Outcome) and record.state in _FINAL and replaced is None:
            self.unsettled.pop(record.key, None)
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
            batch = self._next_batch()
            if not batch or not self._waiting:
                self._has_work.clear()
            if batch:
                await self._write_batch(batch)

    def _next_batch(self) -> _Batch:
        """Take the next records to write; no intents while outcomes are in the outbox."""
        is_kept = self._overdue.is_kept
        held = [each for each in self._waiting if is_kept and isinstance(each[0], Intent)]
        ready = [each for each in self._waiting if not is_kept or isinstance(each[0], Outcome)]
        self._waiting = held + ready[_BATCH_LIMIT:]
        return ready[:_BATCH_LIMIT]

    def _is_late(self) -> bool:
        """Return whether the ledger does not take outcomes in time."""
        return self._ledger.outage.is_active or self._clock() - (self._commit_began or math.inf) > _OVERDUE_S

    async def _write_batch(self, batch: _Batch) -> None:
        try:
            changed = await self._commit([record for record, _ in batch])
        except ImporterError as error:
            first = self.failure is None
            self.failure = error  # nothing more is sent; outcomes are still written below
            if isinstance(error.__cause__, LedgerError):
                await self._thread.call(self._ledger.free_reserve)
            outcomes = [each for each in batch if isinstance(each[0], Outcome)]
            if len(outcomes) == len(batch) and not first and not isinstance(error, ProgramError):
                # A second try would fail again, and waiting for a lock takes half a minute.
                await self._keep_or_fail(batch, error)
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
            await self._keep_or_fail(batch, error)
        else:
            _settle(batch, changed)

    async def _keep_or_fail(self, batch: _Batch, error: ImporterError) -> None:
        """Keep outcomes that the ledger does not take in the outbox; fail those that no file takes either."""
        if isinstance(error.__cause__, LedgerError):
            await self._overdue.keep()
        kept = [each for each in batch if isinstance(each[0], Outcome) and self._overdue.has(each[0])]
        _settle(kept, {})
        lost = [each for each in batch if each not in kept]
        self._overdue.recorded([record for record, _ in lost if isinstance(record, Outcome)])
        _settle(lost, error)

    async def _commit(self, records: list[Intent | Outcome]) -> _Replaced:
        self._commit_began = began = self._clock()
        changed = await self._thread.call(self._ledger.commit, self._run, records)
        self._commit_began = None
        self._overdue.recorded([record for record in records if isinstance(record, Outcome)])
        if any(isinstance(record, Intent) and record not in changed for record in records):
            self._leased_at = began
        if self._overdue.is_kept:
            await self._overdue.clear_if_recorded()
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
        await self._thread.call(self._ledger.renew, self._run.id)
        self._leased_at = began


def _settle(batch: _Batch, result: _Replaced | ImporterError) -> None:
    """Return the result, or raise the error, to the callers that wait for these records."""
    for record, future in batch:
        if future.cancelled():
            continue
        if isinstance(result, dict):
            if isinstance(record, Intent) and record in result:
                future.set_exception(LeadUnderWay())
            else:
                future.set_result(result.get(record))
        else:
            future.set_exception(result)
            future.exception()  # ``failure`` has it; marks it as seen, or asyncio warns of it
