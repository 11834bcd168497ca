"""Values of a record as they are written, and their text in a cell."""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Any

TEXT = "#text"  # the name of an XML element's own text beside its attributes and children
_CONSTANTS = {None: "null", True: "true", False: "false"}
HALF = re.compile("[\ud800-\udfff]")


class BrokenObjectError(Exception):
    """A piece of text is not an object that can be a row; the message says why."""


class JsonObject(dict[str, Any]):
    """An object with more facts.

    ``repeated_names``: names that it has more than once. ``has_repeats``: it or an object inside it has such names.
    ``has_halves``: it may contain half a surrogate pair.
    """

    repeated_names: frozenset[str] = frozenset()
    has_repeats: bool = False
    has_halves: bool = False


class Number(str):
    """A number as it is written: 1.10 stays 1.10, and a long one keeps all of its digits."""

    __slots__ = ()


class WrittenInteger(int):
    """A whole number for expressions, which compare and add numbers; ``text``: as it is written."""

    text: str


class WrittenFloat(float):
    """A number for expressions; ``text``: as it is written."""

    text: str


# JMESPath knows types by these names.
JsonObject.__name__, WrittenInteger.__name__, WrittenFloat.__name__ = "dict", "int", "float"


def written_integer(text: str) -> WrittenInteger | WrittenFloat:
    """Return a whole number; one with thousands of digits is inexact in comparisons."""
    try:
        number = WrittenInteger(text)
    except ValueError:
        return written_float(text)
    number.text = text
    return number


def written_float(text: str) -> WrittenFloat:
    """Return a number."""
    number = WrittenFloat(text)
    number.text = text
    return number


def cell_text(value: Any) -> str:
    """Return a value as a cell's text."""
    if isinstance(value, str):
        return str(value)
    return "" if value is None else compact_json(value)


def compact_json(value: Any) -> str:
    """Return a value as JSON without blanks, its numbers as they are written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, list):
        return f"[{','.join([compact_json(part) for part in value])}]"
    if isinstance(value, dict):
        parts = [f"{encode_basestring(name)}:{compact_json(part)}" for name, part in value.items()]
        return f"{{{','.join(parts)}}}"
    if value is None or isinstance(value, bool):
        return _CONSTANTS[value]
    return value.text if isinstance(value, WrittenInteger | WrittenFloat) else json.dumps(value)


def is_deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested on more than so many levels."""
    if not isinstance(value, list | dict):
        return False
    parts = value if isinstance(value, list) else value.values()
    return not levels or any(is_deeper(part, levels - 1) for part in parts)


def has_repeats(value: Any) -> bool:
    """Return whether an object in it has a name more than once."""
    if isinstance(value, JsonObject):
        return bool(value.repeated_names) or any(map(has_repeats, value.values()))
    return isinstance(value, list) and any(map(has_repeats, value))
