"""Whether a whole file is text in one encoding, and if not, where it is none."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAX_PLACES = 20

_BLOCK_BYTES = 1 << 20
_SHOWN_CHARS = 20
_CHARACTER_BYTES = 64  # more than any has, with what switches to it
_LINE_END = re.compile(r"\r\n?|\n")
_LINE_END_BYTE = re.compile(rb"[\r\n]")
_LAST_ASCII = 0x7F
_REPLACEMENT = "\ufffd"  # what a decoder puts where bytes are no text


@dataclass(frozen=True, kw_only=True)
class UndecodablePlace:
    """The first place on a line that is not text in an encoding.

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


def blocks(path: Path, start: int = 0) -> Iterator[bytes]:
    """Yield the file's bytes from ``start`` on, a megabyte at a time."""
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(_BLOCK_BYTES):
            yield block


def find_undecodable(path: Path, codec: str, *, skip: int = 0) -> list[UndecodablePlace]:
    """Decode the whole file strictly, but for ``skip`` bytes at its beginning; nothing if it is text to its end.

    Else one place of each line that has any, of the first MOST_MISFITS such lines.
    """
    offsets = list(itertools.islice(_find_offsets(path, codec, skip), MAX_PLACES))
    return list(_place(path, codec, skip, offsets))


def is_damaged_utf8(path: Path) -> bool:
    """Say whether at least half of the runs of bytes beyond ASCII are proper UTF-8.

    In a text of another encoding few characters are so, by accident, and fewer runs of them. The whole file is counted,
    and a run with a broken character in it once: neither a column of few words nor a broken emoji weighs more or less.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    runs = broken = 0
    for block in blocks(path):
        # Those that stand there already are proper.
        text = decoder.decode(block.replace(_REPLACEMENT.encode(), "\u00a0".encode()))
        signs = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        is_high = signs > _LAST_ASCII
        starts = np.flatnonzero(np.diff(is_high, prepend=False) & is_high)
        if starts.size:
            runs += starts.size
            broken += int(np.logical_or.reduceat(signs == ord(_REPLACEMENT), starts).sum())
    return 2 * broken <= runs


def _find_offsets(path: Path, codec: str, start: int) -> Iterator[int]:
    position: int | None = start
    while position is not None and (offset := _find_offset(path, codec, position)) is not None:
        yield offset
        # A line end is where text surely begins anew, and in what is written with more bytes each, it can't be told.
        position = _find_line_end(path, offset) if "\n".encode(codec) == b"\n" else None


def _find_line_end(path: Path, start: int) -> int | None:
    for block in blocks(path, start):
        if end := _LINE_END_BYTE.search(block):
            return start + end.start()
        start += len(block)
    return None


def _find_offset(path: Path, codec: str, start: int) -> int | None:
    decoder = codecs.getincrementaldecoder(codec)("strict")
    is_ascii_as_it_is = codec in ("utf-8", "ascii")
    position, pending = start, b""
    for block in blocks(path, start):
        # What is plain ASCII need not be decoded to know that it can be.
        if not (is_ascii_as_it_is and not pending and block.isascii()):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return position - len(pending) + error.start
            except UnicodeError:
                return position
            pending = decoder.getstate()[0]
        position += len(block)
    try:
        decoder.decode(b"", final=True)
    except UnicodeError:
        return position - len(pending)
    return None


def _place(path: Path, codec: str, skip: int, offsets: list[int]) -> Iterator[UndecodablePlace]:
    """Count rows and lines up to the bytes at ``offsets``, in one pass."""
    decoder = codecs.getincrementaldecoder(codec)("replace")
    place, position = _Place(), skip
    with path.open("rb") as file:
        for offset in offsets:
            file.seek(position)
            while position < offset:
                data = file.read(min(_BLOCK_BYTES, offset - position))
                position += len(data)
                place.move(decoder.decode(data), is_there=position == offset)
            rest = file.read(_CHARACTER_BYTES)
            byte = None if _is_cut(rest, codec) else rest[0]
            yield UndecodablePlace(offset=offset, byte=byte, row=place.row, line=place.line, before=place.before)


@dataclass
class _Place:
    """How far a text has been read; a line end within quotes ends no row."""

    row: int = 1
    line: int = 1
    before: str = ""
    _in_quotes: bool = False
    _carried: str = ""

    def move(self, text: str, *, is_there: bool) -> None:
        """Read on; unless it ``is_there``, a carriage return at the end may be the first half of a line end."""
        text = self._carried + text
        self._carried = "\r" if text.endswith("\r") and not is_there else ""
        text = text.removesuffix("\r") if self._carried else text
        for number, part in enumerate(text.split('"')):
            self._in_quotes ^= number > 0
            ends = len(_LINE_END.findall(part))
            self.line += ends
            self.row += 0 if self._in_quotes else ends
        self.before = _LINE_END.split(self.before + text)[-1][-_SHOWN_CHARS:]


def _is_cut(rest: bytes, codec: str) -> bool:
    """Whether the file ends within the character with which ``rest`` begins."""
    try:
        codecs.getincrementaldecoder(codec)("strict").decode(rest, final=False)
    except UnicodeError:
        return False
    return True
