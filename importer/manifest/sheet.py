"""One sheet of a workbook -> blocks of text rows, parsed once: what was read is kept in a nameless file."""

from __future__ import annotations

import itertools
import marshal
import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from importer.errors import ManifestError
from importer.manifest.cells import texts
from importer.manifest.zero_padding import Padding

BLOCK_ROWS = 10_000
Block = list[list[str]]
"""Rows of text, all of the same width."""


class Cells(Protocol):
    """What calamine gives of a sheet."""

    def iter_rows(self) -> Iterator[list[Any]]:
        """All rows from row 1 on, cut to the columns from the first to the last one that holds something."""


class Sheet:
    """The rows of a sheet below its header, as text.

    calamine holds a whole sheet in memory, and takes seconds to get there. So the first pass puts what it reads into
    a file that has no name, which is gone with the process, however that ends; and when it has come to the end, the
    sheet is let go. Where the disk doesn't take it, the sheet stays in memory.
    """

    def __init__(self, cells: Cells, *, header_row: int, first_column: int, padding: Callable[[], Padding]) -> None:
        """``header_row`` counts from 1, ``first_column`` from 0. ``padding`` is asked for once, at the first pass."""
        self._cells: Cells | None = cells
        self._header_row = header_row
        self._first_column = first_column
        self._find_padding = padding
        self._padding: Padding | None = None
        self._kept: _KeptBlocks | None = _KeptBlocks()

    def blocks(self) -> Iterator[Block]:
        """Read all rows, in blocks of ``BLOCK_ROWS``. Passes may be broken off, and may overlap.

        Raises ManifestError if the number formats can't be read, or what was kept.
        """
        parsed: Iterator[Block] | None = None
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
                    self._cells = self._padding = None
                return
            self._keep(index, block)
            yield block

    def _parsed(self, cells: Cells, skip: int) -> Iterator[Block]:
        if self._padding is None:
            self._padding = self._find_padding()
        padding = self._padding
        first = self._header_row + skip
        rows = itertools.islice(cells.iter_rows(), first, None)
        while block := list(itertools.islice(rows, BLOCK_ROWS)):
            columns: list[Sequence[Any]] = list(zip(*block, strict=True))
            self._pad(columns, padding, first, len(block))
            yield list(map(list, zip(*map(texts, columns), strict=True)))
            first += len(block)

    def _pad(self, columns: list[Sequence[Any]], padding: Padding, first: int, size: int) -> None:
        for padded in padding:
            place = padded.column - self._first_column
            start, end = np.searchsorted(padded.rows, [first, first + size])
            if start == end or not 0 <= place < len(columns):
                continue
            column = list(columns[place])
            for at in (padded.rows[start:end] - first).tolist():
                # A format is applied to numbers alone: Excel shows the text 123 as 123. Empty cells have formats, too.
                if type(column[at]) in (float, int):
                    column[at] = padded.zeros.apply(float(column[at]))
            columns[place] = column

    def _keep(self, index: int, block: Block) -> None:
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

    def add(self, index: int, block: Block) -> None:
        """Keep the next block; one that is there already stays. Raises OSError if the disk does not take it."""
        with self._lock:
            if index != len(self._places):
                return
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="ticket-importer-")  # noqa: SIM115 - it lives as long as this
                weakref.finalize(self, self._file.close)
            data = marshal.dumps(block)
            start = self._file.seek(0, os.SEEK_END)
            self._file.write(data)
            self._file.flush()
            self._places.append((start, len(data)))

    def __getitem__(self, index: int) -> Block:
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
        block: Block = marshal.loads(data)  # noqa: S302 - this object wrote it, and nobody else can have
        return block
