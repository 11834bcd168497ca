"""The rows to send, from the stage. Only their attachments are looked at again."""

from __future__ import annotations

from collections.abc import Iterator

from importer.leadsquared.ticket_request import create_request
from importer.models import Ticket
from importer.submission.operations import CREATE
from importer.submission.plan import TO_SEND, Disposition
from importer.submission.send_queue import QueuedRow
from importer.workflows.manifest_rows import ManifestRows
from importer.workflows.stage import Stage, StagedRow


def queued_rows(rows: ManifestRows, stage: Stage, limit: int | None) -> Iterator[list[QueuedRow]]:
    """Yield the first ``limit`` rows to send, some at a time: new rows first, rows that failed before last."""
    left = rows.plan.to_send(limit)
    for disposition in TO_SEND:
        for block in stage.blocks:
            positions = [at for at in block.rows if rows.plan.dispositions[at] == disposition][:left]
            if positions:
                left -= len(positions)
                staged = stage.read(block)
                yield [_queued(rows, staged[at - block.rows.start], disposition) for at in positions]


def _queued(rows: ManifestRows, row: StagedRow, disposition: Disposition) -> QueuedRow:
    files, fault = rows.validator.find_attachments(dict(zip(rows.columns, row.cells, strict=True)))
    if not fault and sum(file.state for file in files) != row.file_state:
        names = ", ".join(file.name for file in files) or "there are none now"
        fault = f"the row's attachments changed after they had been checked: {names}"
    return QueuedRow(
        row=row.row,
        key=row.key,
        cells=row.cells,
        content=row.content,
        operation=CREATE,
        request=create_request(
            Ticket(fields=row.fields, lead_id=row.lead_id, attachments=files), rows.mapping.lead_details
        ),
        leads=tuple(filter(None, row.leads)),
        failed_before=disposition == Disposition.RESEND,
        prior_status=row.prior_status,
        unsendable_reason=fault,
    )
