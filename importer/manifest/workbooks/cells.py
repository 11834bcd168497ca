"""Cells of a workbook -> text: what was stored, as people write it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_EXACT_BELOW = 1e15  # Excel keeps 15 digits


def number_text(number: float) -> str:
    """Write a number with the fewest digits that tell it from its neighbours, never with an exponent."""
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


def _truth_text(truth: bool) -> str:  # noqa: FBT001 - the cell itself is the bool
    return "TRUE" if truth else "FALSE"


_WRITERS: dict[type, Callable[[Any], str]] = {
    str: str,
    float: number_text,
    int: str,
    bool: _truth_text,
    dt.date: dt.date.isoformat,
    dt.datetime: dt.datetime.isoformat,
    dt.time: dt.time.isoformat,
    dt.timedelta: _duration_text,
}


def texts(column: Sequence[Any]) -> Sequence[str]:
    """Turn a column's cells, as calamine gives them, into text: numbers positional, dates ISO 8601, TRUE or FALSE."""
    kinds = set(map(type, column))
    if kinds <= {str}:
        return column
    if len(kinds) == 1:
        return list(map(_WRITERS[kinds.pop()], column))
    return [_WRITERS[type(cell)](cell) for cell in column]
