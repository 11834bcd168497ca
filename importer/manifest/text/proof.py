"""Whether a whole file is text in one encoding, and if not, where it stops to be."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK_BYTES = 1 << 20
_SHOWN_CHARS = 20
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """The first place that is not text in an encoding.

    ``offset``: of its first byte, from the file's beginning. ``byte``: that byte; None where the file ends within a
    character. ``row`` and ``line`` count from 1; a quoted cell with line breaks has several lines in one row.
    ``before``: the end of the text in front of it, on its line.
    """

    offset: int
    byte: int | None
    row: int
    line: int
    before: str

    def describe(self) -> str:
        """Say where it is, and what stands there."""
        line = "" if self.line == self.row else f"line {self.line}, "
        what = "the file ends within a character" if self.byte is None else f"0x{self.byte:02X}"
        behind = f" behind {self.before!r}" if self.before else ""
        return f"row {self.row} ({line}byte {self.offset} of the file: {what}{behind})"


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the file's bytes, a megabyte at a time."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def find_misfit(path: Path, codec: str, *, skip: int = 0) -> Misfit | None:
    """Decode the whole file strictly, but for ``skip`` bytes at its beginning; None if it is text to its end."""
    offset = _find_offset(path, codec, skip)
    return None if offset is None else _place(path, codec, skip, offset)


def _find_offset(path: Path, codec: str, skip: int) -> int | None:
    decoder = codecs.getincrementaldecoder(codec)("strict")
    is_ascii_as_it_is = codec in ("utf-8", "ascii")
    position, pending = 0, b""
    for block in blocks(path):
        data = block if position else block[skip:]
        # What is plain ASCII need not be decoded to know that it can be.
        if not (is_ascii_as_it_is and not pending and data.isascii()):
            try:
                decoder.decode(data)
            except UnicodeDecodeError as error:
                return max(position, skip) - len(pending) + error.start
            except UnicodeError:
                return max(position, skip)
            pending = decoder.getstate()[0]
        position += len(block)
    try:
        decoder.decode(b"", final=True)
    except UnicodeError:
        return position - len(pending)
    return None


def _place(path: Path, codec: str, skip: int, offset: int) -> Misfit:
    """Count rows and lines up to the byte at ``offset``: a line end within quotes ends no row."""
    decoder = codecs.getincrementaldecoder(codec)("replace")
    lines = rows = 1
    position, in_quotes, line_start, carried = 0, False, "", ""
    byte: int | None = None
    for block in blocks(path):
        end = position + len(block)
        data = block[max(skip - position, 0) : max(offset - position, 0)]
        text = carried + decoder.decode(data)
        # A carriage return at the end of a block may be the first half of a line end.
        carried = "\r" if text.endswith("\r") and end < offset else ""
        text = text.removesuffix("\r") if carried else text
        for number, part in enumerate(text.split('"')):
            in_quotes ^= number > 0
            ends = len(_LINE_END.findall(part))
            lines += ends
            rows += 0 if in_quotes else ends
        line_start = _LINE_END.split(line_start + text)[-1][-_SHOWN_CHARS:]
        if position <= offset < end:
            byte = block[offset - position]
            break
        position = end
    return Misfit(
        offset=offset,
        byte=None if _is_cut(path, codec, offset) else byte,
        row=rows,
        line=lines,
        before=line_start,
    )


def _is_cut(path: Path, codec: str, offset: int) -> bool:
    """Whether the file ends within the character that begins at ``offset``."""
    with path.open("rb") as file:
        file.seek(offset)
        rest = file.read(64)
    try:
        codecs.getincrementaldecoder(codec)("strict").decode(rest, final=False)
    except UnicodeError:
        return False
    return True
