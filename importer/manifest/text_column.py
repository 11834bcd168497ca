"""A column of cells as bytes, so that what is said of all of them can be said without making text of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

SPARE_BYTES = 8  # behind the last cell, so that eight bytes can be read from any byte of one

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.integer]  # of bytes or records, in whichever width they fit
Mask = npt.NDArray[np.bool_]


_FIRST_VISIBLE, _LAST_VISIBLE = ord("!"), ord("~")


def is_visible(character: Bytes) -> Mask:
    """Whether bytes are characters by themselves and no blanks; of those beyond ASCII, bytes alone don't tell."""
    return (character >= _FIRST_VISIBLE) & (character <= _LAST_VISIBLE)


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """The cells of one column of a chunk.

    ``data``: UTF-8 with ``SPARE_BYTES`` more; the cell of row n is ``data[starts[n]:ends[n]]``. Where ``escaped``, the
    quotes in it stand doubled as in the file, and those bytes are not yet the cell's text. No cell holds a NUL.
    """

    data: Bytes
    starts: Places
    ends: Places
    escaped: Mask

    @classmethod
    def from_texts(cls, texts: Sequence[str]) -> Self | None:
        """Make a column of texts; ``None`` if one holds a NUL or half a surrogate pair, unknown to UTF-8."""
        joined = "".join(texts)
        if "\0" in joined:
            return None
        try:
            joined.encode()
        except UnicodeEncodeError:
            return None
        return cls.of_any(texts)

    @classmethod
    def of_any(cls, texts: Sequence[str]) -> Self:
        """Make a column of any texts, only to tell them apart, or whether they are empty."""
        joined = "".join(texts)
        content = joined.encode("utf-8", "surrogatepass")
        is_ascii = len(content) == len(joined)
        lengths = map(len, texts if is_ascii else (text.encode("utf-8", "surrogatepass") for text in texts))
        ends = np.cumsum(np.fromiter(lengths, dtype=np.int64, count=len(texts)), dtype=np.int64)
        return cls(
            data=np.frombuffer(content + bytes(SPARE_BYTES), dtype=np.uint8),
            starts=np.concatenate((np.zeros(1, dtype=np.int64), ends))[:-1],
            ends=ends,
            escaped=np.zeros(len(texts), dtype=bool),
        )

    def __len__(self) -> int:
        return self.starts.size

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """How many bytes each cell has, doubled quotes counted twice."""
        return np.subtract(self.ends, self.starts, dtype=np.int64)

    def take(self, positions: npt.NDArray[np.intp]) -> Column:
        """Some of the cells, by their positions or a mask."""
        return Column(
            data=self.data,
            starts=self.starts[positions],
            ends=self.ends[positions],
            escaped=self.escaped[positions],
        )

    def matrix(self, width: int) -> Bytes:
        """The first ``width`` bytes of each cell, as an array of (width, cells); 0 stands behind a cell's end.

        A row of it is one place in all cells: what compares a place is one operation over the column.
        """
        short = self.data.size - width
        if short < 0 or (self.starts.size and int(self.starts.max()) > short):
            data = np.concatenate((self.data, np.zeros(width, dtype=np.uint8)))
        else:
            data = self.data
        windows = np.lib.stride_tricks.sliding_window_view(data, width)
        matrix = np.ascontiguousarray(windows[self.starts].T)
        lengths = self.lengths
        for place in range(int(min(lengths.min(initial=0), width)), width):
            matrix[place] *= lengths > place
        return matrix

    def first_bytes(self) -> Bytes:
        """The first byte of each cell; 0 for an empty one."""
        return self.data[self.starts] * (self.ends > self.starts)

    def is_text(self, text: str) -> Mask:
        """Whether each cell is this text, to the letter; of one with doubled quotes it is not said."""
        wanted = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
        is_it: Mask = self.lengths == wanted.size
        alike = np.flatnonzero(is_it)
        if alike.size:
            is_it[alike] = (self.take(alike).matrix(wanted.size) == wanted[:, np.newaxis]).all(axis=0)
        return is_it

    def texts(self) -> list[str]:
        """Every cell's text."""
        if not len(self):
            return []
        first, last = int(self.starts.min()), int(self.ends.max())
        places = zip((self.starts - first).tolist(), (self.ends - first).tolist(), strict=True)
        content = self.data[first:last].tobytes()
        if content.isascii():
            letters = content.decode("ascii")
            texts = [letters[start:end] for start, end in places]
        else:
            texts = [content[start:end].decode("utf-8", "surrogatepass") for start, end in places]
        for position in np.flatnonzero(self.escaped).tolist():
            texts[position] = texts[position].replace('""', '"')
        return texts
