"""Hold a request back until its slot is free and its intent is in the ledger."""

from __future__ import annotations

import asyncio

from importer.errors import ImporterError
from importer.ledger.records import Intent
from importer.rate_limit.limiter import Slot
from importer.submission.journal import Journal
from importer.submission.send_queue import QueuedRow

# The intent is written at least this long before its slot is free, so that the commit does not delay the request.
_INTENT_AHEAD_S = 0.05
_MOST_INTENT_AHEAD_S = 3.0  # an intent that waits for its call is an unknown row if the process is killed


class AccountConfirmation:
    """Whether the account accepts our calls. Until it does, one call goes at a time: wrong keys cost one call.

    The other calls can open their connections meanwhile, and go together afterwards.
    """

    def __init__(self) -> None:
        self.confirmed = False
        self._current: RowGate | None = None
        self._changed = asyncio.Event()  # replaced at each change

    async def wait_for_turn(self, gate: RowGate) -> None:
        """Wait until the account is confirmed, or no other call is in flight.

        A call that has its turn keeps it: it waits again if its slot is lost.
        """
        while not self.confirmed:
            if self._current in (None, gate):
                self._current, gate.alone = gate, True
                return
            await self._changed.wait()

    def confirm(self) -> None:
        """Record that the account accepted a call."""
        if not self.confirmed:
            self.confirmed = True
            self._notify()

    def revoke(self) -> None:
        """Record doubt whether the account accepts calls: those not sent yet go one at a time."""
        self.confirmed = False

    def call_ended(self, gate: RowGate) -> None:
        """Let the next call go after one has ended or was withdrawn."""
        if self._current is gate:
            self._current = None
            self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class RowGate:
    """The ``RequestGate`` of one row: waits for its turn and its slot, and writes its intent."""

    def __init__(
        self,
        row: QueuedRow,
        slot: Slot,
        journal: Journal,
        confirmation: AccountConfirmation,
        *,
        probe: bool = False,
    ) -> None:
        self.row = row
        self.slot = slot
        self._journal = journal
        self._confirmation = confirmation
        self.alone = False  # sent before the account was confirmed
        self.probe = probe  # sent during an outage
        self.intent_written = False  # the ledger may have the intent
        self.call_ended = False  # only the outcome is left to be written

    async def wait_until_allowed(self) -> None:
        """See ``RequestGate``.

        Raises StoppedEarly if the intent can't be written, CapReached if no call is left, LeadUnderWay.
        """
        await self._confirmation.wait_for_turn(self)
        ahead_s = min(max(_INTENT_AHEAD_S, 1.2 * self._journal.write_s), _MOST_INTENT_AHEAD_S)
        await self.slot.wait_until_near(ahead_s)
        if not self.intent_written:
            row, request = self.row, self.row.request
            # Set before the write: if this task is cancelled, the ledger may have the intent all the same.
            self.intent_written = True
            try:
                await self._journal.write(
                    Intent(
                        key=row.key,
                        content=row.content,
                        operation=row.operation.name,
                        request=request.text,
                        title=request.title,
                        lead=request.lead,
                        new_leads=row.new_leads,
                    )
                )
            except ImporterError:
                self.intent_written = False
                raise
        while True:
            await self.slot.wait_until_ready()
            await self._journal.check_lease()
            if not self.slot.is_late:
                return

    @property
    def is_lost(self) -> bool:
        """See ``RequestGate``."""
        return self.slot.is_lost

    def on_first_byte(self) -> None:
        """See ``RequestGate``."""
        self.slot.mark_used(alone=self.alone)

    @property
    def sent(self) -> bool:
        """Whether the first byte was sent."""
        return self.slot.used_at is not None
