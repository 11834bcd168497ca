"""What happened after one answer, as events. The ledger has it already, so a listener's error loses nothing."""

from __future__ import annotations

from dataclasses import dataclass

from importer.leadsquared.answers import Answer
from importer.models import Status
from importer.runtime.events import CallEnded, Emit, RowSettled, Warned
from importer.submission.outcomes import answer_name
from importer.submission.retry import Settled
from importer.submission.send_queue import QueuedRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What happened after one answer. ``call``: it, if its request was sent; ``row``: the row, if it is done."""

    call: Answer | None = None
    row: QueuedRow | None = None
    settled: Settled | None = None
    messages: tuple[str, ...] = ()

    def emit_to(self, emit: Emit) -> None:
        """Emit an event for each."""
        if self.call is not None:
            emit(CallEnded(answer_name(self.call)))
        if self.row is not None and self.settled is not None:
            emit(_row_settled(self.row, self.settled))
        for text in self.messages:
            emit(Warned(text))


def _row_settled(row: QueuedRow, settled: Settled) -> RowSettled:
    return RowSettled(
        row=row.row,
        key=row.key,
        cells=row.cells,
        status=settled.status,
        ids=settled.ids,
        code=settled.code,
        error=settled.error,
        attempts=row.attempt,
        is_repeated=row.prior_status is Status.UNKNOWN,
    )
