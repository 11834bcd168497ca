"""What a sheet holds besides its values, whatever kind of workbook it is in; all rows and columns count from 0.

The reader of the cells (calamine) gives values alone. An error such as #N/A is an empty cell to it, and 123 that a
format shows as 00123 is 123. So each kind of workbook is gone through once more, for what calamine doesn't tell.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from importer.manifest.workbooks.cells import number_text
from importer.manifest.workbooks.zero_padding import ZeroPadding

UNTOLD_FORMULA = "="  # what stands for one whose text the sheet does not tell

_EXACT_BELOW = 1e15  # spreadsheets keep 15 digits
_MOST_CELLS = 64_000_000  # empty ones included: calamine keeps all from the first to the last, in 2 GB
_MOST_COLUMNS = 16_384  # no program has more, so a cell beyond them is where damage put it

Rows = npt.NDArray[np.int64]
Place = tuple[int, int]
"""(Row, column)."""


class UnreadableSheetError(Exception):
    """A part of the workbook that is needed is missing or damaged."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Padded:
    """The cells of one column with one format that pads, by their ascending ``rows``."""

    column: int
    zeros: ZeroPadding
    rows: Rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Overruled:
    """The cells of one column, by their ascending ``rows``, whose text is another than calamine's."""

    column: int
    rows: Rows
    texts: tuple[str, ...]


@dataclass(frozen=True, order=True)
class Area:
    """Merged cells; the last row and column belong to it."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


def _new_rows() -> dict[tuple[int, ZeroPadding], array[int]]:
    return defaultdict(lambda: array("q"))


@dataclass(kw_only=True)
class SheetFacts:
    """Filled by the scan of a sheet, and only read from then on.

    ``padded``: (column, format) -> rows, empty cells and texts among them. ``errors``: cells that hold an error, with
    what they show. ``unvalued``: formulas whose value is not stored, as written. ``others``: texts that calamine gives
    otherwise. ``rounded``: numbers of more digits than spreadsheets keep. ``dateless``: numbers below zero with the
    format of a date or time. ``stale``: there are formulas, and the program that wrote them left it to the next one to
    compute them. ``rows`` and ``columns``: up to the last cell that holds anything, or further.
    """

    padded: dict[tuple[int, ZeroPadding], array[int]] = field(default_factory=_new_rows)
    errors: dict[Place, str] = field(default_factory=dict)
    unvalued: dict[Place, str] = field(default_factory=dict)
    others: dict[Place, str] = field(default_factory=dict)
    rounded: list[Place] = field(default_factory=list)
    dateless: list[Place] = field(default_factory=list)
    merged: list[Area] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: set[int] = field(default_factory=set)
    stale: bool = False
    rows: int = 0
    columns: int = 0

    def reach(self, row: int, column: int) -> None:
        """Take note that a cell holds something."""
        self.rows, self.columns = max(self.rows, row + 1), max(self.columns, column + 1)

    def hide_columns(self, first: int, last: int) -> None:
        """Take note of hidden columns, the last one included; damage may put it anywhere."""
        self.hidden_columns.update(range(first, min(last + 1, _MOST_COLUMNS)))

    @property
    def is_too_large(self) -> bool:
        """Whether the sheet is not to be loaded, as no machine may have the memory for it."""
        return is_too_large(self.rows, self.columns)

    def note_number(self, place: Place, number: float, *, is_date: bool = False) -> None:
        """Look at a number that a cell holds; ``is_date``: its format makes a date or a time of it."""
        if abs(number) >= _EXACT_BELOW:
            self.rounded.append(place)
        if is_date and number < 0:
            # No day is so early. calamine takes the part of the day alone: a quarter below zero would be 18:00.
            self.others[place] = number_text(number)
            self.dateless.append(place)

    def padding(self) -> tuple[Padded, ...]:
        """Every column's formats that pad."""
        return tuple(
            Padded(column=column, zeros=zeros, rows=np.sort(np.array(rows, dtype=np.int64)))
            for (column, zeros), rows in self.padded.items()
        )

    def overruled(self) -> tuple[Overruled, ...]:
        """Every column's cells that calamine gives otherwise than they are to be read."""
        columns: dict[int, dict[int, str]] = defaultdict(dict)
        for (row, column), text in (*self.others.items(), *self.unvalued.items(), *self.errors.items()):
            columns[column][row] = text
        return tuple(_overruled(column, texts) for column, texts in columns.items())

    def shown(self, place: Place) -> str:
        """What a cell without a value to be sent shows: the error, or the formula."""
        return self.errors.get(place) or self.unvalued[place]

    def faults(self) -> Iterator[tuple[Place, str]]:
        """Each cell without a value to be sent, with the code of its problem, in the order of the sheet."""
        codes = dict.fromkeys(self.errors, "cell-error") | dict.fromkeys(self.unvalued, "formula-without-value")
        yield from sorted(codes.items())


def is_too_large(rows: int, columns: int) -> bool:
    """Whether a sheet of so many rows and columns is not to be loaded."""
    return rows * columns > _MOST_CELLS or columns > _MOST_COLUMNS


def _overruled(column: int, texts: dict[int, str]) -> Overruled:
    rows = sorted(texts)
    return Overruled(column=column, rows=np.array(rows, dtype=np.int64), texts=tuple(texts[row] for row in rows))
