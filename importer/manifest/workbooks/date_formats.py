"""Number formats that make a date, a time or a duration of a number, which is one of days; and what they make of it."""

from __future__ import annotations

import datetime as dt
import enum
import re


class DayFormat(enum.Enum):
    """What a number format makes of a number of days."""

    DATE = enum.auto()
    DURATION = enum.auto()


# Those that every Excel knows without their codes, among them some that depend on its language.
_KNOWN_DATES = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
_KNOWN_DURATION = 46
_SILENT = re.compile(r'"[^"]*"|\\.|_.|\*.')
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_BRACKETS = re.compile(r"\[[^\]]*\]")
_FIRST_DAY = dt.date.fromisoformat("1899-12-30")
_FIRST_DAY_1904 = dt.date.fromisoformat("1904-01-01")
_NO_LEAP_DAY = 60  # 1900 has a 29 February to spreadsheets, so days before it are one off
_LAST_DAY = 2_958_465  # of the year 9999


def day_format(number: int, code: str | None) -> DayFormat | None:
    """Read a number format by its number, and its code where it has one; None if it is none of days."""
    if code is None:
        if number == _KNOWN_DURATION:
            return DayFormat.DURATION
        return DayFormat.DATE if number in _KNOWN_DATES else None
    shape = _SILENT.sub("", code.partition(";")[0])
    if _ELAPSED.search(shape):
        return DayFormat.DURATION
    shape = _BRACKETS.sub("", shape).lower()
    is_date = shape != "general" and any(letter in shape for letter in "dmyhs")
    return DayFormat.DATE if is_date else None


def days_text(days: int, kind: DayFormat, *, is_1904: bool) -> str | None:
    """Write a whole number of days; None for one that is no date."""
    if kind is DayFormat.DURATION:
        return f"{'-' if days < 0 else ''}{abs(days) * 24:02d}:00:00"
    if not 0 <= days <= _LAST_DAY:
        return None
    if not days:
        return "00:00:00"
    first = _FIRST_DAY_1904 if is_1904 else _FIRST_DAY
    try:
        return (first + dt.timedelta(days=days + (not is_1904 and days < _NO_LEAP_DAY))).isoformat()
    except OverflowError:
        return None
