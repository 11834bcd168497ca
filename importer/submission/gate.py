"""The last moment before a request goes out: its slot is near, its intent durable, its connection ready."""

from __future__ import annotations

from importer.errors import ImporterError
from importer.leadsquared.quota import Slot
from importer.leadsquared.wire import ticket_json
from importer.ledger import Intent
from importer.submission.journal import Journal
from importer.submission.line import Sendable

# The intent is committed this long before its slot is free, so that the commit's time is not the limit's loss.
_INTENT_AHEAD_S = 0.05


class Gate:
    """Where a request with its connection ready waits for its slot, leaves its intent, and departs."""

    def __init__(self, row: Sendable, slot: Slot, journal: Journal, *, alone: bool, probe: bool = False) -> None:
        self.row = row
        self.slot = slot
        self._journal = journal
        self._alone = alone
        self.probe = probe  # looks whether a server that was away is back
        self.intended = False
        self.left = False
        self.ended = False  # the call is over; what became of it is being written down

    async def passed(self) -> None:
        """See ``client.Gate``. Raises StoppedEarly if the intent can't be written."""
        await self.slot.near(_INTENT_AHEAD_S)
        if not self.intended:
            row = self.row
            # From here on the ledger may hold the intent, whatever happens to this task.
            self.intended = True
            try:
                await self._journal.write(Intent(key=row.key, content=row.content, request=ticket_json(row.ticket)))
            except ImporterError:
                self.intended = False
                raise
        await self.slot.ready()
        await self._journal.check_lease()

    def leaving(self) -> None:
        """See ``client.Gate``."""
        self.left = True
        self.slot.used(alone=self._alone)
