"""Converts cells of a workbook to text: the stored value, written as people write it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_EXACT_BELOW = 1e15  # Excel keeps 15 digits


def number_text(number: float) -> str:
    """Write a number with the fewest digits that identify it, never with an exponent."""
    if number.is_integer() and abs(number) < _EXACT_BELOW:
        return str(int(number))
    if "e" not in (text := repr(number)):  # the same digits as below, several times as fast
        return text.removesuffix(".0")
    return np.format_float_positional(number, unique=True, trim="-")


def _duration_text(duration: dt.timedelta) -> str:
    sign = "-" if duration < dt.timedelta() else ""
    seconds, microseconds = divmod(abs(duration) // dt.timedelta(microseconds=1), 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    fraction = f".{microseconds:06d}" if microseconds else ""
    return f"{sign}{hour:02d}:{minute:02d}:{second:02d}{fraction}"


def _boolean_text(value: bool) -> str:  # noqa: FBT001 - the cell itself is the bool
    return "TRUE" if value else "FALSE"


_CONVERTERS: dict[type, Callable[[Any], str]] = {
    str: str,
    float: number_text,
    int: str,
    bool: _boolean_text,
    dt.date: dt.date.isoformat,
    dt.datetime: dt.datetime.isoformat,
    dt.time: dt.time.isoformat,
    dt.timedelta: _duration_text,
}


def cell_texts(cells: Sequence[Any]) -> Sequence[str]:
    """Convert cells to text: numbers without exponents, dates in ISO 8601, TRUE or FALSE."""
    types = set(map(type, cells))
    if types <= {str}:
        return cells
    if len(types) == 1:
        return list(map(_CONVERTERS[types.pop()], cells))
    return [_CONVERTERS[type(cell)](cell) for cell in cells]
