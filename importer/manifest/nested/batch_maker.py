"""Collects the rows of nested records into batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator

from importer.manifest.nested.columns import NestedRows
from importer.manifest.nested.values import JsonObject
from importer.manifest.records import Batch, BlankRecords, RecordList
from importer.models import Problem

_MAX_ROWS = 10_000
_MAX_CHARS = 1 << 23  # of all cells


class BatchMaker:
    """Makes batches of records, one after another; a record itself is not kept."""

    def __init__(self, rows: NestedRows, size: int) -> None:
        self._rows = rows
        self._size = min(size, _MAX_ROWS)
        self._first_row = 1
        self._records: list[list[str]] = []
        self._problems: list[Problem] = []
        self._chars = 0

    @property
    def row(self) -> int:
        """Return the number of the next row."""
        return self._first_row + len(self._records)

    def add(self, record: JsonObject) -> Iterator[Batch]:
        """Add a record; yield a batch when it is full."""
        cells = self._rows.cells(record)
        self._problems += self._rows.problems(self.row, record, cells)
        self._records.append(cells)
        self._chars += sum(map(len, cells))
        if len(self._records) >= self._size or self._chars > _MAX_CHARS:
            yield from self.rest()

    def add_blank(self, count: int) -> Iterator[Batch]:
        """Yield the rows so far, and a batch of blank rows."""
        yield from self.rest()
        yield Batch(first_row=self._first_row, records=BlankRecords(size=count))
        self._first_row += count

    def rest(self) -> Iterator[Batch]:
        """Yield a batch of the rows since the last one."""
        if self._records:
            records = RecordList(records=self._records)
            yield Batch(first_row=self._first_row, records=records, problems=tuple(self._problems))
            self._first_row += len(self._records)
            self._records, self._problems, self._chars = [], [], 0
