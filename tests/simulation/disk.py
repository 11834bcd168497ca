"""The simulated ledger, which outlives the process: group commits, states of rows, and the slot pool."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from importer.leadsquared.ticket_request import create_request
from importer.ledger.records import Intent, Outcome
from importer.models import Ticket
from importer.rate_limit import SlotPool
from importer.rate_limit.pool_text import pool_from_text, pool_to_text
from importer.rate_limit.slot_storage import SlotStorage
from importer.submission.operations import CREATE
from importer.submission.send_queue import QueuedRow

_Result = TypeVar("_Result")
_LONGEST_PAUSE_S = 3600.0


class State(enum.IntEnum):
    """The state of a row in the ledger."""

    PENDING = 0
    SENDING = 1  # an intent without an outcome
    CREATED = 2
    UNKNOWN = 3
    FAILED = 4


class RowStates:
    """The states of all rows, a byte each. Changes here are durable."""

    def __init__(self, tickets: int) -> None:
        self.states = bytearray(tickets)
        self.unsettled: set[int] = set()  # rows with an intent and, as yet, no end
        self.broken: list[str] = []  # laws of the protocol, as they were broken

    def record(self, record: Intent | Outcome) -> None:
        """Write one record."""
        row = int(record.key)
        if isinstance(record, Intent):
            if self.states[row] == State.CREATED:
                self.broken.append(f"row {row} is a ticket, and was about to be sent again")
            self.states[row] = State.SENDING
            self.unsettled.add(row)
            return
        self.states[row] = State[record.state.upper()]
        if self.states[row] != State.UNKNOWN:  # else it may go again
            self.unsettled.discard(row)

    def crashed(self) -> int:
        """Set rows without an outcome to unknown, as the next run does; return their number."""
        given_up = len(self.unsettled)
        for row in self.unsettled:
            self.states[row] = State.UNKNOWN
        self.unsettled.clear()
        return given_up

    async def to_send(self) -> AsyncIterator[QueuedRow]:
        """Yield the rows that are neither a ticket nor unknown, in order."""
        row = self.states.find(State.PENDING)
        while row >= 0:
            ticket = Ticket(fields=(("Title", str(row)),), lead_id="8eee83bb-0462-4d6b-b396-6afb9a4608f2")
            yield QueuedRow(
                row=row, key=str(row), cells=(), content="", operation=CREATE, request=create_request(ticket)
            )
            row = self.states.find(State.PENDING, row + 1)


class Disk:
    """Commits one transaction at a time, with all changes requested before it began."""

    def __init__(self, commit_s: float) -> None:
        self._commit_s = commit_s
        self._loop = asyncio.get_running_loop()
        self._committing: list[tuple[Callable[[], Any], asyncio.Future[Any] | None]] = []
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any] | None]] = []
        self._dead = False

    def write(self, change: Callable[[], Any], future: asyncio.Future[Any] | None = None) -> None:
        """Make a change with the next commit; ``future`` gets its result."""
        if self._dead:
            return
        self._waiting.append((change, future))
        if not self._committing:
            self._begin()

    def die(self, *, committed: bool) -> None:
        """Drop waiting changes; keep or drop the transaction that is being committed."""
        self._dead = True
        self._waiting.clear()
        if committed:
            for change, _ in self._committing:
                change()
        self._committing.clear()

    def _begin(self) -> None:
        self._committing, self._waiting = self._waiting, []
        self._loop.call_later(self._commit_s, self._end)

    def _end(self) -> None:
        for change, future in self._committing:
            result = change()
            if future is not None and not future.done():
                future.set_result(result)
        self._committing = []
        if self._waiting:
            self._begin()


class SimulatedJournal:
    """Has the methods of ``submission.journal.Journal``."""

    failure: None = None

    def __init__(self, row_states: RowStates, disk: Disk) -> None:
        self._row_states = row_states
        self._disk = disk

    async def write(self, record: Intent | Outcome) -> None:
        """Return when the record is durable."""
        durable = asyncio.get_running_loop().create_future()
        self._disk.write(lambda: self._row_states.record(record), durable)
        await durable

    @property
    def write_s(self) -> float:
        """How long a record takes to write: no time."""
        return 0.0

    async def check_lease(self) -> None:
        """Nobody else holds these rows."""


class SimulatedSlotStorage(SlotStorage):
    """A pool that is changed by commits, as if several runs shared it."""

    def __init__(self, pool: SlotPool, disk: Disk) -> None:
        self._pool = pool
        self._disk = disk
        self._loop = asyncio.get_running_loop()

    def now(self) -> float:
        """Return seconds of a clock that outlives the process."""
        return self._loop.time()

    async def change(self, change: Callable[[SlotPool, float], _Result]) -> tuple[SlotPool, _Result]:
        """Change the pool, and wait for the commit."""
        done: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        self._disk.write(lambda: change(self._pool, self.now()), done)
        return self._pool, await done

    def change_later(self, change: Callable[[SlotPool, float], object]) -> None:
        """Change the pool without waiting."""
        self._disk.write(lambda: change(self._pool, self.now()))


def reread(pool: SlotPool, now: float) -> SlotPool:
    """Return the pool as the next process reads it."""
    return pool_from_text(pool_to_text(pool), now, _LONGEST_PAUSE_S)
