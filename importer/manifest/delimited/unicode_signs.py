"""Signs of Unicode in a file's bytes: byte order marks, zeros of UTF-16 and UTF-32, and padding at the end."""

from __future__ import annotations

import io
import os
import re
import unicodedata
from pathlib import Path
from typing import IO

SAMPLE_BYTES = 1 << 16  # so much of a file's beginning is enough
_UNIT_BYTES = 4
_LAST_PLANE = 0x10
_LINE_ENDS = ("\n", "\r")
# Unassigned, private, half surrogate pairs: common in text that is read in the wrong byte order, else rare.
_ODD_CATEGORIES = frozenset({"Cn", "Co", "Cs"})
_ODD_SHARE = 0.02


def detect_utf_without_bom(sample: bytes) -> str | None:
    """Return the codec of a text in UTF-16 or UTF-32 without a byte order mark, else None.

    Each line end and delimiter of such a text has a zero byte; a text in another encoding has none.
    """
    if b"\0" not in sample:
        return None
    whole = sample[: len(sample) // _UNIT_BYTES * _UNIT_BYTES]
    if whole and not any(whole[3::4]) and max(whole[2::4]) <= _LAST_PLANE:
        candidates = ["utf-32-le"]
    elif whole and not any(whole[0::4]) and max(whole[1::4]) <= _LAST_PLANE:
        candidates = ["utf-32-be"]
    else:
        zeros_first, zeros_second = sample[0::2].count(0), sample[1::2].count(0)
        # ASCII characters all have their zero on the same side; a binary file has zeros on both.
        if zeros_first == zeros_second:
            return None
        candidates = ["utf-16-le" if zeros_second > zeros_first else "utf-16-be"]
    return next((codec for codec in candidates if _is_text(sample, codec)), None)


def _is_text(sample: bytes, codec: str) -> bool:
    text = sample.decode(codec, "replace")
    # A sample may end within a character; only there may text in the right encoding have a replacement.
    if "\ufffd" in text[:-1] and b"\xff\xfd" not in sample and b"\xfd\xff" not in sample:
        return False
    controls = sum(character < " " and character not in "\t\n\v\f\r\x1a\x1b" for character in text)
    odd = sum(unicodedata.category(character) in _ODD_CATEGORIES for character in text)
    lines = any(end in text for end in _LINE_ENDS)
    return lines and (controls + odd) <= len(text) * _ODD_SHARE


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
