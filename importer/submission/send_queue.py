"""Whose turn it is: rows wait here for a retry's time, for a lead that is under way, or simply for a slot. Pure."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from importer.models import Status, Ticket

# Rows that wait for a lead under way are looked through at each turn, and held in memory: so many, and no more.
_PARKED_LIMIT = 500


@dataclass(kw_only=True, slots=True)
class QueuedRow:
    """One row to send, with its identity: it is never identified by its position in a list.

    ``leads`` are the lead identifiers that this row shares with other rows of the manifest. ``prior_status`` is the
    row's state in the ledger while this run has no request for it in flight.
    """

    row: int  # as a spreadsheet counts
    key: str
    cells: tuple[str, ...]
    content: str
    ticket: Ticket
    leads: tuple[str, ...] = ()
    prior_status: Status = Status.PENDING
    failed_before: bool = False  # failed in an earlier run
    attempt: int = 1
    unsendable_reason: str = ""  # why it can't be sent after all: it was judged good, and is not any more


class SendQueue:
    """Hands rows out in order, but none whose lead another one under way could be making at the same time."""

    def __init__(self) -> None:
        self._parked: deque[QueuedRow] = deque()
        self._later: list[tuple[float, int, QueuedRow]] = []
        self._ordinal = itertools.count()
        self._busy: set[str] = set()
        self._made: set[str] = set()

    def __len__(self) -> int:
        return len(self._parked) + len(self._later)

    def __iter__(self) -> Iterator[QueuedRow]:
        return itertools.chain(self._parked, (row for _, _, row in self._later))

    @property
    def has_room(self) -> bool:
        """Say whether another row may be looked at although those that wait are not done."""
        return len(self._parked) < _PARKED_LIMIT

    def next_due_at(self) -> float:
        """When the first of the rows that go again may go."""
        return self._later[0][0] if self._later else math.inf

    def again(self, row: QueuedRow, not_before: float) -> None:
        """Put a row back that goes again, not before a moment on the event loop's clock."""
        heapq.heappush(self._later, (not_before, next(self._ordinal), row))

    def put_back(self, row: QueuedRow) -> None:
        """Put a row back that was taken and not sent; it goes first."""
        self._release(row)
        self._parked.appendleft(row)

    def park(self, row: QueuedRow) -> None:
        """Let a row wait until its leads are free."""
        self._parked.append(row)

    def take(self, now: float) -> QueuedRow | None:
        """Take the first waiting row whose turn it may be."""
        while self._later and self._later[0][0] <= now:
            self._parked.appendleft(heapq.heappop(self._later)[2])
        for index, row in enumerate(self._parked):
            if self.accept(row):
                del self._parked[index]
                return row
        return None

    def accept(self, row: QueuedRow) -> bool:
        """Mark the row's leads as under way, if none of them is."""
        if any(lead in self._busy for lead in row.leads):
            return False
        self._busy.update(lead for lead in row.leads if lead not in self._made)
        return True

    def done(self, row: QueuedRow, *, made: bool) -> None:
        """Let the row's leads go. Once one of its tickets is ``made``, a lead is there and can't be made twice."""
        self._release(row)
        if made:
            self._made.update(row.leads)

    def _release(self, row: QueuedRow) -> None:
        self._busy.difference_update(row.leads)
