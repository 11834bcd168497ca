"""The second pass over the rows: builds the tickets of the rows to send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from importer.leadsquared.ticket_request import create_request
from importer.ledger.records import RunInfo
from importer.manifest.chunks import Chunk
from importer.models import Status, Ticket
from importer.submission.operations import CREATE
from importer.submission.plan import TO_SEND, Disposition, Plan
from importer.submission.send_queue import QueuedRow
from importer.validation import content_hashes
from importer.workflows.manifest_rows import ManifestRows, ledger_states

if TYPE_CHECKING:
    from importer.ledger.store import Ledger

_CHUNK_ROWS = 1_000


class SendPass:
    """Builds the rows to send from their manifest. ``ledger`` is ``None`` for a dry run without one."""

    def __init__(self, rows: ManifestRows, ledger: Ledger | None, run: RunInfo) -> None:
        self._rows = rows
        self._plan = rows.plan
        self._ledger = ledger
        self._run = run

    def queued_rows(self, limit: int | None) -> Iterator[list[QueuedRow]]:
        """Yield the first ``limit`` rows to send, chunk by chunk: new rows first, rows that failed before last."""
        left = self._plan.to_send(limit)
        for disposition in TO_SEND:
            start = 0
            has_rows = left and disposition in self._plan.counts()
            for chunk in self._rows.manifest.chunks(_CHUNK_ROWS) if has_rows else ():
                end = start + len(chunk.rows)
                positions = [at for at in range(start, end) if self._plan.dispositions[at] == disposition][:left]
                if positions:
                    left -= len(positions)
                    yield self._convert(chunk, start, positions)
                if not left:
                    break
                start = end

    def _convert(self, chunk: Chunk, start: int, positions: list[int]) -> list[QueuedRow]:
        """Convert rows of a chunk, whose first row has position ``start``. A row that can't be sent has the reason."""
        rows, in_chunk = self._rows, [position - start for position in positions]
        frame = chunk.part(in_chunk)[rows.columns]
        converted = rows.validator.convert_rows(frame, np.array(chunk.rows, dtype=np.int64)[in_chunk])
        previous = rows.previous.rows(chunk)
        keys = rows.keys(chunk, previous)
        states = ledger_states(self._ledger, self._run, [keys[at] for at in in_chunk])
        contents = content_hashes(frame)
        cells = list(zip(*(frame[column] for column in rows.columns), strict=True))
        emails, phones = converted.lead_identifiers()
        queued = []
        for index, (at, position) in enumerate(zip(in_chunk, positions, strict=True)):
            problems, ticket = converted.problems.get(index), converted.ticket(index)
            leads = rows.shared_leads.shared((emails[index], phones[index]))
            queued.append(
                QueuedRow(
                    row=previous[at].row if previous is not None else chunk.rows[at],
                    key=keys[at],
                    cells=cells[index],
                    content=contents[index],
                    operation=CREATE,
                    request=create_request(ticket),
                    leads=tuple(sorted(leads)),
                    failed_before=self._plan.dispositions[position] == Disposition.RESEND,
                    prior_status=_prior_status(states.get(keys[at])),
                    unsendable_reason=problems[0].message if problems else _file_change(self._plan, position, ticket),
                )
            )
        return queued


def _file_change(plan: Plan, position: int, ticket: Ticket) -> str:
    """Return a message if a row's attachments are not the ones that were checked, otherwise an empty text."""
    state = sum(file.state for file in ticket.attachments)
    if not plan.file_states or plan.file_states[position] == state:
        return ""
    names = ", ".join(file.name for file in ticket.attachments)
    return f"the row's attachments changed after they had been checked: {names or 'there are none now'}"


def _prior_status(state: str | None) -> Status:
    """Return the status that the row has until this run sends it."""
    return Status(state) if state in (Status.FAILED, Status.UNKNOWN) else Status.PENDING
