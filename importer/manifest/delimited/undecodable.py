"""Finds the places of a file that can't be decoded in an encoding."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAX_PLACES = 20

_BLOCK_BYTES = 1 << 20
_SHOWN_CHARS = 20
_CHARACTER_BYTES = 64  # more than any character has, including switches of character sets
_LINE_END = re.compile(r"\r\n?|\n")
_LINE_END_BYTE = re.compile(rb"[\r\n]")
_LAST_ASCII = 0x7F
_REPLACEMENT = "\ufffd"  # a decoder replaces wrong bytes by it


@dataclass(frozen=True, kw_only=True)
class UndecodablePlace:
    """The first place on a line that can't be decoded.

    ``offset``: of its first byte from the file's beginning. ``byte``: that byte; None if the file ends within a
    character. ``row`` and ``line`` count from 1; a quoted cell with line breaks has several lines in one row.
    ``before``: the end of the text before it, on its line.
    """

    offset: int
    byte: int | None
    row: int
    line: int
    before: str

    def describe(self) -> str:
        """Describe where it is, and what the file contains there."""
        line = "" if self.line == self.row else f"line {self.line}, "
        what = "the file ends within a character" if self.byte is None else f"0x{self.byte:02X}"
        after = f" after {self.before!r}" if self.before else ""
        return f"row {self.row} ({line}byte {self.offset} of the file: {what}{after})"


def blocks(path: Path, start: int = 0) -> Iterator[bytes]:
    """Yield the file's bytes from ``start`` on, a megabyte at a time."""
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(_BLOCK_BYTES):
            yield block


def _ignore(_: bytes) -> None:
    """Do nothing."""


def find_undecodable(
    path: Path, codec: str, *, skip: int = 0, on_block: Callable[[bytes], None] = _ignore
) -> list[UndecodablePlace]:
    """Decode the file strictly, except its first ``skip`` bytes; return nothing if all is text.

    Else return the first place of each line that has one, for at most MAX_PLACES lines. ``on_block``: called with
    all bytes, if all is text.
    """
    offsets = list(itertools.islice(_find_offsets(path, codec, skip, on_block), MAX_PLACES))
    return list(_locate(path, codec, skip, offsets))


def is_damaged_utf8(path: Path) -> bool:
    """Return whether at least half of the runs of non-ASCII bytes are valid UTF-8.

    Text in another encoding has few characters, and fewer runs, that are valid by accident. The whole file is counted,
    and a run with a broken character counts once: neither few different words nor broken emojis distort the result.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    runs = broken = 0
    for block in blocks(path):
        # Replacement characters that the file already contains are valid.
        text = decoder.decode(block.replace(_REPLACEMENT.encode(), "\u00a0".encode()))
        signs = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        is_high = signs > _LAST_ASCII
        starts = np.flatnonzero(np.diff(is_high, prepend=False) & is_high)
        if starts.size:
            runs += starts.size
            broken += int(np.logical_or.reduceat(signs == ord(_REPLACEMENT), starts).sum())
    return 2 * broken <= runs


def _find_offsets(path: Path, codec: str, start: int, on_block: Callable[[bytes], None]) -> Iterator[int]:
    position: int | None = start
    while position is not None and (offset := _find_offset(path, codec, position, on_block)) is not None:
        yield offset
        # Text surely restarts at a line end; with more bytes per character, line ends can't be found.
        position = _find_line_end(path, offset) if "\n".encode(codec) == b"\n" else None


def _find_line_end(path: Path, start: int) -> int | None:
    for block in blocks(path, start):
        if end := _LINE_END_BYTE.search(block):
            return start + end.start()
        start += len(block)
    return None


def _find_offset(path: Path, codec: str, start: int, on_block: Callable[[bytes], None]) -> int | None:
    decoder = codecs.getincrementaldecoder(codec)("strict")
    is_ascii_superset = codec in ("utf-8", "ascii")
    position, pending = start, b""
    for block in blocks(path, start):
        on_block(block)
        # Plain ASCII need not be decoded.
        if not (is_ascii_superset and not pending and block.isascii()):
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


def _locate(path: Path, codec: str, skip: int, offsets: list[int]) -> Iterator[UndecodablePlace]:
    """Count rows and lines up to the bytes at ``offsets``, in one pass."""
    decoder = codecs.getincrementaldecoder(codec)("replace")
    reached, position = _TextPosition(), skip
    with path.open("rb") as file:
        for offset in offsets:
            file.seek(position)
            while position < offset:
                data = file.read(min(_BLOCK_BYTES, offset - position))
                position += len(data)
                reached.move(decoder.decode(data), is_there=position == offset)
            rest = file.read(_CHARACTER_BYTES)
            byte = None if _is_cut(rest, codec) else rest[0]
            yield UndecodablePlace(
                offset=offset,
                byte=byte,
                row=reached.row,
                line=reached.line,
                before=reached.before,
            )


@dataclass
class _TextPosition:
    """Position in a text while it is read; a line end within quotes ends no row."""

    row: int = 1
    line: int = 1
    before: str = ""
    _in_quotes: bool = False
    _carried: str = ""

    def move(self, text: str, *, is_there: bool) -> None:
        """Read on.

        ``is_there``: the position is reached, so a final carriage return is a line end.
        """
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
    """Return whether the file ends within the character with which ``rest`` begins."""
    try:
        codecs.getincrementaldecoder(codec)("strict").decode(rest, final=False)
    except UnicodeError:
        return False
    return True
