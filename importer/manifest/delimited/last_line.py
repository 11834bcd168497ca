"""How a text file ends: a last line without a line end may be cut off."""

from __future__ import annotations

import os
from pathlib import Path

from importer.manifest.delimited.encoding import Encoding

_TAIL_BYTES = 1 << 12  # a multiple of every unit of an encoding
_PADDING = "\0\x1a"  # what some systems fill a file with, and programs of DOS end it with
_BLANKS = " \t"


def lacks_line_end(path: Path, encoding: Encoding) -> bool:
    """Whether the last line that holds anything is not followed by a line end."""
    first = len(encoding.mark)
    size_bytes = path.stat().st_size - first
    start = first + max(size_bytes - size_bytes % 4 - _TAIL_BYTES, 0)
    with path.open("rb") as file:
        file.seek(start, os.SEEK_SET)
        tail = file.read().decode(encoding.codec, "ignore")
    tail = tail.rstrip(_PADDING).rstrip(_BLANKS)
    return bool(tail) and not tail.endswith(("\n", "\r"))
