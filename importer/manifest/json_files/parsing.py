"""Parses JSON objects one by one, from lines or from one list; values keep their spelling."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

_MAX_CHARS = 1 << 24  # of one object
_MAX_LEVELS = 100  # of lists and objects within one another
_BLOCK_CHARS = 1 << 18
_TOKEN_CHARS = 16  # no token that a block's end can cut is longer, except texts and numbers
_BLANKS = " \t\n\r"
_NOT_BLANK = re.compile(r"[^ \t\n\r]")
_LINE_END = re.compile(r"\r\n?|\n")
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_TEXT_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*+"|NaN|-?Infinity')
_HALF = re.compile("[\ud800-\udfff]")


class JsonObject(dict[str, Any]):
    """A JSON object with two more facts.

    ``repeated_names``: names that it has more than once. ``broken_texts``: names of values with half a surrogate pair.
    """

    repeated_names: frozenset[str] = frozenset()
    broken_texts: frozenset[str] = frozenset()


class BrokenObjectError(Exception):
    """A piece of text is not a JSON object that can be a row; the message says why."""


@dataclass(frozen=True)
class BlankLines:
    """A number of consecutive lines without an object."""

    size: int


ParsedObject = JsonObject | BrokenObjectError


def parse_lines(text: TextIO, *, block_chars: int = _BLOCK_CHARS) -> Iterator[ParsedObject | BlankLines]:
    """Yield an object for each line that has one; stop after a line that is too long.

    ``block_chars``: how much to read at once.
    """
    buffer = ""
    while part := text.read(max(block_chars, len(buffer))):
        buffer += part
        # A carriage return at the end of what is in memory may be the first half of a line end.
        end = len(buffer) - buffer.endswith("\r")
        at = yield from _whole_lines(buffer, end)
        buffer = buffer[at:]
        if len(buffer) > _MAX_CHARS:
            yield BrokenObjectError(f"it has more than {_MAX_CHARS:,} characters")
            return
    at = yield from _whole_lines(buffer, len(buffer))
    if rest := buffer[at:]:
        yield _parse_or_error(rest) if rest.strip() else BlankLines(1)


def _whole_lines(buffer: str, end: int) -> Generator[ParsedObject | BlankLines, None, int]:
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
        yield _parse_or_error(buffer[at : line_end.end()])
        at = line_end.end()
    return at


def _parse_or_error(line: str) -> ParsedObject:
    try:
        return _parse(line)
    except BrokenObjectError as error:
        return error


def parse_list(text: TextIO, *, block_chars: int = _BLOCK_CHARS) -> Iterator[ParsedObject]:
    """Yield the objects of a list, which may span lines; stop after a broken one.

    ``block_chars``: how much to read at once.
    """
    try:
        yield from _ListParser(text, block_chars)
    except BrokenObjectError as error:
        yield error


class _ListParser:
    """A list of objects. Only the current object is in memory."""

    def __init__(self, text: TextIO, block_chars: int) -> None:
        self._text = text
        self._block_chars = block_chars
        self._buffer = ""
        self._at = 0
        self._line = 1  # the line in which the buffer begins

    def __iter__(self) -> Iterator[JsonObject]:
        self._require("[", "it does not begin with [")
        if self._next_character() != "]":
            yield self._next_object()
            while self._next_character() == ",":
                self._at += 1
                yield self._next_object()
        self._require("]", "neither a comma nor the list's end follows, as if the file were cut off")
        if self._next_character():
            raise self._broken("more follows the list's end")

    def _require(self, character: str, otherwise: str) -> None:
        if self._next_character() != character:
            raise self._broken(otherwise)
        self._at += 1

    def _next_character(self) -> str:
        """Return the next character that is not blank; empty at the end."""
        while True:
            if found := _NOT_BLANK.search(self._buffer, self._at):
                self._at = found.start()
                return found.group()
            self._at = len(self._buffer)
            if not self._read_on():
                return ""

    def _read_on(self) -> bool:
        part = self._text.read(max(self._block_chars, len(self._buffer) - self._at))
        self._line += self._buffer.count("\n", 0, self._at)
        self._buffer, self._at = self._buffer[self._at :] + part, 0
        return bool(part)

    def _next_object(self) -> JsonObject:
        self._next_character()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                self._read_rest(error)
            except RecursionError:
                raise self._broken("it is nested too deeply") from None
            else:
                written = self._buffer[self._at : end]
                repaired = _as_row(value, written)
                self._at = end
                return repaired

    def _read_rest(self, error: json.JSONDecodeError) -> None:
        """Read on, if the object may only be cut by the end of the text in memory."""
        is_cut = error.msg.startswith("Unterminated") or error.pos >= len(self._buffer) - _TOKEN_CHARS
        if error.doc is not self._buffer:
            raise self._broken(error.msg, _constant_at(self._buffer, self._at)) from None
        if not is_cut:
            raise self._broken(error.msg, error.pos) from None
        if len(self._buffer) - self._at > _MAX_CHARS:
            raise self._broken(f"it has more than {_MAX_CHARS:,} characters")
        position = error.pos - self._at
        if not self._read_on():
            raise self._broken(error.msg, position) from None

    def _broken(self, reason: str, position: int | None = None) -> BrokenObjectError:
        line = self._line + self._buffer.count("\n", 0, self._at if position is None else position)
        return BrokenObjectError(f"{_reason(reason)} in line {line}")


def _parse(line: str) -> JsonObject:
    """Return the object of a line, or an empty one for a blank line. Raises BrokenObjectError."""
    if not line.strip():
        return JsonObject()
    try:
        value = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        position = error.pos if error.doc is line else _constant_at(line, 0)
        raise BrokenObjectError(f"{_reason(error.msg)} at character {position + 1}") from None
    except RecursionError:
        raise BrokenObjectError("it is nested too deeply") from None
    return _as_row(value, line)


def _reason(message: str) -> str:
    """Return the parser's message without a dangling "at"."""
    return message.removesuffix(" at")


