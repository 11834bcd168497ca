"""The layout of a workbook with results: the order and width of columns, and the rows to work on. Pure."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from importer.models import DONE_STATUSES, Status
from importer.results.columns import COLUMNS

WORK_STATUSES = tuple(status for status in Status if status not in (*DONE_STATUSES, Status.PENDING))
"""The states of the rows that somebody has to work on. A pending row only has to be sent."""

# These columns are beside the key, so that a user sees first what to do.
_LEADING = ("import_row", "import_key", "import_status", "import_error", "import_hint")
STATUS_COLUMN = _LEADING.index("import_status")
FROZEN_COLUMNS = STATUS_COLUMN + 1

_LEAST_WIDTH = 8  # in characters
_MOST_WIDTH = 45
_MOST_WIDTHS = {"import_row": 12, "import_key": 30, "import_status": 16}
_BUTTON_WIDTH = 4  # of the filter's button beside a name
MOST_LINES = 8  # of a row: a higher one would hide the rows below it
LINE_POINTS = 15


@dataclass(frozen=True)
class SheetLayout:
    """The columns of the sheet from left to right, for a manifest with the columns ``own``."""

    own: tuple[str, ...]

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The header."""
        return (*_LEADING, *self.own, *(name for name in COLUMNS if name not in _LEADING))

    @functools.cached_property
    def places(self) -> tuple[int, ...]:
        """The place of each column among the manifest's columns and the columns of an import."""
        ours = {name: len(self.own) + at for at, name in enumerate(COLUMNS)}
        rest = (place for name, place in ours.items() if name not in _LEADING)
        return (*(ours[name] for name in _LEADING), *range(len(self.own)), *rest)

    def is_own(self, column: int) -> bool:
        """Return whether the manifest has this column of the sheet."""
        return len(_LEADING) <= column < len(_LEADING) + len(self.own)

    def column_of(self, own: int) -> int:
        """Return the sheet's column of the manifest's column with this index."""
        return len(_LEADING) + own


class ColumnWidths:
    """The longest text of each column, up to a bound."""

    def __init__(self, names: Sequence[str]) -> None:
        self._most = [_MOST_WIDTHS.get(name, _MOST_WIDTH) for name in names]
        self._longest = [len(name) + _BUTTON_WIDTH for name in names]

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        """Measure the cells of some rows."""
        for at, cells in enumerate(zip(*rows, strict=True)):
            if self._longest[at] < self._most[at]:
                self._longest[at] = max(self._longest[at], *map(len, cells))

    def widths(self) -> list[int]:
        """Return the width of each column in characters."""
        return [
            min(max(_LEAST_WIDTH, longest + 1), most) for longest, most in zip(self._longest, self._most, strict=True)
        ]


def lines_of_cell(cell: str, width: int) -> int:
    """Return how many lines a wrapped text takes."""
    if len(cell) <= width and "\n" not in cell:
        return 1
    return sum(max(1, math.ceil(len(line) / width)) for line in cell.split("\n"))
