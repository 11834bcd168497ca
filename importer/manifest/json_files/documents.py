"""Walks through JSON of any size; only one row, or one value outside the rows, is in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from importer.manifest.json_files.decoding import (
    MAX_CHARS,
    ParsedObject,
    ValueDecoder,
    constant_at,
    kind_of,
    reason,
    require_object,
)
from importer.manifest.nested.column_tree import MAX_LEVELS
from importer.manifest.nested.values import BrokenObjectError, JsonObject, Number, has_repeats
from importer.mapping.record_paths import shown_path

_BLOCK_CHARS = 1 << 18
_TOKEN_CHARS = 16  # no token that a block's end can cut is longer, except texts and numbers
_NOT_BLANK = re.compile(r"[^ \t\n\r]")
_CUT_NUMBER = re.compile(r"\.?|[eE][+-]?")  # behind what looks like a whole number at a block's end

Path = tuple[str, ...]  # names, from the outermost object to a list


class MissingListError(Exception):
    """There is no list at the path of the rows; the message says what is there instead."""


class JsonStream:
    """JSON text, read in blocks, with a position in it. All methods raise BrokenObjectError for what is not JSON."""

    def __init__(self, text: TextIO, decoder: ValueDecoder, *, block_chars: int = _BLOCK_CHARS) -> None:
        self._text = text
        self._decoder = decoder
        self._block_chars = block_chars
        self._buffer = ""
        self._at = 0
        self._line = 1  # the line in which the buffer begins

    @property
    def line(self) -> int:
        """Return the line of the position, from 1."""
        return self._line + self._buffer.count("\n", 0, self._at)

    def next_character(self) -> str:
        """Move to the next character that is not blank, and return it; empty at the end."""
        while True:
            if found := _NOT_BLANK.search(self._buffer, self._at):
                self._at = found.start()
                return found.group()
            self._at = len(self._buffer)
            if not self._read_on():
                return ""

    def elements(self) -> Iterator[None]:
        """Yield at each element of a list; the caller reads the element."""
        self._require("[", "it does not begin with [")
        if self.next_character() != "]":
            yield None
            while self.next_character() == ",":
                self._at += 1
                yield None
        self._require("]", "neither a comma nor the list's end follows, as if the file were cut off")

    def members(self) -> Iterator[str]:
        """Yield the name of each member of an object; the caller reads the member's value."""
        self._require("{", "it does not begin with {")
        if self.next_character() != "}":
            yield self._name()
            while self.next_character() == ",":
                self._at += 1
                yield self._name()
        self._require("}", "neither a comma nor the object's end follows, as if the file were cut off")

    def value(self) -> Any:
        """Return the whole value at the position, and move behind it."""
        self.next_character()
        while True:
            try:
                value, end = self._decoder.decode_at(self._buffer, self._at)
            except json.JSONDecodeError as error:
                self._read_rest(error)
            except RecursionError:
                raise self.broken("it is nested too deeply") from None
            else:
                may_go_on = isinstance(value, Number | int | float) and _CUT_NUMBER.fullmatch(self._buffer, end)
                if may_go_on and self._read_on():
                    continue
                self._at = end
                return value

    def skip(self, levels: int = MAX_LEVELS) -> None:
        """Move behind the value at the position, however large it is."""
        match self.next_character():
            case _ if not levels:
                raise self.broken("it is nested too deeply")
            case "{":
                for _ in self.members():
                    self.skip(levels - 1)
            case "[":
                for _ in self.elements():
                    self.value()
            case _:
                self.value()

    def broken(self, message: str, position: int | None = None) -> BrokenObjectError:
        """Return the error for the current position, or another one in memory."""
        line = self._line + self._buffer.count("\n", 0, self._at if position is None else position)
        return BrokenObjectError(f"{reason(message)} in line {line}")

    def _name(self) -> str:
        if self.next_character() != '"':
            raise self.broken("Expecting property name enclosed in double quotes")
        name = str(self.value())
        self._require(":", "Expecting ':' delimiter")
        return name

    def _require(self, character: str, otherwise: str) -> None:
        if self.next_character() != character:
            raise self.broken(otherwise)
        self._at += 1

    def _read_on(self) -> bool:
        part = self._text.read(max(self._block_chars, len(self._buffer) - self._at))
        self._line += self._buffer.count("\n", 0, self._at)
        self._buffer, self._at = self._buffer[self._at :] + part, 0
        return bool(part)

    def _read_rest(self, error: json.JSONDecodeError) -> None:
        """Read on, if the value may only be cut by the end of the text in memory."""
        is_cut = error.msg.startswith("Unterminated") or error.pos >= len(self._buffer) - _TOKEN_CHARS
        if error.doc is not self._buffer:
            raise self.broken(error.msg, constant_at(self._buffer, self._at)) from None
        if not is_cut:
            raise self.broken(error.msg, error.pos) from None
        if len(self._buffer) - self._at > MAX_CHARS:
            raise self.broken(f"it has more than {MAX_CHARS:,} characters")
        position = error.pos - self._at
        if not self._read_on():
            raise self.broken(error.msg, position) from None


