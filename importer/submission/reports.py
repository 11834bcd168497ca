"""Reports to the observer of a submission. The ledger has what is reported, so an observer's error loses nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from importer.leadsquared.answers import Answer
from importer.submission.retry import Settled
from importer.submission.send_queue import QueuedRow


class SubmissionObserver(Protocol):
    """Receives the events of a submission, on the event loop; it must not block for long."""

    def row_finished(self, row: QueuedRow, settled: Settled) -> None:
        """Handle a finished row. The ledger already has its outcome."""

    def call_ended(self, answer: Answer) -> None:
        """Handle the end of a call that was sent, whatever its answer means for the row."""

    def message(self, text: str) -> None:
        """Show a text to the user: sending pauses, continues or stops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The events after one answer. ``call``: the answer, if its request was sent. ``row``: the row, if it is done."""

    call: Answer | None = None
    row: QueuedRow | None = None
    settled: Settled | None = None
    messages: tuple[str, ...] = ()

    def send_to(self, observer: SubmissionObserver) -> None:
        """Call the observer with each event."""
        if self.call is not None:
            observer.call_ended(self.call)
        if self.row is not None and self.settled is not None:
            observer.row_finished(self.row, self.settled)
        for text in self.messages:
            observer.message(text)
