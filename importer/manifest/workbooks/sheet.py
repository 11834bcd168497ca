"""One sheet of a workbook -> blocks of text, parsed once: what was read is kept in a nameless file."""

from __future__ import annotations

import itertools
import marshal
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from importer.errors import ManifestError
from importer.manifest.column import Column
from importer.manifest.workbooks.cells import texts
from importer.manifest.workbooks.grid import Grid
from importer.manifest.workbooks.sheet_facts import Overruled, Padded, SheetFacts

BLOCK_ROWS = 10_000
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
    """The rows of a sheet below its header, as text.

    calamine holds a whole sheet in memory, and takes seconds to get there. So the first pass puts what it reads into
    a file that has no name, which is gone with the process, however that ends; and when it has come to the end, the
    sheet is let go. Where the disk doesn't take it, the sheet stays in memory.
    """

    def __init__(self, cells: Cells, facts: SheetFacts, place: TablePlace) -> None:
        self._cells: Cells | None = cells
        self._place = place
        self._padding = facts.padding()
        first, end = place.first_column, place.first_column + place.named
        self._overruled = facts.overruled()
        # To calamine the sheet ends with the last value, and a formula may have none.
        last_rows = (int(each.rows[-1]) for each in self._overruled if first <= each.column < end)
        self._further_rows = max(last_rows, default=-1) + 1 - place.end_row
        self._kept: _KeptBlocks | None = _KeptBlocks()

    def blocks(self) -> Iterator[Grid]:
        """Read all rows, in blocks of ``BLOCK_ROWS``. Passes may be broken off, and may overlap.

        Raises ManifestError if what was kept can't be read.
        """
        parsed: Iterator[Grid] | None = None
        for index in itertools.count():
            if parsed is None:
                if self._kept is not None and index < len(self._kept):
                    yield self._kept[index]
                    continue
                if self._cells is None:
                    return
                parsed = self._parsed(self._cells, skip=index * BLOCK_ROWS)
            block = next(parsed, None)
            if block is None:
                if self._kept is not None:
                    self._cells = None
                return
            self._keep(index, block)
            yield block

    def _parsed(self, cells: Cells, skip: int) -> Iterator[Grid]:
        first = self._place.header_row + skip
        further = itertools.repeat([""] * self._place.width, max(self._further_rows, 0))
        rows = itertools.islice(itertools.chain(cells.iter_rows(), further), first, None)
        while block := list(itertools.islice(rows, BLOCK_ROWS)):
            columns: list[Sequence[Any]] = list(zip(*block, strict=True))
            self._pad(columns, first, len(block))
            self._overrule(columns, first, len(block))
            yield Grid.of(list(map(texts, columns)), self._place.named)
            first += len(block)

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

    def _keep(self, index: int, block: Grid) -> None:
        if self._kept is None:
            return
        try:
            self._kept.add(index, block)
        except OSError:  # no room on the disk for a copy is no reason to stop; there is the sheet
            self._kept = None


class _KeptBlocks:
    """Blocks in a file without a name; another process can't find it, and nothing of it outlives this one."""

    def __init__(self) -> None:
        self._file: Any = None
        self._places: list[tuple[int, int]] = []  # where a block begins, and its length in bytes
        self._lock = threading.Lock()  # passes may run in several threads, and the file has one position

    def __len__(self) -> int:
        return len(self._places)

    def add(self, index: int, block: Grid) -> None:
        """Keep the next block; one that is there already stays. Raises OSError if the disk does not take it."""
        with self._lock:
            if index != len(self._places):
                return
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="ticket-importer-")  # noqa: SIM115 - it lives as long as this
                weakref.finalize(self, self._file.close)
            data = _flat(block)
            start = self._file.seek(0, os.SEEK_END)
            self._file.write(data)
            self._file.flush()
            self._places.append((start, len(data)))

    def __getitem__(self, index: int) -> Grid:
        start, length = self._places[index]
        with self._lock:
            try:
                self._file.seek(start)
                data = self._file.read(length)
            except OSError as error:
                raise ManifestError(
                    f"a temporary file in {tempfile.gettempdir()} can't be read: {error.strerror}",
                    hint="Check that disk, or set TMPDIR to a folder on another one.",
                ) from error
        return _grid(data)


def _flat(block: Grid) -> bytes:
    columns = [(column.data.tobytes(), column.ends.astype(np.int64).tobytes()) for column in block.cells]
    return marshal.dumps((columns, block.named, list(block.unsayable)))


def _grid(data: bytes) -> Grid:
    columns, named, unsayable = marshal.loads(data)  # noqa: S302 - it never left this process
    return Grid(cells=tuple(_column(*column) for column in columns), named=named, unsayable=frozenset(unsayable))


def _column(data: bytes, ends: bytes) -> Column:
    places = np.frombuffer(ends, dtype=np.int64)
    return Column(
        data=np.frombuffer(data, dtype=np.uint8),
        starts=np.concatenate((np.zeros(1, dtype=np.int64), places))[:-1],
        ends=places,
        escaped=np.zeros(places.size, dtype=bool),
    )
