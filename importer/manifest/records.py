"""Records as a format has them at hand: whole rows of text, or all cells where they lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from importer.manifest.text_column import Column, Places


class Records(Protocol):
    """Consecutive or picked records of a manifest, in its order. They need not have the same number of cells."""

    def __len__(self) -> int: ...

    @property
    def widths(self) -> Places:
        """How many cells each record has."""

    def take(self, positions: npt.NDArray[np.intp], /) -> Records:
        """Some of these records."""

    def column(self, index: int, /) -> Column | None:
        """The cell at ``index`` of each record, empty where one has fewer; None if bytes can't say one of them."""

    def column_texts(self, index: int, /) -> list[str]:
        """The same as text, whatever the cells hold."""

    def texts(self) -> list[list[str]]:
        """Every cell of every record."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordList:
    """Records that are there as lists of text."""

    records: Sequence[list[str]]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def widths(self) -> Places:
        """How many cells each record has."""
        return np.fromiter(map(len, self.records), dtype=np.int64, count=len(self.records))

    def take(self, positions: npt.NDArray[np.intp]) -> RecordList:
        """Some of these records."""
        return RecordList(records=[self.records[position] for position in positions.tolist()])

    def part(self, start: int, stop: int) -> RecordList:
        """The records from ``start`` to before ``stop``."""
        return RecordList(records=self.records[start:stop])

    def column(self, index: int) -> Column | None:
        """The cell at ``index`` of each record; None if one holds a NUL or half a surrogate pair."""
        return Column.from_texts(self.column_texts(index))

    def column_texts(self, index: int) -> list[str]:
        """The cell at ``index`` of each record; empty where a record has fewer."""
        return [record[index] if index < len(record) else "" for record in self.records]

    def texts(self) -> list[list[str]]:
        """The records themselves."""
        return list(self.records)


@dataclass(frozen=True, kw_only=True, eq=False)
class BlankRecords:
    """Consecutive records without content: only their number is kept."""

    size: int

    def __len__(self) -> int:
        return self.size

    @property
    def widths(self) -> Places:
        """How many cells each record has: none that counts."""
        return np.zeros(self.size, dtype=np.int64)

    def take(self, positions: npt.NDArray[np.intp]) -> BlankRecords:
        """Some of these records."""
        return BlankRecords(size=positions.size)

    def part(self, start: int, stop: int) -> BlankRecords:
        """The records from ``start`` to before ``stop``."""
        return BlankRecords(size=max(min(stop, self.size) - start, 0))

    def column(self, _index: int) -> Column | None:
        """The cell at an index of each record: empty."""
        return Column.from_texts([""] * self.size)

    def column_texts(self, _index: int) -> list[str]:
        """The same as text."""
        return [""] * self.size

    def texts(self) -> list[list[str]]:
        """Every cell of every record."""
        return [[] for _ in range(self.size)]


def is_blank(record: Iterable[str]) -> bool:
    """Say whether a record is not a row of data: no cell holds anything but blanks."""
    return not any(map(str.strip, record))
