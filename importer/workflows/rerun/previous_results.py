"""What a results file says of its own rows, where it is run again. Of a manifest there is nothing to be said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from importer.account_fields.cells import quoted
from importer.manifest import Chunk
from importer.mapping import Mapping
from importer.models import Problem, Status
from importer.results import Comparison, ResultRow, read_results
from importer.submission.chunk_decisions import INCOMPLETE_ROW_CODES, ChunkDecisions
from importer.validation import Mask, Validator


@dataclass(frozen=True, kw_only=True)
class RowSelection:
    """Which rows the user wants sent. ``only``: the states of a rerun; ``None`` for a run.

    Of a rerun: the ``manifest`` to hold the file against, whether rows may be missing, and whether cells may be as a
    spreadsheet makes them.
    """

    only: frozenset[Status] | None = None
    resend_unknown: bool = False
    manifest: Path | None = None
    allow_missing: bool = False
    accept_edits: bool = False


class PreviousResults:
    """``comparison``: of the results file with its manifest, where that was found."""

    def __init__(self, mapping: Mapping, validator: Validator, choice: RowSelection) -> None:
        self._mapping = mapping
        self._validator = validator
        self._choice = choice
        self.comparison: Comparison | None = None

    def rows(self, chunk: Chunk) -> list[ResultRow] | None:
        """What the file says of each row, by the keys that the manifest has; ``None`` for a manifest."""
        if self._choice.only is None:
            return None
        keys = self.comparison.keys if self.comparison is not None else {}
        return [each.with_key(keys[each.row]) if each.row in keys else each for each in read_results(chunk.frame)]

    def kept(self, size: int, prior: Sequence[ResultRow] | None) -> Mask:
        """Which of ``size`` rows are to stay as they are, as the user wants only those of other states sent."""
        only = self._choice.only
        if prior is None or only is None:
            return np.zeros(size, dtype=bool)
        return np.array([each.status not in only for each in prior], dtype=bool)

    def not_mended(self, chunk: Chunk, prior: Sequence[ResultRow]) -> Iterator[Problem]:
        """The rows that were rejected because they were not whole, as far as nobody can see that they are now."""
        if self._choice.accept_edits:
            return
        for row, before in zip(chunk.rows, prior, strict=True):
            if before.code not in INCOMPLETE_ROW_CODES:
                continue
            if self.comparison is None:
                message = f"{before.error} Whether it is mended can be told with --manifest only"
            elif before.row in self.comparison.misshapen and before.row not in self.comparison.cells:
                message = before.error
            else:
                continue
            yield self._validator.problem(before.code, row, message)

    def reject_spoiled(self, chunk: Chunk, fates: ChunkDecisions) -> None:
        """Add the cells to the rows' problems that a spreadsheet has changed, as far as the mapping uses them.

        The rows are still held against the mapping: all that is wrong with a row is told at once.
        """
        if self.comparison is None or self._choice.accept_edits:
            return
        used = {use.column for use in self._mapping.uses} - set(self._mapping.ignore)
        for position in np.flatnonzero(fates.send_mask()).tolist():
            row = fates.manifest_rows[position]
            for column in self.comparison.cells.get(row, ()):
                cell = chunk.frame[column].iloc[position]
                spoiled = self.comparison.spoiled(row, column, cell)
                if spoiled is not None and column in used:
                    original, reason = spoiled
                    message = f"{column} is {quoted(cell)} here and {quoted(original)} in the manifest: {reason}"
                    fates.problems.setdefault(position, []).append(
                        self._validator.problem(
                            "spreadsheet-changed", fates.rows[position], message, column=column, value=cell
                        )
                    )
