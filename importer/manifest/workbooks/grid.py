"""Records as the columns that they came in, so that what looks at a column needs no rows made and taken apart again."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from importer.manifest.text_column import SPARE_BYTES, Column


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Some rows of a sheet, all of the same width; the first ``named`` of its columns are the header's.

    ``unsayable``: the columns of which a cell may hold a NUL, which no other ``Column`` does.
    """

    cells: tuple[Column, ...]
    named: int
    unsayable: frozenset[int] = frozenset()

    @classmethod
    def of(cls, columns: Sequence[Sequence[str]], named: int) -> Grid:
        """Make a grid of columns of text, at least one."""
        cells = tuple(map(Column.from_any_texts, columns))
        unsayable = frozenset(index for index, column in enumerate(cells) if not column.data[:-SPARE_BYTES].all())
        return cls(cells=cells, named=named, unsayable=unsayable)

    def __len__(self) -> int:
        return len(self.cells[0])

    @functools.cached_property
    def widths(self) -> npt.NDArray[np.int64]:
        """How many cells each row has: all of them where one behind the named columns holds something."""
        beyond = np.zeros(len(self), dtype=bool)
        for column in self.cells[self.named :]:
            beyond |= column.lengths > 0
        return np.where(beyond, len(self.cells), self.named)

    def take(self, which: npt.NDArray[np.intp]) -> Grid:
        """Some of these rows."""
        return replace(self, cells=tuple(column.take(which) for column in self.cells))

    def part(self, start: int, stop: int) -> Grid:
        """The rows from ``start`` to before ``stop``."""
        cells = (
            Column(
                data=column.data,
                starts=column.starts[start:stop],
                ends=column.ends[start:stop],
                escaped=column.escaped[start:stop],
            )
            for column in self.cells
        )
        return replace(self, cells=tuple(cells))

    def column(self, index: int) -> Column | None:
        """The cell at ``index`` of each row; ``None`` where one may hold a NUL."""
        return None if index in self.unsayable else self.cells[index]

    def column_texts(self, index: int) -> list[str]:
        """The cell at ``index`` of each row as text."""
        return self.cells[index].texts()

    def texts(self) -> list[list[str]]:
        """Every cell of every row."""
        return list(map(list, zip(*(column.texts() for column in self.cells), strict=True)))
