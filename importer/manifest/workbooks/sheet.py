"""One sheet of a workbook -> blocks of text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from importer.manifest.records import BlankRecords
from importer.manifest.workbooks.cells import texts
from importer.manifest.workbooks.grid import Grid
from importer.manifest.workbooks.sheet_facts import Overruled, Padded, SheetFacts

BLOCK_ROWS = 10_000
_FIRST_ROWS = 1_000
_BLOCK_CELLS = 200_000
_BLOCK_BYTES = 1 << 23
_Marked = TypeVar("_Marked", Padded, Overruled)


class Cells(Protocol):
    """What calamine gives of a sheet."""

    def iter_rows(self) -> Iterator[list[Any]]:
        """All rows from row 1 on, cut to the columns from the first to the last one that holds something."""


@dataclass(frozen=True, kw_only=True)
class TablePlace:
    """Where a table is on its sheet.

    ``header_row`` and ``end_row``, the last with a value, count from 1. ``first_column`` counts from 0; from there on
    rows have ``width`` cells, of which the header names the first ``named``.
    """

    header_row: int
    end_row: int
    first_column: int
    width: int
    named: int


class Sheet:
    """The rows of a sheet below its header, as text."""

    def __init__(self, cells: Cells, facts: SheetFacts, place: TablePlace) -> None:
        self._cells = cells
        self._place = place
        self._padding = facts.padding()
        first, end = place.first_column, place.first_column + place.named
        self._overruled = facts.overruled()
        # To calamine the sheet ends with the last value, and a formula may have none.
        last_rows = (int(each.rows[-1]) for each in self._overruled if first <= each.column < end)
        self._further_rows = max(last_rows, default=-1) + 1 - place.end_row

    def blocks(self) -> Iterator[Grid | BlankRecords]:
        """Read all rows once, at most ``BLOCK_ROWS`` at a time, and fewer of a wide sheet or of one with long texts."""
        first = self._place.header_row
        further = itertools.repeat([""] * self._place.width, max(self._further_rows, 0))
        rows = itertools.islice(itertools.chain(self._cells.iter_rows(), further), first, None)
        most = max(min(BLOCK_ROWS, _BLOCK_CELLS // self._place.width), 1)
        size = min(_FIRST_ROWS, most)
        while block := list(itertools.islice(rows, size)):
            if self._is_blank(block, first):
                yield BlankRecords(size=len(block))
                first += len(block)
                size = most
                continue
            grid = self._grid(block, first)
            yield grid
            first += len(block)
            # So that long texts further down don't make a block many times as large as the one before.
            bytes_per_row = sum(column.data.size for column in grid.cells) / len(block)
            size = max(min(int(_BLOCK_BYTES / bytes_per_row), 2 * size, most), 1)

    def _is_blank(self, block: list[list[Any]], first: int) -> bool:
        """Whether all cells are empty, and none of them is to be read otherwise."""
        if any(record.count("") < len(record) for record in block):
            return False
        end = first + len(block)
        return not any(np.diff(np.searchsorted(each.rows, [first, end]))[0] for each in self._overruled)

    def _grid(self, block: list[list[Any]], first: int) -> Grid:
        columns: list[Sequence[Any]] = list(zip(*block, strict=True))
        self._pad(columns, first, len(block))
        self._overrule(columns, first, len(block))
        return Grid.of(list(map(texts, columns)), self._place.named)

    def _pad(self, columns: list[Sequence[Any]], first: int, size: int) -> None:
        for padded, column, here in self._changing(columns, self._padding, first, size):
            for at in (padded.rows[here] - first).tolist():
                # A format is applied to numbers alone: Excel shows the text 123 as 123. Empty cells have formats, too.
                if type(column[at]) in (float, int):
                    column[at] = padded.zeros.apply(float(column[at]))

    def _overrule(self, columns: list[Sequence[Any]], first: int, size: int) -> None:
        for overruled, column, here in self._changing(columns, self._overruled, first, size):
            for at, text in zip((overruled.rows[here] - first).tolist(), overruled.texts[here], strict=True):
                column[at] = text

    def _changing(
        self, columns: list[Sequence[Any]], marked: Sequence[_Marked], first: int, size: int
    ) -> Iterator[tuple[_Marked, list[Any], slice]]:
        """Those of ``marked`` with rows in a block, each with its column, to be changed in place, and these rows."""
        for each in marked:
            place = each.column - self._place.first_column
            start, end = np.searchsorted(each.rows, [first, first + size])
            if start < end and 0 <= place < len(columns):
                columns[place] = column = list(columns[place])
                yield each, column, slice(start, end)
