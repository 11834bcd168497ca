"""Puts cells that a spreadsheet has changed back from the manifest: `rerun --restore`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from importer.account_fields.value_check import quoted
from importer.manifest.chunks import Chunk
from importer.manifest.records import RecordList
from importer.results import ManifestComparison, ResultRow

_SHOWN_CELLS = 10


class RestoredCells:
    """The cells that were put back. ``comparison``: of the results file with its manifest."""

    def __init__(self, comparison: ManifestComparison) -> None:
        self._comparison = comparison
        self._count = 0
        self._shown: list[str] = []

    @property
    def warnings(self) -> Iterator[str]:
        """Yield a warning for each of the first cells, and one for all others."""
        yield from self._shown
        if more := self._count - len(self._shown):
            yield f"{more:,} more cell{'s are' if more > 1 else ' is'} restored from the manifest"

    def restore(self, chunk: Chunk, previous: Sequence[ResultRow]) -> Chunk:
        """Return the rows with the manifest's cells in place of those that a spreadsheet has changed."""
        records: list[list[str]] = []
        for at, result in enumerate(previous):
            for column in list(self._comparison.cells.get(result.row, ())):
                records = records or [list(cells) for cells in chunk.cells(chunk.columns)]
                place = chunk.columns.index(column)
                found = records[at][place]
                if damage := self._comparison.spreadsheet_damage(result.row, column, found):
                    original, reason = damage
                    records[at][place] = original
                    self._comparison.forget(result.row, column)
                    self._count += 1
                    if len(self._shown) < _SHOWN_CELLS:
                        cells = f"{quoted(found)} is {quoted(original)} again, as in the manifest"
                        self._shown.append(f"row {result.row}, {column}: {cells} ({reason})")
        return replace(chunk, source=RecordList(records=records)) if records else chunk
