"""Reads the `import_*` columns of a results file for `rerun`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from importer.account_fields.value_check import quoted
from importer.manifest.chunks import Chunk
from importer.manifest.text_column import Mask
from importer.mapping import Mapping
from importer.models import Problem
from importer.results import ManifestComparison, ResultRow, read_result_rows
from importer.submission.chunk_decisions import INCOMPLETE_ROW_CODES, ChunkDecisions
from importer.validation import Validator
from importer.workflows.import_job import RowSelection
from importer.workflows.rerun.restored_cells import RestoredCells


class PreviousResults:
    """The `import_*` columns of a results file. ``comparison``: of the file with its manifest, if that was found."""

    def __init__(
        self, mapping: Mapping, validator: Validator, selection: RowSelection, comparison: ManifestComparison | None
    ) -> None:
        self._mapping = mapping
        self._validator = validator
        self._selection = selection
        self._comparison = comparison
        self._restored = RestoredCells(comparison) if selection.restore and comparison is not None else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """The cells that were restored."""
        return () if self._restored is None else tuple(self._restored.warnings)

    def restored(self, chunk: Chunk, previous: Sequence[ResultRow] | None) -> Chunk:
        """Return the rows without the changes of a spreadsheet, if the user asks for that."""
        return chunk if self._restored is None or previous is None else self._restored.restore(chunk, previous)

    def rows(self, chunk: Chunk) -> list[ResultRow] | None:
        """Read the previous result of each row, with the manifest's keys; ``None`` if the file is a manifest."""
        if self._selection.only is None:
            return None
        keys = self._comparison.keys if self._comparison is not None else {}
        return [each.with_key(keys[each.row]) if each.row in keys else each for each in read_result_rows(chunk.frame)]

    def is_kept(self, size: int, previous: Sequence[ResultRow] | None) -> Mask:
        """Return which of ``size`` rows keep their result, because the user sends rows of other states only."""
        only = self._selection.only
        if previous is None or only is None:
            return np.zeros(size, dtype=bool)
        return np.array([each.status not in only for each in previous], dtype=bool)

    def uncorrected_rows(self, chunk: Chunk, previous: Sequence[ResultRow]) -> Iterator[Problem]:
        """Yield a problem for each row that was rejected as incomplete and is not known to be corrected."""
        if self._selection.accept_edits:
            return
        for at, (row, result) in enumerate(zip(chunk.rows, previous, strict=True)):
            if result.code not in INCOMPLETE_ROW_CODES or self._takes_lists_now(chunk, at, result):
                continue
            if self._comparison is None:
                message = f"{result.error} Name the manifest with --manifest to find out whether the row is corrected"
            elif result.row in self._comparison.misshapen and not self._is_edited(chunk, at, result.row):
                message = result.error
            else:
                continue
            yield self._validator.problem(result.code, row, message)

    def _is_edited(self, chunk: Chunk, position: int, row: int) -> bool:
        """Return whether a user changed a cell of a row; what a spreadsheet changes corrects nothing."""
        assert self._comparison is not None, "the caller checks this"
        return any(
            self._comparison.spreadsheet_damage(row, column, chunk.text(column, position)) is None
            for column in self._comparison.cells.get(row, ())
        )

    def _takes_lists_now(self, chunk: Chunk, position: int, result: ResultRow) -> bool:
        """Return whether a row was rejected for a list, and the mapping now takes all lists of the row."""
        if result.code != "nested-value":
            return False
        single = (self._mapping.manifest.single_columns or frozenset()).intersection(chunk.columns)
        return not any(chunk.text(column, position).startswith(("[", "{")) for column in single)

    def add_changed_cells(self, chunk: Chunk, decisions: ChunkDecisions) -> None:
        """Add a problem for each cell that a spreadsheet has changed and the mapping uses.

        The rows stay among those to send, so that the mapping's checks add all other problems.
        """
        if self._comparison is None or self._selection.accept_edits:
            return
        used = self._mapping.used_columns
        for position in np.flatnonzero(decisions.send_mask()).tolist():
            row = decisions.rows[position]
            for column in self._comparison.cells.get(row, ()):
                cell = chunk.frame[column].iloc[position]
                changed = self._comparison.spreadsheet_damage(row, column, cell)
                if changed is not None and column in used:
                    original, reason = changed
                    message = f"{column} is {quoted(cell)} here and {quoted(original)} in the manifest: {reason}"
                    problem = self._validator.problem("spreadsheet-changed", row, message, column=column, value=cell)
                    decisions.problems.setdefault(position, []).append(problem)
