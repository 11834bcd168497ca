"""JSON -> objects, one by one, of lines or of one list; their values to the letter as they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

_MOST_CHARS = 1 << 24  # of one object
_MOST_LEVELS = 100  # of lists and objects within one another
_BLOCK_CHARS = 1 << 18
_TOKEN_CHARS = 16  # no sign of JSON that can be cut at a block's end is longer, but for texts and numbers
_BLANKS = " \t\n\r"
_NOT_BLANK = re.compile(r"[^ \t\n\r]")
_LINE_END = re.compile(r"\r\n?|\n")
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_TEXT_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*+"|NaN|-?Infinity')
_HALF = re.compile("[\ud800-\udfff]")


class JsonObject(dict[str, Any]):
    """A JSON object that remembers which of its names stand in it twice, and which texts were no whole characters."""

    twice: frozenset[str] = frozenset()
    halved: frozenset[str] = frozenset()


class BrokenObjectError(Exception):
    """What stands there is not one JSON object that can be a row; the text says why."""


@dataclass(frozen=True)
class BlankLines:
    """So many lines without an object, one after another."""

    size: int


ParsedObject = JsonObject | BrokenObjectError


def parse_lines(text: TextIO, *, block_chars: int = _BLOCK_CHARS) -> Iterator[ParsedObject | BlankLines]:
    """Yield an object for each line that has one; behind a line that is too long comes nothing more.

    ``block_chars``: how much is read at once.
    """
    buffer = ""
    while part := text.read(max(block_chars, len(buffer))):
        buffer += part
        # A carriage return at the end of what is in memory may be the first half of a line end.
        end = len(buffer) - buffer.endswith("\r")
        at = yield from _whole_lines(buffer, end)
        buffer = buffer[at:]
        if len(buffer) > _MOST_CHARS:
            yield BrokenObjectError(f"it has more than {_MOST_CHARS:,} characters")
            return
    at = yield from _whole_lines(buffer, len(buffer))
    if rest := buffer[at:]:
        yield _found(rest) if rest.strip() else BlankLines(1)


def _whole_lines(buffer: str, end: int) -> Generator[ParsedObject | BlankLines, None, int]:
    """Yield what stands on the lines before ``end``; gives where the last, unfinished one begins."""
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
        yield _found(buffer[at : line_end.end()])
        at = line_end.end()
    return at


def _found(line: str) -> ParsedObject:
    try:
        return _parse(line)
    except BrokenObjectError as error:
        return error


def parse_list(text: TextIO, *, block_chars: int = _BLOCK_CHARS) -> Iterator[ParsedObject]:
    """Yield the objects of a list, which need not end where lines do; behind something broken comes nothing more.

    ``block_chars``: how much is read at once.
    """
    try:
        yield from _Elements(text, block_chars)
    except BrokenObjectError as error:
        yield error


class _Elements:
    """A list of which only as much is in memory as the object under way has."""

    def __init__(self, text: TextIO, block_chars: int) -> None:
        self._text = text
        self._block_chars = block_chars
        self._buffer = ""
        self._at = 0
        self._line = 1  # in which the buffer begins

    def __iter__(self) -> Iterator[JsonObject]:
        self._require("[", "it does not begin with [")
        if self._sign() != "]":
            yield self._element()
            while self._sign() == ",":
                self._at += 1
                yield self._element()
        self._require("]", "neither a comma nor the list's end follows, as if the file were cut off")
        if self._sign():
            raise self._broken("more follows the list's end")

    def _require(self, sign: str, otherwise: str) -> None:
        if self._sign() != sign:
            raise self._broken(otherwise)
        self._at += 1

    def _sign(self) -> str:
        """The next character that is not blank; empty at the end."""
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

    def _element(self) -> JsonObject:
        self._sign()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                self._require_more(error)
            except RecursionError:
                raise self._broken("it is nested too deeply") from None
            else:
                written = self._buffer[self._at : end]
                whole = _as_row(value, written)
                self._at = end
                return whole

    def _require_more(self, error: json.JSONDecodeError) -> None:
        """Read on, if it may be the end of what is in memory that breaks the object off."""
        is_cut = error.msg.startswith("Unterminated") or error.pos >= len(self._buffer) - _TOKEN_CHARS
        if error.doc is not self._buffer:
            raise self._broken(error.msg, _constant_at(self._buffer, self._at)) from None
        if not is_cut:
            raise self._broken(error.msg, error.pos) from None
        if len(self._buffer) - self._at > _MOST_CHARS:
            raise self._broken(f"it has more than {_MOST_CHARS:,} characters")
        position = error.pos - self._at
        if not self._read_on():
            raise self._broken(error.msg, position) from None

    def _broken(self, reason: str, position: int | None = None) -> BrokenObjectError:
        line = self._line + self._buffer.count("\n", 0, self._at if position is None else position)
        return BrokenObjectError(f"{_reason(reason)} in line {line}")


def _parse(line: str) -> JsonObject:
    """The object of a line; an empty one for a line of other blanks. Raises BrokenObjectError if there is no such."""
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
    """What the parser says, some of which ends as if the place followed."""
    return message.removesuffix(" at")


def _constant_at(text: str, start: int) -> int:
    """Where the first constant stands that is no JSON; the parser refuses it without its place."""
    return next((each.start() for each in _TEXT_OR_CONSTANT.finditer(text, start) if each[0][0] != '"'), start)


def _as_row(value: Any, written: str) -> JsonObject:
    if not isinstance(value, JsonObject):
        raise BrokenObjectError(f"it is {_KINDS.get(type(value), 'a value')}, not an object in {{}}")
    if not all(map(str.strip, value)):
        raise BrokenObjectError("one of its names is empty, and a column needs a name")
    if _is_deeper(value, _MOST_LEVELS):
        raise BrokenObjectError("it is nested too deeply")
    return _made_whole(value) if _ESCAPED_HALF.search(written) else value


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects lie within one another on more than so many levels."""
    if not isinstance(value, list | dict):
        return False
    parts = value if isinstance(value, list) else value.values()
    return not levels or any(_is_deeper(part, levels - 1) for part in parts)


