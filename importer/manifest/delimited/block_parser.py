"""Parses many records of a delimited text at once, if all of its quotes are plain.

A parsed block has exactly the records that Python's strict ``csv`` reads; any other block is left to ``csv``.
"""

from __future__ import annotations

import csv
import functools
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from importer.manifest.text_column import SPARE_BYTES, Bytes, Column, Integers, Mask

_QUOTE, _LF, _CR = b'"\n\r'
_LEAST_BYTES = 2
_PIECE_BYTES = 1 << 18  # searched at once: fits a processor's cache


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Whole records, one after another.

    ``data``: their bytes, UTF-8, with SPARE_BYTES more. ``widths``: how many cells each record has; an empty line
    counts as one empty cell. The cells in order are the bytes between ``starts`` and ``ends``, without the quotes
    around them; ``escaped``: which cells contain doubled quotes.
    """

    data: Bytes
    delimiter: str
    record_starts: Integers
    record_ends: Integers  # after the line end
    widths: Integers
    first_cells: Integers
    starts: Integers
    ends: Integers
    escaped: Mask


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockRecords:
    """Some records of a block, by their positions in it, in its order."""

    block: Block
    records: Integers

    def __len__(self) -> int:
        return self.records.size

    @functools.cached_property
    def widths(self) -> Integers:
        """Return how many cells each record has."""
        return self.block.widths[self.records]

    @functools.cached_property
    def _first_cells(self) -> Integers:
        return self.block.first_cells[self.records]

    def take(self, which: npt.NDArray[np.intp] | Mask) -> BlockRecords:
        """Return some of these records."""
        return BlockRecords(block=self.block, records=self.records[which])

    def column(self, index: int) -> Column:
        """Return each record's cell at ``index``; empty if a record has fewer cells."""
        block = self.block
        cells = self._first_cells + index
        if index < self.widths.min(initial=index + 1):
            return Column(
                data=block.data, starts=block.starts[cells], ends=block.ends[cells], escaped=block.escaped[cells]
            )
        there = index < self.widths
        cells = np.minimum(cells, block.starts.size - 1)
        return Column(
            data=block.data,
            starts=block.starts[cells] * there,
            ends=block.ends[cells] * there,
            escaped=block.escaped[cells] & there,
        )

    def column_texts(self, index: int) -> list[str]:
        """Return each record's cell at ``index`` as text."""
        return self.column(index).texts()

    def texts(self) -> list[list[str]]:
        """Return every cell of every record."""
        if not len(self):
            return []
        starts, ends = self.block.record_starts[self.records], self.block.record_ends[self.records]
        if np.array_equal(starts[1:], ends[:-1]):
            content = self.block.data[starts[0] : ends[-1]].tobytes()
        else:
            # Each with a new line end: a CR at the end and a LF at the next beginning would be one line end.
            content = b"".join(
                self.block.data[a:b].tobytes().rstrip(b"\r\n") + b"\n"
                for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
            )
        return list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=self.block.delimiter, strict=True))


def parse_block(content: bytes, delimiter: str, *, last: bool) -> BlockRecords | None:
    """Parse the whole records at the beginning of ``content``; None if that is not possible.

    ``content`` is UTF-8 of at least two bytes and fewer than 2 GB, and begins with a record; ``last``: nothing follows
    it. Returns None if no record is whole, or if a quote is not plain, that is, does not open or close a cell.
    """
    if len(content) < _LEAST_BYTES or not delimiter.isascii() or b"\0" in content:
        return None
    data = np.frombuffer(content, dtype=np.uint8)
    if last and data[-1] not in (_LF, _CR):
        data = np.append(data, np.uint8(_LF))
    elif not last and data[-1] == _CR:
        data = data[:-1]  # the next byte may be its line feed
    marks = _find_marks(data, delimiter)
    if marks is None or not _is_plain(data, marks, delimiter):
        return None
    if marks.after[-1] + SPARE_BYTES > data.size:
        data = np.append(data, np.zeros(SPARE_BYTES, dtype=np.uint8))
    block = _make_block(data, marks, delimiter)
    return BlockRecords(block=block, records=np.arange(block.widths.size, dtype=np.int64))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Marks:
    """The delimiters, line ends and quotes up to the end of the last whole record."""

    positions: Integers
    after: Integers  # the position after each; a CR and its LF are one mark
    is_quote: Mask
    quotes: npt.NDArray[np.int32]  # the number of quotes up to each mark, itself included
    separators: npt.NDArray[np.intp]  # which marks separate cells or records
    line_ends: npt.NDArray[np.intp]  # which separators separate records


def _find_marks(data: Bytes, delimiter: str) -> _Marks | None:
    positions = np.concatenate(
        [
            _mark_positions(data[start : start + _PIECE_BYTES], delimiter) + start
            for start in range(0, data.size, _PIECE_BYTES)
        ]
    )
    kinds = data[positions]
    after = positions + np.int32(1)
    if (kinds == _CR).any():
        second = (kinds == _LF) & (data[positions - 1] == _CR) & (positions > 0)
        after[np.flatnonzero(second) - 1] += 1
        positions, kinds, after = positions[~second], kinds[~second], after[~second]
    is_quote = kinds == _QUOTE
    quotes = np.cumsum(is_quote, dtype=np.int32)
    separators = np.flatnonzero(~is_quote & (quotes & 1 == 0))
    line_ends = np.flatnonzero(kinds[separators] != ord(delimiter))
    if not line_ends.size:
        return None
    separators = separators[: line_ends[-1] + 1]
    size = int(separators[-1]) + 1
    return _Marks(
        positions=positions[:size],
        after=after[:size],
        is_quote=is_quote[:size],
        quotes=quotes[:size],
        separators=separators,
        line_ends=line_ends,
    )


def _mark_positions(piece: Bytes, delimiter: str) -> Integers:
    is_mark = piece == _QUOTE
    for character in (ord(delimiter), _LF, _CR):
        is_mark |= piece == character
    return np.flatnonzero(is_mark).astype(np.int32)


def _is_plain(data: Bytes, marks: _Marks, delimiter: str) -> bool:
    """Return whether each quote opens or closes a cell, or is doubled inside a cell."""
    positions = marks.positions[marks.is_quote]
    opening, closing = positions[0::2], positions[1::2]
    beside = np.zeros(256, dtype=bool)
    beside[[_QUOTE, _LF, _CR, ord(delimiter)]] = True
    before = beside[data[opening - 1]] | (opening == 0)
    return bool(before.all() and beside[data[closing + 1]].all())


def _make_block(data: Bytes, marks: _Marks, delimiter: str) -> Block:
    separators, line_ends = marks.separators, marks.line_ends
    zero = np.zeros(1, dtype=np.int32)
    after = marks.after[separators]
    starts = np.concatenate((zero, after[:-1]))
    first_cells = np.concatenate((zero, line_ends[:-1] + 1), dtype=np.intp)
    quotes = np.diff(marks.quotes[separators], prepend=np.int32(0))
    is_quoted = quotes > 0
    return Block(
        data=data,
        delimiter=delimiter,
        record_starts=starts[first_cells],
        record_ends=after[line_ends],
        widths=np.diff(line_ends, prepend=-1),
        first_cells=first_cells,
        starts=starts + is_quoted,
        ends=marks.positions[separators] - is_quoted,
        escaped=quotes > 2,  # noqa: PLR2004 - more than those around the cell
    )