def _constant_at(text: str, start: int) -> int:
    """Return where the first constant is that is not JSON.

    The parser does not report its position.
    """
    return next((each.start() for each in _TEXT_OR_CONSTANT.finditer(text, start) if each[0][0] != '"'), start)


def _as_row(value: Any, written: str) -> JsonObject:
    if not isinstance(value, JsonObject):
        raise BrokenObjectError(f"it is {_KINDS.get(type(value), 'a value')}, not an object in {{}}")
    if not all(map(str.strip, value)):
        raise BrokenObjectError("one of its names is empty, and a column needs a name")
    if _is_deeper(value, _MAX_LEVELS):
        raise BrokenObjectError("it is nested too deeply")
    return _replace_halves(value) if _ESCAPED_HALF.search(written) else value


def _is_deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested on more than so many levels."""
    if not isinstance(value, list | dict):
        return False
    parts = value if isinstance(value, list) else value.values()
    return not levels or any(_is_deeper(part, levels - 1) for part in parts)


def _replace_halves(record: JsonObject) -> JsonObject:
    """Replace halves of surrogate pairs, which JSON can express and no file can contain."""
    repaired = JsonObject((_HALF.sub("\ufffd", name), value) for name, value in record.items())
    repaired.repeated_names = frozenset(_HALF.sub("\ufffd", name) for name in record.repeated_names)
    broken_texts: list[str] = []
    for name, value in repaired.items():
        if _HALF.search(text := cell_text(value)):
            repaired[name] = _HALF.sub("\ufffd", text)
            broken_texts.append(name)
    repaired.broken_texts = frozenset(broken_texts)
    return repaired


def _make_object(pairs: list[tuple[str, Any]]) -> JsonObject:
    made = JsonObject(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        made.repeated_names = frozenset(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        # An empty value must not hide another one: a row without values would count as blank.
        for name, value in pairs:
            if name in made.repeated_names and made[name] in (None, ""):
                made[name] = value
    return made


class _Number(str):
    """A number as it is written: 1.10 stays 1.10, and a long one keeps all of its digits."""

    __slots__ = ()


def _refuse_constant(text: str) -> Any:
    raise json.JSONDecodeError(f"{text} is not JSON", text, 0)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_make_object, parse_int=_Number, parse_float=_Number, parse_constant=_refuse_constant
)
_KINDS = {str: "a text", _Number: "a number", bool: "true or false", type(None): "null", list: "a list"}


def cell_text(value: Any) -> str:
    """Return a value as a cell's text."""
    match value:
        case str():
            return str(value)
        case None:
            return ""
        case True | False:
            return "true" if value else "false"
        case _:
            return _as_json(value)


def _as_json(value: Any) -> str:
    """Return a list or an object as JSON, with its numbers unchanged."""
    match value:
        case list():
            return f"[{', '.join(map(_as_json, value))}]"
        case dict():
            return f"{{{', '.join(f'{_as_json(name)}: {_as_json(part)}' for name, part in value.items())}}}"
        case _Number():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