def parse_lines(text: TextIO, decoder: ValueDecoder) -> Iterator[ParsedObject]:
    """Yield the object of each line, for a blank line an empty one; stop after a line that is too long."""
    while line := text.readline(MAX_CHARS + len("\r\n")):
        if len(line.rstrip("\r\n")) > MAX_CHARS:
            yield BrokenObjectError(f"it has more than {MAX_CHARS:,} characters")
            return
        try:
            yield decoder.decode_line(line)
        except BrokenObjectError as error:
            yield error


def parse_list(text: TextIO, decoder: ValueDecoder, *, block_chars: int = _BLOCK_CHARS) -> Iterator[JsonObject]:
    """Yield the objects of a list, which may span lines. Raises BrokenObjectError."""
    stream = JsonStream(text, decoder, block_chars=block_chars)
    for _ in stream.elements():
        yield require_object(stream.value())
    if stream.next_character():
        raise stream.broken("more follows the list's end")


def parse_documents(
    text: TextIO, decoder: ValueDecoder, path: Path, *, block_chars: int = _BLOCK_CHARS
) -> Iterator[JsonObject]:
    """Yield the objects of the list at ``path`` of each document; with an empty path the documents themselves.

    Raises BrokenObjectError, MissingListError.
    """
    stream = JsonStream(text, decoder, block_chars=block_chars)
    while stream.next_character():
        if path:
            yield from _rows_at(stream, path, 0)
        else:
            yield require_object(stream.value())


def parse_results(
    text: TextIO, decoder: ValueDecoder, find: Callable[[Any], Any], expression: str
) -> Iterator[JsonObject]:
    """Yield the objects that an expression finds in each document. A document is in memory as a whole.

    Raises BrokenObjectError, MissingListError.
    """
    stream = JsonStream(text, decoder)
    while stream.next_character():
        line = stream.line
        document = stream.value()
        repeats, halves = decoder.found_repeats, decoder.found_halves
        found = find(document)
        if not isinstance(found, list):
            raise MissingListError(f"in line {line} `{expression}` is {kind_of(found)}, not a list of objects")
        for each in found:
            record = require_object(each)
            record.has_halves |= halves
            record.has_repeats |= repeats and has_repeats(record)
            yield record


def _rows_at(stream: JsonStream, path: Path, depth: int) -> Iterator[JsonObject]:
    if depth == len(path):
        if stream.next_character() != "[":
            raise MissingListError(f"{shown_path(path)!r} in line {stream.line} is no list")
        for _ in stream.elements():
            yield require_object(stream.value())
        return
    if stream.next_character() != "{":
        what = f"{shown_path(path[:depth])!r} in line {stream.line}" if depth else "the file"
        raise MissingListError(f"{what} is not an object in {{}} with the name {path[depth]!r}")
    is_there = False
    line = stream.line
    for name in stream.members():
        if name == path[depth]:
            is_there = True
            yield from _rows_at(stream, path, depth + 1)
        else:
            stream.skip()
    if not is_there:
        raise MissingListError(f"the object in line {line} has no {shown_path(path[: depth + 1])!r}")
