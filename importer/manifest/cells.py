"""Cells of a workbook -> text: what was stored, as people write it."""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


_PLACEHOLDERS = frozenset("0#?")
_LEAST_ZEROS = 2  # a single 0 is in most formats, so that zero is shown at all
# A colour, condition or locale; a quoted or an escaped literal; room for alignment; a placeholder; what stands for
# itself. Whatever else is in a format (a point, %, E, letters) shows the number otherwise, and the value is taken.
_FORMAT_TOKEN = re.compile(
    r'(?P<unseen>\[(?:\$-[^\]]*|[A-Za-z]+\d*|[<>=][^\]]*)\]|_.|\*.)|"(?P<quoted>[^"]*)"|\\(?P<escaped>.)'
    r"|(?P<placeholder>[0#?])|(?P<literal>[-+() $:])"
)


@dataclass(frozen=True, kw_only=True)
class ZeroPadding:
    """A number format such as ``00000`` or ``000-00-0000``: (is a placeholder, its text) from left to right."""

    pieces: tuple[tuple[bool, str], ...]

    @classmethod
    def parse(cls, format_code: str) -> ZeroPadding | None:
        """Read a number format; None if it doesn't pad whole numbers with zeros."""
        pieces: list[tuple[bool, str]] = []
        position = 0
        # Behind the semicolon is the format of negative numbers: they get the same one and a sign.
        while position < len(format_code) and format_code[position] != ";":
            match = _FORMAT_TOKEN.match(format_code, position)
            if match is None:
                return None
            if match.lastgroup is not None and match.lastgroup != "unseen":
                pieces.append((match.lastgroup == "placeholder", match.group(match.lastgroup)))
            position = match.end()
        return cls(pieces=tuple(pieces)) if pieces.count((True, "0")) >= _LEAST_ZEROS else None

    def apply(self, number: float) -> str:
        """Write a whole number as its cell shows it; of another number, the value."""
        text = number_text(number)
        sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
        if not digits.isdecimal():
            return text
        if self._is_zeros_only:
            return sign + digits.zfill(len(self.pieces))
        rest = list(digits)
        open_places = sum(is_place for is_place, _ in self.pieces)
        shown: list[str] = []
        for is_place, piece in reversed(self.pieces):
            if not is_place:
                shown.append(piece)
                continue
            open_places -= 1
            # The leftmost place takes all digits that are left over.
            taken = "".join(rest) if not open_places else "".join(rest[-1:])
            del rest[-1:]
            shown.append(taken or ("0" if piece == "0" else ""))
        return sign + "".join(reversed(shown))

    @functools.cached_property
    def _is_zeros_only(self) -> bool:
        """Most formats that pad are ``00000``."""
        return set(self.pieces) == {(True, "0")}
