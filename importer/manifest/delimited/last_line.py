"""Detects a last line without a line end: the file may be cut off there."""

from __future__ import annotations

import os
from pathlib import Path

from importer.manifest.delimited.encoding import Encoding

_TAIL_BYTES = 1 << 12  # a multiple of the character units of all encodings
_PADDING = "\0\x1a"  # some systems fill up a file with NULs, and DOS programs end it with Ctrl+Z
_BLANKS = " \t"


def lacks_line_end(path: Path, encoding: Encoding) -> bool:
    """Return whether the last line with content has no line end."""
    tail = _tail(path, encoding).rstrip(_BLANKS)
    return bool(tail) and not tail.endswith(("\n", "\r"))


def last_line_is(line: str, path: Path, encoding: Encoding) -> bool:
    """Return whether the last line with content is exactly this one."""
    lines = _tail(path, encoding).rstrip(_BLANKS + "\r\n").splitlines()
    return len(lines) > 1 and lines[-1] == line


def _tail(path: Path, encoding: Encoding) -> str:
    """Return the end of the text, without padding."""
    first = len(encoding.bom)
    size_bytes = path.stat().st_size - first
    start = first + max(size_bytes - size_bytes % 4 - _TAIL_BYTES, 0)
    with path.open("rb") as file:
        file.seek(start, os.SEEK_SET)
        tail = file.read().decode(encoding.codec, "ignore")
    return tail.rstrip(_PADDING)
