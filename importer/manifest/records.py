"""Records in the form that a reader has them: lists of text, or cells of a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from importer.manifest.text_column import Column, Integers
from importer.models import Problem


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


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Consecutive records as in the file; ``first_row`` is the row number of the first one.

    ``problems``: what the format's reader reports about cells that can't be sent; none of these records is blank.
    ``comments``: how many of the blank records are comments.
    """

    first_row: int
    records: Records | BlankRecords
    problems: tuple[Problem, ...] = ()
    comments: int = 0

    def split(self, size: int) -> Iterator[Batch]:
        """Yield the same records, at most ``size`` at a time, unless they are blank."""
        if isinstance(self.records, BlankRecords) or len(self.records) <= size:
            yield self
            return
        for start in range(0, len(self.records), size):
            records = self.records.take(np.arange(start, min(start + size, len(self.records))))
            rows = range(self.first_row + start, self.first_row + start + len(records))
            problems = tuple(problem for problem in self.problems if problem.row in rows)
            yield Batch(first_row=rows.start, records=records, problems=problems)


def is_blank(record: Iterable[str]) -> bool:
    """Return whether all cells of a record are empty or blank."""
    return not any(map(str.strip, record))


def stripped(record: Iterable[str]) -> list[str]:
    """Return the cells of a record without blanks around them."""
    return [cell.strip() for cell in record]
