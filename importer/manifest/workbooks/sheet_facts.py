"""Facts about a sheet that calamine does not report; all rows and columns count from 0.

calamine reports values only: an error such as #N/A is an empty cell, and 123 that a format shows as 00123 is 123. So
each sheet is scanned once more for these facts.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from importer.manifest.workbooks.cell_text import number_text
from importer.manifest.workbooks.number_formats import ZeroPadding

UNKNOWN_FORMULA = "="  # the text of a formula that the scan cannot read

_EXACT_BELOW = 1e15  # spreadsheets keep 15 digits
_MAX_COLUMNS = 16_384  # of every spreadsheet program

Rows = npt.NDArray[np.int64]
Position = tuple[int, int]
"""(Row, column)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MarkedCells:
    """Cells of one column whose text is not calamine's, by their rows in ascending order.

    ``texts``: their texts, or the format that pads those of them that are numbers.
    """

    column: int
    rows: Rows
    texts: tuple[str, ...] | ZeroPadding


@dataclass(frozen=True, order=True)
class Area:
    """Merged cells, with the last row and column included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


def _new_rows() -> dict[tuple[int, ZeroPadding], array[int]]:
    return defaultdict(lambda: array("q"))


@dataclass(kw_only=True)
class SheetFacts:
    """Facts that a scan fills in.

    ``padded``: (column, format) -> rows, also those of empty cells and texts. ``errors``: cells with an error, and its
    text. ``formulas_without_value``: formulas whose value is not stored, as written. ``texts``: cells that calamine
    reads differently, and their text. ``rounded``: numbers with more digits than spreadsheets keep. ``negative_dates``:
    numbers below zero with the format of a date or time. ``is_stale``: the sheet has formulas, and the program that
    wrote them left their values to the next program.
    """

    padded: dict[tuple[int, ZeroPadding], array[int]] = field(default_factory=_new_rows)
    errors: dict[Position, str] = field(default_factory=dict)
    formulas_without_value: dict[Position, str] = field(default_factory=dict)
    texts: dict[Position, str] = field(default_factory=dict)
    rounded: list[Position] = field(default_factory=list)
    negative_dates: list[Position] = field(default_factory=list)
    merged: list[Area] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: set[int] = field(default_factory=set)
    is_stale: bool = False

    def hide_columns(self, first: int, last: int) -> None:
        """Add hidden columns, including the last; a damaged number may be far too large."""
        self.hidden_columns.update(range(first, min(last + 1, _MAX_COLUMNS)))

    def check_number(self, position: Position, number: float, *, is_date: bool = False) -> None:
        """Add a number with too many digits, or a negative one in the format of a date or time."""
        if abs(number) >= _EXACT_BELOW:
            self.rounded.append(position)
        if is_date and number < 0:
            # There is no such date. calamine would read a time of day: -0.25 would be 18:00.
            self.texts[position] = number_text(number)
            self.negative_dates.append(position)

    def padded_cells(self) -> tuple[MarkedCells, ...]:
        """List the padded cells by column and format."""
        return tuple(
            MarkedCells(column=column, rows=np.sort(np.array(rows, dtype=np.int64)), texts=padding)
            for (column, padding), rows in self.padded.items()
        )

    def replaced_cells(self) -> tuple[MarkedCells, ...]:
        """List, by column, the other cells whose text is not calamine's."""
        columns: dict[int, dict[int, str]] = defaultdict(dict)
        for cells in (self.texts, self.formulas_without_value, self.errors):
            for (row, column), text in cells.items():
                columns[column][row] = text
        return tuple(
            MarkedCells(
                column=column,
                rows=np.array(sorted(texts), dtype=np.int64),
                texts=tuple(texts[row] for row in sorted(texts)),
            )
            for column, texts in columns.items()
        )

    def text_of_fault(self, position: Position) -> str:
        """Return the error or the formula of a cell that has no value."""
        return self.errors.get(position) or self.formulas_without_value[position]

    def faults(self) -> Iterator[tuple[Position, str]]:
        """Yield each cell without a value and the code of its problem, in the sheet's order."""
        codes = dict.fromkeys(self.errors, "cell-error")
        yield from sorted((codes | dict.fromkeys(self.formulas_without_value, "formula-without-value")).items())
