"""What a cell of a workbook can hold, and a sheet: as a spreadsheet counts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

ENDING = ".xlsx"
MAX_CELL = 32_767  # UTF-16 units
MAX_ROWS = 1_048_576  # with the header
MAX_COLUMNS = 16_384

_MOST_UNITS = 2  # of a character beyond the first 65,536
_NO_CHARACTER = re.compile("[\ufffe\uffff]")  # XML has no way to write these two
_CUT = "… (cut)"


def unfit(rows: Sequence[int], name: str, cells: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Say which cells of a column no workbook can hold: each one's row, and why."""
    if max(map(len, cells), default=0) * _MOST_UNITS <= MAX_CELL and not _NO_CHARACTER.search("".join(cells)):
        return
    for row, cell in zip(rows, cells, strict=True):
        if _units(cell) > MAX_CELL:
            yield row, f"row {row}, {name}: {len(cell):,} characters; a cell holds {MAX_CELL:,}"
        elif _NO_CHARACTER.search(cell):
            yield row, f"row {row}, {name}: it holds a character that a workbook can't"


def fits_cell(cell: str) -> bool:
    """Say whether a cell can hold a text as it is."""
    return _units(cell) <= MAX_CELL and not _NO_CHARACTER.search(cell)


def _units(text: str) -> int:
    if len(text) * _MOST_UNITS <= MAX_CELL:
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str) -> str:
    """What a server or a rule said, in the length that a cell holds."""
    text = _NO_CHARACTER.sub("\ufffd", text)
    if _units(text) <= MAX_CELL:
        return text
    room = 2 * (MAX_CELL - len(_CUT))
    return text.encode("utf-16-le", "surrogatepass")[:room].decode("utf-16-le", "ignore") + _CUT
