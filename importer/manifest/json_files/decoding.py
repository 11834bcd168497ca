"""Decodes one JSON value at a time; numbers keep their spelling, and repeated names are recorded."""

from __future__ import annotations

import json
import re
from typing import Any

from importer.manifest.nested.values import BrokenObjectError, JsonObject, Number

MAX_CHARS = 1 << 24  # of one object

_BLANKS = " \t\n\r"
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_TEXT_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*+"|NaN|-?Infinity')
_KINDS = {str: "a text", Number: "a number", bool: "true or false", type(None): "null", list: "a list"}

ParsedObject = JsonObject | BrokenObjectError


class ValueDecoder:
    """Decodes JSON values."""

    def __init__(self) -> None:
        self._found_repeats = False
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._make_object, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant
        )

    def decode_at(self, text: str, at: int) -> tuple[Any, int]:
        """Return the value at a position, and where it ends. Raises JSONDecodeError, RecursionError."""
        self._found_repeats = False
        value, end = self._decoder.raw_decode(text, at)
        if isinstance(value, JsonObject):
            if self._found_repeats:
                value.has_repeats = True
            if _ESCAPED_HALF.search(text, at, end):
                value.has_halves = True
        return value, end

    def decode_line(self, line: str) -> JsonObject:
        """Return the object of a line, or an empty one for a blank line. Raises BrokenObjectError."""
        if not line.strip():
            return JsonObject()
        at = len(line) - len(line.lstrip(_BLANKS))
        try:
            value, end = self.decode_at(line, at)
        except json.JSONDecodeError as error:
            position = error.pos if error.doc is line else constant_at(line, 0)
            raise BrokenObjectError(f"{reason(error.msg)} at character {position + 1}") from None
        except RecursionError:
            raise BrokenObjectError("it is nested too deeply") from None
        if rest := line[end:].lstrip(_BLANKS):
            raise BrokenObjectError(f"Extra data at character {len(line) - len(rest) + 1}")
        return require_object(value)

    def _make_object(self, pairs: list[tuple[str, Any]]) -> JsonObject:
        made = JsonObject(pairs)
        if len(made) < len(pairs):
            self._found_repeats = True
            seen: set[str] = set()
            made.repeated_names = frozenset(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            # An empty value must not hide another one: a row without values would count as blank.
            for name, value in pairs:
                if name in made.repeated_names and made[name] in (None, ""):
                    made[name] = value
        return made


def require_object(value: Any) -> JsonObject:
    """Return a value that is an object. Raises BrokenObjectError for any other."""
    if not isinstance(value, JsonObject):
        raise BrokenObjectError(f"it is {_KINDS.get(type(value), 'a value')}, not an object in {{}}")
    return value


def reason(message: str) -> str:
    """Return the parser's message without a dangling "at"."""
    return message.removesuffix(" at")


def constant_at(text: str, start: int) -> int:
    """Return where the first constant is that is not JSON.

    The parser does not report its position.
    """
    return next((each.start() for each in _TEXT_OR_CONSTANT.finditer(text, start) if each[0][0] != '"'), start)


def _refuse_constant(text: str) -> Any:
    raise json.JSONDecodeError(f"{text} is not JSON", text, 0)
