"""Order in which rows are sent.

A row waits for the time of its retry, and for leads that are in flight. Pure.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from dataclasses import dataclass

from importer.leadsquared.requests import Request
from importer.models import Status
from importer.submission.operations import Operation

# Rows that wait for a lead are all checked at each turn, and kept in memory.
_MAX_PARKED = 500
_MAX_KNOWN_LEADS = 10_000  # a lead that is forgotten delays the next of its rows once more


@dataclass(kw_only=True, slots=True)
class QueuedRow:
    """One row to send, with its identity: it is never identified by its position in a list.

    ``leads``: the row's lead identifiers; ``new_leads``: those that its request may create. ``prior_status`` is the
    row's state in the ledger while this run has no request for it in flight.
    """

    row: int  # as a spreadsheet counts
    key: str
    cells: tuple[str, ...]
    content: str
    operation: Operation
    request: Request
    leads: tuple[str, ...] = ()
    new_leads: tuple[str, ...] = ()
    prior_status: Status = Status.PENDING
    failed_before: bool = False  # in an earlier run
    attempt: int = 1
    unsendable_reason: str = ""  # why a row that was valid can't be sent any more


class SendQueue:
    """Queue of rows that never hands out two rows of the same new lead: both requests could create the lead."""

    def __init__(self) -> None:
        self._parked: deque[QueuedRow] = deque()
        self._scheduled: list[tuple[float, int, QueuedRow]] = []
        self._ordinal = itertools.count()
        self._leads_in_flight: set[str] = set()
        self._known_leads: dict[str, None] = {}  # the latest last

    def __len__(self) -> int:
        return len(self._parked) + len(self._scheduled)

    @property
    def accepts_new_rows(self) -> bool:
        """Whether another row may be taken from the input although rows are waiting."""
        return len(self._parked) < _MAX_PARKED

    def next_due_at(self) -> float:
        """Return when the first scheduled row is due."""
        return self._scheduled[0][0] if self._scheduled else math.inf

    def schedule(self, row: QueuedRow, not_before: float) -> None:
        """Queue a row to be sent again, not before a time on the event loop's clock."""
        heapq.heappush(self._scheduled, (not_before, next(self._ordinal), row))

    def postpone(self, row: QueuedRow, not_before: float) -> None:
        """Return a row that was taken and can't be sent before a time."""
        self._release_leads(row)
        self.schedule(row, not_before)

    def put_back(self, row: QueuedRow) -> None:
        """Return a row that was taken and not sent to the front of the queue."""
        self._release_leads(row)
        self._parked.appendleft(row)

    def park(self, row: QueuedRow) -> None:
        """Queue a row whose leads are in flight."""
        self._parked.append(row)

    def take(self, now: float) -> QueuedRow | None:
        """Take the first row that is due and whose leads are not in flight."""
        while self._scheduled and self._scheduled[0][0] <= now:
            self._parked.appendleft(heapq.heappop(self._scheduled)[2])
        for index, row in enumerate(self._parked):
            if self.reserve_leads(row):
                del self._parked[index]
                return row
        return None

    def reserve_leads(self, row: QueuedRow) -> bool:
        """Mark the row's leads as in flight; return whether none of them was before."""
        if any(lead in self._leads_in_flight for lead in row.leads):
            return False
        row.new_leads = tuple(lead for lead in row.leads if lead not in self._known_leads)
        self._leads_in_flight.update(row.new_leads)
        return True

    def finish(self, row: QueuedRow, *, created: bool) -> None:
        """Release the row's leads.

        Once a ticket is ``created``, its leads exist and need no order any more.
        """
        self._release_leads(row)
        if created:
            for lead in row.leads:
                self._known_leads.pop(lead, None)
                self._known_leads[lead] = None
            while len(self._known_leads) > _MAX_KNOWN_LEADS:
                del self._known_leads[next(iter(self._known_leads))]

    def _release_leads(self, row: QueuedRow) -> None:
        self._leads_in_flight.difference_update(row.new_leads)
