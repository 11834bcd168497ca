"""The last moment before a request goes out: its slot is near, its intent durable, its connection ready."""

from __future__ import annotations

import asyncio

from importer.errors import ImporterError
from importer.leadsquared.ticket_request import ticket_json
from importer.ledger import Intent
from importer.rate_limit.limiter import Slot
from importer.submission.journal import Journal
from importer.submission.send_queue import QueuedRow

# The intent is committed this long before its slot is free, so that the commit's time is not the limit's loss.
_INTENT_AHEAD_S = 0.05


class AccountConfirmation:
    """That the account takes our calls. Until one has shown it, one goes at a time: wrong keys cost one call.

    The others may have their connections ready meanwhile, and go together then.
    """

    def __init__(self) -> None:
        self.given = False
        self._going: TicketGate | None = None
        self._changed = asyncio.Event()  # of the next change

    async def turn(self, gate: TicketGate) -> None:
        """Wait until a call may go, with others or, if none has shown it yet, alone."""
        while not self.given:
            if self._going is None:
                self._going, gate.alone = gate, True
                return
            await self._changed.wait()

    def give(self) -> None:
        """Take note that the account has taken a call."""
        if not self.given:
            self.given = True
            self._tell()

    def withdraw(self) -> None:
        """Take note that the account may not take calls after all: those that have not left go one at a time."""
        self.given = False

    def over(self, gate: TicketGate) -> None:
        """Take note that a call has come to an end, or is withdrawn."""
        if self._going is gate:
            self._going = None
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class TicketGate:
    """Where a request with its connection ready waits for its slot, leaves its intent, and departs."""

    def __init__(
        self, row: QueuedRow, slot: Slot, journal: Journal, proof: AccountConfirmation, *, probe: bool = False
    ) -> None:
        self.row = row
        self.slot = slot
        self._journal = journal
        self._proof = proof
        self.alone = False  # went before the others
        self.probe = probe  # looks whether a server that was away is back
        self.intended = False
        self.ended = False  # the call is over; what became of it is being written down

    async def wait_until_allowed(self) -> None:
        """See ``client.Gate``. Raises StoppedEarly if the intent can't be written, CapReached if no call is left."""
        await self._proof.turn(self)
        await self.slot.wait_until_near(_INTENT_AHEAD_S)
        if not self.intended:
            row, ticket = self.row, self.row.ticket
            # From here on the ledger may hold the intent, whatever happens to this task.
            self.intended = True
            try:
                request = ticket_json(ticket)
                intent = Intent(key=row.key, content=row.content, request=request, title=ticket.title, lead=ticket.lead)
                await self._journal.write(intent)
            except ImporterError:
                self.intended = False
                raise
        while True:
            await self.slot.wait_until_ready()
            await self._journal.check_lease()
            if not self.slot.is_late:
                return

    def on_first_byte(self) -> None:
        """See ``client.Gate``."""
        self.slot.mark_used(alone=self.alone)

    @property
    def left(self) -> bool:
        """Whether the first byte has gone out."""
        return self.slot.used_at is not None
