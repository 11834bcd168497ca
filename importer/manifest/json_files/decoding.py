"""Decodes one JSON value at a time; numbers keep their spelling, and repeated names are recorded."""

from __future__ import annotations

import json
import re
from typing import Any

from importer.manifest.nested.values import BrokenObjectError, JsonObject, Number, written_float, written_integer

MAX_CHARS = 1 << 24  # of one object

_BLANKS = " \t\n\r"
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_TEXT_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*+"|NaN|-?Infinity')
_KINDS = {
    Number: "a number",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
    list: "a list",
    dict: "an object",
}

ParsedObject = JsonObject | BrokenObjectError


class ValueDecoder:
    """Decodes JSON values.

    ``for_expressions``: numbers are numbers, and not texts. ``found_repeats`` and ``found_halves``: whether the latest
    value has an object with a name more than once, or may contain half a surrogate pair.
    """

    def __init__(self, *, for_expressions: bool = False) -> None:
        self.found_repeats = False
        self.found_halves = False
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._make_object,
            parse_int=written_integer if for_expressions else Number,
            parse_float=written_float if for_expressions else Number,
            parse_constant=_refuse_constant,
        )

    def decode_at(self, text: str, at: int) -> tuple[Any, int]:
        """Return the value at a position, and where it ends. Raises JSONDecodeError, RecursionError."""
        self.found_repeats = False
        value, end = self._decoder.raw_decode(text, at)
        self.found_halves = _ESCAPED_HALF.search(text, at, end) is not None
        if isinstance(value, JsonObject):
            if self.found_repeats:
                value.has_repeats = True
            if self.found_halves:
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
            self.found_repeats = True
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
        raise BrokenObjectError(f"it is {kind_of(value)}, not an object in {{}}")
    return value


def kind_of(value: Any) -> str:
    """Return what a value is, in words."""
    return next((name for kind, name in _KINDS.items() if isinstance(value, kind)), "a value")


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
