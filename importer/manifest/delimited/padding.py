"""What stands around a text without being of it: blank lines before a byte order mark, and padding at the end."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import IO

PADDING = b"\0\x1a"  # fills up the last record of a mainframe's file or the last block of a disk, or ends a text of DOS

_BLOCK_BYTES = 1 << 16
_MARK = b"\xef\xbb\xbf"
_MARKS_AND_BLANK_LINES = re.compile(rb"(?:[ \t]*+(?:\r\n?|\n)|\xef\xbb\xbf)*+")
_LAST_OF_UTF_32 = 3  # NULs with which its last character may end


def utf8_bom(start: bytes) -> bytes:
    """The byte order marks at a file's beginning, with the blank lines before and between them; empty without any."""
    found = _MARKS_AND_BLANK_LINES.match(start)
    before, mark, _ = (found[0] if found else b"").rpartition(_MARK)
    return before + mark


def blank_lines(mark: bytes) -> bytes:
    """What of such marks are lines, which count as rows."""
    return mark.replace(_MARK, b"") if _MARK in mark else b""


def without_padding(sample: bytes) -> bytes:
    """A file's beginning without the padding that it may already hold, as far as none of it is of the text."""
    size = len(sample.rstrip(PADDING))
    return sample if len(sample) - size <= _LAST_OF_UTF_32 else sample[:size]


def text_end(path: Path, start: int, unit_bytes: int) -> int:
    """Where the padding begins, or the file ends.

    ``start``: where the text begins. ``unit_bytes``: how many bytes a character has at least.
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
    end += -(end - start) % unit_bytes  # a byte of its last character may be a NUL
    return min(end, size)


class PartOfFile(io.RawIOBase):
    """Some bytes, and behind them a file from where it stands to ``end``."""

    def __init__(self, first: bytes, file: IO[bytes], end: int) -> None:
        super().__init__()
        self._first = first
        self._file = file
        self._left = end - file.tell()

    def readable(self) -> bool:
        """It is."""
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
