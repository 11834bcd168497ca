"""Rows of a sheet as columns of text, so that checks of whole columns need no conversion."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from importer.manifest.text_column import SPARE_BYTES, Bytes, Column


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