def _made_whole(record: JsonObject) -> JsonObject:
    """Replace halves of surrogate pairs, which JSON can say and no file can hold."""
    whole = JsonObject((_HALF.sub("\ufffd", name), value) for name, value in record.items())
    whole.twice = frozenset(_HALF.sub("\ufffd", name) for name in record.twice)
    halved: list[str] = []
    for name, value in whole.items():
        if _HALF.search(text := cell_text(value)):
            whole[name] = _HALF.sub("\ufffd", text)
            halved.append(name)
    whole.halved = frozenset(halved)
    return whole


def _make_object(pairs: list[tuple[str, Any]]) -> JsonObject:
    made = JsonObject(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        made.twice = frozenset(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        # An empty value must not hide that another one was there: a row with nothing in it would be no row.
        for name, value in pairs:
            if name in made.twice and made[name] in (None, ""):
                made[name] = value
    return made


class _Number(str):
    """A number as it is written: 1.10 stays 1.10, and a long one keeps all of its digits."""

    __slots__ = ()


def _refuse_constant(text: str) -> Any:
    raise json.JSONDecodeError(f"{text} is no JSON", text, 0)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_make_object, parse_int=_Number, parse_float=_Number, parse_constant=_refuse_constant
)
_KINDS = {str: "a text", _Number: "a number", bool: "true or false", type(None): "null", list: "a list"}


def cell_text(value: Any) -> str:
    """What a value is as a cell."""
    match value:
        case str():
            return str(value)
        case None:
            return ""
        case True | False:
            return "true" if value else "false"
        case _:
            return _written(value)


def _written(value: Any) -> str:
    """A list or an object as JSON, with its numbers as they were."""
    match value:
        case list():
            return f"[{', '.join(map(_written, value))}]"
        case dict():
            return f"{{{', '.join(f'{_written(name)}: {_written(part)}' for name, part in value.items())}}}"
        case _Number():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
