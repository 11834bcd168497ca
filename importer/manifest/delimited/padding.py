"""Finds blank lines before a byte order mark, and padding at the end of a text."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import IO

PADDING = b"\0\x1a"  # fills up a mainframe's last record or a disk's last block, or ends a DOS text

_BLOCK_BYTES = 1 << 16
_MARK = b"\xef\xbb\xbf"
_MARKS_AND_BLANK_LINES = re.compile(rb"(?:[ \t]*+(?:\r\n?|\n)|\xef\xbb\xbf)*+")
_MAX_NULS_OF_CHARACTER = 3  # NULs at the end of the last character of UTF-32


def utf8_bom(start: bytes) -> bytes:
    """Return the byte order marks at the beginning, with the blank lines around them.

    Returns an empty text without any.
    """
    found = _MARKS_AND_BLANK_LINES.match(start)
    before, mark, _ = (found[0] if found else b"").rpartition(_MARK)
    return before + mark


def blank_lines(mark: bytes) -> bytes:
    """Return the blank lines among such byte order marks; they count as rows."""
    return mark.replace(_MARK, b"") if _MARK in mark else b""


def without_padding(sample: bytes) -> bytes:
    """Return a file's beginning without the padding at its end, if that is surely no text."""
    size = len(sample.rstrip(PADDING))
    return sample if len(sample) - size <= _MAX_NULS_OF_CHARACTER else sample[:size]


def text_end(path: Path, start: int, unit_bytes: int) -> int:
    """Return where the padding begins, or where the file ends.

    ``start``: where the text begins. ``unit_bytes``: the least size of a character.
    """
    with path.open("rb") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end > start:
            begin = max(start, end - _BLOCK_BYTES)
            file.seek(begin)
            rest = len(file.read(end - begin).rstrip(PADDING))
            end = begin + rest
            if rest:
                break
    end += -(end - start) % unit_bytes  # the last character may end with NULs
    return min(end, size)


class PartOfFile(io.RawIOBase):
    """Some bytes, followed by a file from its current position to ``end``."""

    def __init__(self, first: bytes, file: IO[bytes], end: int) -> None:
        super().__init__()
        self._first = first
        self._file = file
        self._left = end - file.tell()

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read the next bytes."""
        size = len(buffer)
        part, self._first = self._first[:size], self._first[size:]
        if not part:
            part = self._file.read(min(size, self._left))
            self._left -= len(part)
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """Close the file, too."""
        self._file.close()
        super().close()
