"""Limits of a cell and of a sheet of a workbook."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from importer.errors import ResultsError
from importer.manifest.chunks import Chunk
from importer.results.columns import COLUMNS, escape_formula

ENDING = ".xlsx"
MAX_CELL = 32_767  # UTF-16 units
MAX_ROWS = 1_048_576  # including the header
MAX_COLUMNS = 16_384

_SHOWN_CELLS = 10
_MAX_UNITS_OF_CHARACTER = 2
_NOT_IN_XML = re.compile("[\ufffe\uffff]")
_CUT = "… (cut)"


class WorkbookLimits:
    """Finds what a workbook with results can't hold: too many rows or columns, or unwritable cells.

    ``columns``: of the manifest.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._rows = 1  # the header
        self._count = 0  # of unwritable cells
        self._shown: list[str] = []

    def count(self, rows: int) -> None:
        """Count rows without a check of their cells."""
        self._rows += rows

    def check(self, chunk: Chunk, keys: Sequence[str]) -> None:
        """Check the rows of a chunk and their keys."""
        self.count(len(chunk.rows))
        found = list(unwritable_cells(chunk.rows, "import_key", list(map(escape_formula, keys))))
        for column in self._columns:
            found += unwritable_cells(chunk.rows, column, chunk.texts(column))
        self._count += len(found)
        self._shown += [text for _, text in sorted(found)[: _SHOWN_CELLS - len(self._shown)]]

    def require(self, results: Path) -> None:
        """Raise ResultsError if the workbook ``results`` can't hold all of it."""
        too_many, width = "", len(self._columns) + len(COLUMNS)
        if self._rows > MAX_ROWS or width > MAX_COLUMNS:
            limits = f"{MAX_ROWS:,} of {MAX_COLUMNS:,}"
            too_many = f": {self._rows:,} rows of {width:,} cells, and a workbook holds {limits}"
        if too_many or self._count:
            more = self._count - len(self._shown)
            raise ResultsError(
                f"{results} can't hold these results{too_many}",
                details=[*self._shown, *([f"… and {more:,} more"] if more else [])],
                hint="write the results as CSV: name a file that ends in .csv with -o",
            )


def unwritable_cells(rows: Sequence[int], name: str, cells: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the row and a description of each cell of a column that a workbook cannot hold."""
    if max(map(len, cells), default=0) * _MAX_UNITS_OF_CHARACTER <= MAX_CELL and not _NOT_IN_XML.search("".join(cells)):
        return
    for row, cell in zip(rows, cells, strict=True):
        if _units(cell) > MAX_CELL:
            yield row, f"row {row}, {name}: {len(cell):,} characters; a cell holds at most {MAX_CELL:,}"
        elif _NOT_IN_XML.search(cell):
            yield row, f"row {row}, {name}: a character that a workbook cannot hold"


def fits_cell(cell: str) -> bool:
    """Whether a cell can hold a text unchanged."""
    return _units(cell) <= MAX_CELL and not _NOT_IN_XML.search(cell)


def _units(text: str) -> int:
    if len(text) * _MAX_UNITS_OF_CHARACTER <= MAX_CELL:
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut_to_cell(text: str) -> str:
    """Shorten a text to what a cell holds, and replace characters that XML lacks."""
    text = _NOT_IN_XML.sub("\ufffd", text)
    if _units(text) <= MAX_CELL:
        return text
    size_bytes = 2 * (MAX_CELL - len(_CUT))
    return text.encode("utf-16-le", "surrogatepass")[:size_bytes].decode("utf-16-le", "ignore") + _CUT
