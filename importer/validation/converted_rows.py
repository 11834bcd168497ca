"""Converted rows of a chunk: their tickets, their problems, and the identifiers of their leads."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from importer.leadsquared.documented_fields import EMAIL, LEAD_ID, NORMALIZERS, build_ticket
from importer.manifest.text_column import Mask
from importer.models import Problem, Ticket
from importer.validation.field_conversion import SentField


class ConvertedRows:
    """Converted rows of a chunk, with their problems, all by index from 0. ``positions``: of the rows in the chunk.

    ``attachment_bytes``: of the rows without problems. ``files``: number and bytes of the files of all rows of the
    chunk, and number of its rows with files. ``file_states``: sum of the states of the files of each row of the chunk.
    """

    def __init__(self, positions: npt.NDArray[np.intp]) -> None:
        self.positions = positions
        self.size = positions.size
        self.fields: list[SentField] = []
        self.problems: dict[int, list[Problem]] = defaultdict(list)
        self.attachment_bytes = 0
        self.files = (0, 0, 0)
        self.file_states: npt.NDArray[np.int64] | None = None

    def ticket(self, index: int) -> Ticket:
        """Return the ticket of the row at ``index``, which must have no problem, without its attachments."""
        values = ((field.name, field.value_of_row[index]) for field in self.fields)
        sent = [(name, value) for name, value in values if value is not None]
        return build_ticket(sent)

    def lead_identifiers(self) -> tuple[list[str], list[str]]:
        """Return each row's normalised e-mail addresses and phone numbers; empty for rows with a LeadId or a problem.

        Two tickets with one of them, in flight at the same time, could create the lead twice.
        """
        known: Mask = np.zeros(self.size, dtype=bool)
        for field in self.fields:
            if field.name == LEAD_ID:
                known = field.is_filled()
        skipped = known.tolist()
        emails, phones = [""] * self.size, [""] * self.size
        for field in self.fields:
            if normal := NORMALIZERS.get(field.name):
                found = emails if field.name == EMAIL else phones
                names = {cell: normal(value) for cell, value in field.values.items() if value}
                for position, cell in enumerate(field.cells.tolist()):
                    if cell in names and not skipped[position] and position not in self.problems:
                        found[position] = names[cell]
        return emails, phones
