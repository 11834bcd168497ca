"""The cells of a column as bytes, so that one operation checks all cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

SPARE_BYTES = 8  # after the last cell, so that eight bytes can be read from any position in a cell

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.integer]  # offsets and counts, of any width
Mask = npt.NDArray[np.bool_]


_FIRST_VISIBLE, _LAST_VISIBLE = ord("!"), ord("~")


def is_visible(character: Bytes) -> Mask:
    """Return which bytes are visible ASCII characters.

    Bytes of other characters count as not visible.
    """
    return (character >= _FIRST_VISIBLE) & (character <= _LAST_VISIBLE)


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """The cells of one column of a chunk.

    ``data``: UTF-8 with ``SPARE_BYTES`` more; the cell of row n is ``data[starts[n]:ends[n]]``. ``escaped``: which
    cells still have quotes doubled as in the file, so that their bytes are not yet the text. No cell contains a NUL.
    """

    data: Bytes
    starts: Integers
    ends: Integers
    escaped: Mask

    @classmethod
    def from_texts(cls, texts: Sequence[str]) -> Self | None:
        """Create a column from texts; ``None`` if one contains a NUL or half a surrogate pair."""
        joined = "".join(texts)
        if "\0" in joined:
            return None
        try:
            joined.encode()
        except UnicodeEncodeError:
            return None
        return cls.from_any_texts(texts)

    @classmethod
    def from_any_texts(cls, texts: Sequence[str]) -> Self:
        """Create a column from any texts, only to compare cells or to see which are empty."""
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
        """Return how many bytes each cell has; doubled quotes count twice."""
        return np.subtract(self.ends, self.starts, dtype=np.int64)

    def take(self, positions: npt.NDArray[np.intp]) -> Column:
        """Return some of the cells, by positions or a mask."""
        return Column(
            data=self.data,
            starts=self.starts[positions],
            ends=self.ends[positions],
            escaped=self.escaped[positions],
        )

    def matrix(self, width: int) -> Bytes:
        """Return the first ``width`` bytes of each cell, as an array of (width, cells).

        Shorter cells are filled up with 0. Each row of the array is one position of all cells, so a comparison is one
        operation for the whole column.
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
        """Return the first byte of each cell; 0 for an empty one."""
        return self.data[self.starts] * (self.ends > self.starts)

    def equals(self, text: str) -> Mask:
        """Return which cells equal the text exactly. Not reliable for cells with doubled quotes."""
        wanted = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
        equal: Mask = self.lengths == wanted.size
        same_length = np.flatnonzero(equal)
        if same_length.size:
            equal[same_length] = (self.take(same_length).matrix(wanted.size) == wanted[:, np.newaxis]).all(axis=0)
        return equal

    def texts(self) -> list[str]:
        """Return each cell's text."""
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
