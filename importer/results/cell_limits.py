"""Limits of a cell and of a sheet of a workbook."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

ENDING = ".xlsx"
MAX_CELL = 32_767  # UTF-16 units
MAX_ROWS = 1_048_576  # including the header
MAX_COLUMNS = 16_384

_MAX_UNITS_OF_CHARACTER = 2
_NOT_IN_XML = re.compile("[\ufffe\uffff]")
_CUT = "… (cut)"


def find_unwritable_cells(rows: Sequence[int], name: str, cells: Sequence[str]) -> Iterator[tuple[int, str]]:
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
