"""Rows of a sheet as columns of text, so that checks of whole columns need no conversion."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from importer.manifest.records import BlankRecords
from importer.manifest.text_column import SPARE_BYTES, Bytes, Column
from importer.manifest.workbooks.cell_text import cell_texts
from importer.manifest.workbooks.number_formats import ZeroPadding
from importer.manifest.workbooks.sheet_facts import MarkedCells, SheetFacts


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Some rows of a sheet, all of the same width, as columns.

    ``named``: the number of columns with a name in the header; they come first. ``columns_with_nul``: the columns with
    a NUL in a cell, which other users of ``Column`` do not expect.
    """

    cells: tuple[Column, ...]
    named: int
    columns_with_nul: frozenset[int] = frozenset()

    @classmethod
    def of(cls, columns: Sequence[Sequence[str]], named: int) -> Grid:
        """Make a grid from at least one column of text."""
        cells = tuple(map(Column.from_any_texts, columns))
        columns_with_nul = frozenset(
            index for index, column in enumerate(cells) if not column.data[:-SPARE_BYTES].all()
        )
        return cls(cells=cells, named=named, columns_with_nul=columns_with_nul)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the starts of cells: columns of a whole grid begin with their data and have no gaps."""
        cells = [(column.data, column.ends) for column in self.cells]
        return _unpickled, (cells, self.named, self.columns_with_nul)

    def __len__(self) -> int:
        return len(self.cells[0])

    @functools.cached_property
    def widths(self) -> npt.NDArray[np.int64]:
        """Cells of each row: more than the named columns only if one of the others has content."""
        has_more = np.zeros(len(self), dtype=bool)
        for column in self.cells[self.named :]:
            has_more |= column.lengths > 0
        return np.where(has_more, len(self.cells), self.named)

    def take(self, positions: npt.NDArray[np.intp]) -> Grid:
        """Return some of these rows, by their positions."""
        return replace(self, cells=tuple(column.take(positions) for column in self.cells))

    def column(self, index: int) -> Column | None:
        """Return one column; None if a cell has a NUL."""
        return None if index in self.columns_with_nul else self.cells[index]

    def column_texts(self, index: int) -> list[str]:
        """Return one column as text."""
        return self.cells[index].texts()

    def texts(self) -> list[list[str]]:
        """Return all rows as text."""
        return list(map(list, zip(*(column.texts() for column in self.cells), strict=True)))


def _unpickled(cells: list[tuple[Bytes, npt.NDArray[np.int64]]], named: int, columns_with_nul: frozenset[int]) -> Grid:
    columns = (
        Column(
            data=data,
            starts=np.concatenate((np.zeros(1, dtype=np.int64), ends))[:-1],
            ends=ends,
            escaped=np.zeros(ends.size, dtype=bool),
        )
        for data, ends in cells
    )
    return Grid(cells=tuple(columns), named=named, columns_with_nul=columns_with_nul)


BLOCK_ROWS = 10_000
_FIRST_BLOCK_ROWS = 1_000
_BLOCK_CELLS = 200_000
_BLOCK_BYTES = 1 << 23


class Cells(Protocol):
    """The cells of a sheet, from calamine."""

    def iter_rows(self) -> Iterator[list[Any]]:
        """Yield all rows from row 1 on, cut to the first to the last column with content."""


@dataclass(frozen=True, kw_only=True)
class TablePosition:
    """The position of a table on its sheet.

    ``header_row`` and ``end_row``, the last with a value, count from 1. ``first_column`` counts from 0; from there on
    rows have ``width`` cells, and the header names the first ``named``.
    """

    header_row: int
    end_row: int
    first_column: int
    width: int
    named: int


class SheetRows:
    """Rows of a sheet below its header, as text."""

    def __init__(self, cells: Cells, facts: SheetFacts, position: TablePosition) -> None:
        self._cells = cells
        self._position = position
        self._padded = facts.padded_cells()
        self._replaced = facts.replaced_cells()
        first, end = position.first_column, position.first_column + position.named
        # calamine ends the sheet with the last value, and a formula below that may have none.
        last_rows = (int(each.rows[-1]) for each in self._replaced if first <= each.column < end)
        self._rows_after_values = max(max(last_rows, default=-1) + 1 - position.end_row, 0)

    def blocks(self) -> Iterator[Grid | BlankRecords]:
        """Read all rows, ``BLOCK_ROWS`` at a time, or fewer if they are wide or long."""
        first = self._position.header_row
        rows_after = itertools.repeat([""] * self._position.width, self._rows_after_values)
        rows = itertools.islice(itertools.chain(self._cells.iter_rows(), rows_after), first, None)
        most = max(min(BLOCK_ROWS, _BLOCK_CELLS // self._position.width), 1)
        size = min(_FIRST_BLOCK_ROWS, most)
        while block := list(itertools.islice(rows, size)):
            if self._is_blank(block, first):
                yield BlankRecords(size=len(block))
                first += len(block)
                size = most
                continue
            grid = self._grid(block, first)
            yield grid
            first += len(block)
            # A block is at most twice as large as the one before, in case texts get longer.
            bytes_per_row = sum(column.data.size for column in grid.cells) / len(block)
            size = max(min(int(_BLOCK_BYTES / bytes_per_row), 2 * size, most), 1)

    def _is_blank(self, block: list[list[Any]], first: int) -> bool:
        """Whether all cells are empty, and none has a replaced text."""
        if any(record.count("") < len(record) for record in block):
            return False
        end = first + len(block)
        return not any(np.diff(np.searchsorted(each.rows, [first, end]))[0] for each in self._replaced)

    def _grid(self, block: list[list[Any]], first: int) -> Grid:
        columns: list[Sequence[Any]] = list(zip(*block, strict=True))
        for cells in (*self._padded, *self._replaced):
            self._mark(columns, cells, first, len(block))
        return Grid.of(list(map(cell_texts, columns)), self._position.named)

    def _mark(self, columns: list[Sequence[Any]], cells: MarkedCells, first: int, size: int) -> None:
        """Write the texts of marked cells into a block of rows."""
        index = cells.column - self._position.first_column
        start, end = np.searchsorted(cells.rows, [first, first + size])
        if start == end or not 0 <= index < len(columns):
            return
        columns[index] = column = list(columns[index])
        places = (cells.rows[start:end] - first).tolist()
        if not isinstance(cells.texts, ZeroPadding):
            for at, text in zip(places, cells.texts[start:end], strict=True):
                column[at] = text
            return
        for at in places:
            # Only numbers are padded: Excel shows the text 123 as 123. Empty cells have formats, too.
            if type(column[at]) in (float, int):
                column[at] = cells.texts.apply(float(column[at]))
