"""Validates rows by the mapping: gives the tickets of valid rows and the problems of the others."""

from __future__ import annotations

import collections.abc

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.account_fields import AccountFields
from importer.attachments import AttachmentFinder
from importer.error_codes import ERROR_CODES
from importer.leadsquared.documented_fields import LEAD_IDENTIFIERS
from importer.manifest.chunks import Chunk
from importer.manifest.text_column import Mask
from importer.mapping import Mapping
from importer.models import Attachment, Problem
from importer.validation.account_rules import AccountRules
from importer.validation.attachments import AttachmentChecker
from importer.validation.converted_rows import ConvertedRows
from importer.validation.field_conversion import FieldConverter
from importer.validation.problem_collector import ProblemCollector
from importer.validation.row_keys import RowKeyReader


class Validator:
    """Validates rows by a mapping; ``finder`` is for its attachments, ``fields`` is the account's metadata."""

    def __init__(
        self,
        mapping: Mapping,
        finder: AttachmentFinder | None,
        sheet: str | None,
        fields: AccountFields | None = None,
    ) -> None:
        self.mapping = mapping
        self.row_keys = RowKeyReader(mapping)
        self._attachments = AttachmentChecker(finder) if finder is not None else None
        self._sheet = sheet
        self._converter = FieldConverter(mapping, AccountRules(fields))

    def missing_key(self, row: int) -> Problem:
        """Return the problem of a row without a key."""
        columns = ", ".join(self.mapping.key)
        return self.problem("missing-key", row, f"the key is empty ({columns})", column=columns)

    def key_with_nul(self, row: int) -> Problem:
        """Return the problem of a row whose key can't be stored."""
        (column,) = self.mapping.key
        return self.problem("bad-text", row, "the key contains the character NUL", column=column)

    def problem(
        self, code: str, row: int, message: str, *, column: str | None = None, value: str | None = None
    ) -> Problem:
        """Return a problem of a row of this manifest, with the error catalogue's advice."""
        return Problem(
            code=code,
            row=row,
            message=message,
            hint=ERROR_CODES[code].advice,
            sheet=self._sheet,
            column=column,
            value=value,
        )

    def convert_chunk(self, chunk: Chunk, wanted: Mask, *, build_tickets: bool) -> ConvertedRows:
        """Convert the wanted rows of a chunk.

        Without ``build_tickets``, the result has their problems, but neither tickets nor identifiers of leads, and so
        needs little memory. Files are measured in all rows.
        """
        positions = np.flatnonzero(wanted)
        rows = np.array(chunk.rows, dtype=np.int64)[positions]
        converted = ConvertedRows(positions)
        if positions.size:
            frame = chunk.values.frame if positions.size == len(chunk.rows) else chunk.values.part(positions)
            self._convert_fields(frame, rows, converted, build_tickets=build_tickets)
        if self._attachments is not None:
            collector = ProblemCollector(self.problem, rows, converted.problems)
            self._attachments.check_chunk(chunk, positions, converted, collector)
        return converted

    def convert_rows(self, frame: pd.DataFrame, rows: npt.NDArray[np.int64]) -> ConvertedRows:
        """Convert every row of ``frame`` (text cells), without attachments. ``rows``: their numbers in the manifest."""
        converted = ConvertedRows(np.arange(len(frame)))
        self._convert_fields(frame, rows, converted, build_tickets=True)
        return converted

    def find_attachments(self, cells: collections.abc.Mapping[str, str]) -> tuple[tuple[Attachment, ...], str]:
        """Return the files of one row, given as column -> cell, and why the first faulty one can't be sent."""
        return self._attachments.find(cells) if self._attachments is not None else ((), "")

    def _convert_fields(
        self, frame: pd.DataFrame, rows: npt.NDArray[np.int64], converted: ConvertedRows, *, build_tickets: bool
    ) -> None:
        collector = ProblemCollector(self.problem, rows, converted.problems)
        names_lead = np.zeros(len(frame), dtype=bool)
        lead_fields = []
        for field in self._converter.fields(frame, collector):
            if build_tickets:
                converted.fields.append(field)
            if field.name in LEAD_IDENTIFIERS:
                lead_fields.append(field.name)
                if not names_lead.all():
                    names_lead |= field.is_filled()
        names = ", ".join(lead_fields) or "none is mapped"
        for position in np.flatnonzero(~names_lead).tolist():
            collector.add(position, "missing-lead", f"the row names no lead ({names})")
