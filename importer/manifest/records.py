"""Records in the form that a reader has them: lists of text, or cells of a block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from importer.manifest.text_column import Column, Integers


class Records(Protocol):
    """Consecutive or selected records of a manifest, in its order.

    Their numbers of cells may differ.
    """

    def __len__(self) -> int: ...

    @property
    def widths(self) -> Integers:
        """Return how many cells each record has."""

    def take(self, positions: npt.NDArray[np.intp], /) -> Records:
        """Return some of these records."""

    def column(self, index: int, /) -> Column | None:
        """Return each record's cell at ``index``, empty if it has fewer.

        None if bytes can't store one of the cells.
        """

    def column_texts(self, index: int, /) -> list[str]:
        """Return the same cells as text, whatever they contain."""

    def texts(self) -> list[list[str]]:
        """Return every cell of every record."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordList:
    """Records stored as lists of text."""

    records: Sequence[list[str]]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def widths(self) -> Integers:
        """Return how many cells each record has."""
        return np.fromiter(map(len, self.records), dtype=np.int64, count=len(self.records))

    def take(self, positions: npt.NDArray[np.intp]) -> RecordList:
        """Return some of these records."""
        return RecordList(records=[self.records[position] for position in positions.tolist()])

    def part(self, start: int, stop: int) -> RecordList:
        """Return the records from ``start`` to before ``stop``."""
        return RecordList(records=self.records[start:stop])

    def column(self, index: int) -> Column | None:
        """Return each record's cell at ``index``.

        None if one contains a NUL or half a surrogate pair.
        """
        return Column.from_texts(self.column_texts(index))

    def column_texts(self, index: int) -> list[str]:
        """Return each record's cell at ``index``; empty if a record has fewer cells."""
        return [record[index] if index < len(record) else "" for record in self.records]

    def texts(self) -> list[list[str]]:
        """Return the records themselves."""
        return list(self.records)


@dataclass(frozen=True, kw_only=True, eq=False)
class BlankRecords:
    """Consecutive blank records: only their number is stored."""

    size: int

    def __len__(self) -> int:
        return self.size

    @property
    def widths(self) -> Integers:
        """Return 0 for each record."""
        return np.zeros(self.size, dtype=np.int64)

    def take(self, positions: npt.NDArray[np.intp]) -> BlankRecords:
        """Return some of these records."""
        return BlankRecords(size=positions.size)

    def part(self, start: int, stop: int) -> BlankRecords:
        """Return the records from ``start`` to before ``stop``."""
        return BlankRecords(size=max(min(stop, self.size) - start, 0))

    def column(self, _index: int) -> Column | None:
        """Return an empty cell for each record."""
        return Column.from_texts([""] * self.size)

    def column_texts(self, _index: int) -> list[str]:
        """Return an empty text for each record."""
        return [""] * self.size

    def texts(self) -> list[list[str]]:
        """Return an empty list for each record."""
        return [[] for _ in range(self.size)]


def is_blank(record: Iterable[str]) -> bool:
    """Return whether all cells of a record are empty or blank."""
    return not any(map(str.strip, record))


def stripped(record: Iterable[str]) -> list[str]:
    """Return the cells of a record without blanks around them."""
    return [cell.strip() for cell in record]
