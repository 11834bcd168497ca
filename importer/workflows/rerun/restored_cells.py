"""Puts cells that a spreadsheet has changed back from the manifest: `rerun --restore`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from importer.account_fields.value_check import quoted
from importer.manifest.chunks import Chunk
from importer.manifest.records import RecordList
from importer.results import ManifestComparison, ResultRow

_SHOWN_CELLS = 3


class RestoredCells:
    """The cells that were put back. ``comparison``: of the results file with its manifest."""

    def __init__(self, comparison: ManifestComparison) -> None:
        self._comparison = comparison
        self._counts: Counter[str] = Counter()
        self._shown: dict[str, list[str]] = defaultdict(list)

    @property
    def warnings(self) -> Iterator[str]:
        """Yield a warning for each column, with the first cells that were restored."""
        for column, count in self._counts.items():
            cells = "1 cell is" if count == 1 else f"{count:,} cells are"
            first = "; ".join(self._shown[column])
            more = "; …" if count > _SHOWN_CELLS else ""
            yield f"{column}: {cells} restored from the manifest: {first}{more}"

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
                    self._counts[column] += 1
                    if len(self._shown[column]) < _SHOWN_CELLS:
                        text = f"row {result.row}, {quoted(found)} is {quoted(original)} again, as {reason}"
                        self._shown[column].append(text)
        return replace(chunk, source=RecordList(records=records)) if records else chunk
