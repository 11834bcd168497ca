"""Parses JSON Lines: one object in each line."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TextIO

from importer.manifest.json_files.decoding import MAX_CHARS, ParsedObject, ValueDecoder
from importer.manifest.nested.values import BrokenObjectError

_BLOCK_CHARS = 1 << 18
_BLANKS = " \t\n\r"
_NOT_BLANK = re.compile(r"[^ \t\n\r]")
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True)
class BlankLines:
    """A number of consecutive lines without an object."""

    size: int


def parse_lines(
    text: TextIO, decoder: ValueDecoder, *, block_chars: int = _BLOCK_CHARS
) -> Iterator[ParsedObject | BlankLines]:
    """Yield an object for each line that has one; stop after a line that is too long.

    ``block_chars``: how much to read at once.
    """
    buffer = ""
    while part := text.read(max(block_chars, len(buffer))):
        buffer += part
        # A carriage return at the end of what is in memory may be the first half of a line end.
        end = len(buffer) - buffer.endswith("\r")
        at = yield from _whole_lines(buffer, end, decoder)
        buffer = buffer[at:]
        if len(buffer) > MAX_CHARS:
            yield BrokenObjectError(f"it has more than {MAX_CHARS:,} characters")
            return
    at = yield from _whole_lines(buffer, len(buffer), decoder)
    if rest := buffer[at:]:
        yield _parse_or_error(rest, decoder) if rest.strip() else BlankLines(1)


def _whole_lines(buffer: str, end: int, decoder: ValueDecoder) -> Generator[ParsedObject | BlankLines, None, int]:
    """Yield the content of the lines before ``end``; return where the unfinished line begins."""
    at = 0
    while at < end:
        if buffer[at] in _BLANKS:
            visible = _NOT_BLANK.search(buffer, at, end)
            stop = end if visible is None else visible.start()
            behind = max(buffer.rfind("\n", at, stop), buffer.rfind("\r", at, stop)) + 1
            if behind > at:
                yield BlankLines(len(_LINE_END.findall(buffer, at, behind)))
                at = behind
                continue
        line_end = _LINE_END.search(buffer, at, end)
        if line_end is None:
            break
        yield _parse_or_error(buffer[at : line_end.end()], decoder)
        at = line_end.end()
    return at


def _parse_or_error(line: str, decoder: ValueDecoder) -> ParsedObject:
    try:
        return decoder.decode_line(line)
    except BrokenObjectError as error:
        return error
