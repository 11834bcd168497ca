"""Number formats that show a number of days as a date, a time or a duration."""

from __future__ import annotations

import datetime as dt
import enum
import re


class DateFormat(enum.Enum):
    """What a number format shows a number of days as."""

    DATE = enum.auto()  # or a time of day
    DURATION = enum.auto()


# Formats that Excel knows without a code; some depend on its language.
_BUILT_IN_DATES = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
_BUILT_IN_DURATION = 46
_LITERALS = re.compile(r'"[^"]*"|\\.|_.|\*.')
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_BRACKETS = re.compile(r"\[[^\]]*\]")
_DAY_0 = dt.date.fromisoformat("1899-12-30")
_DAY_0_OF_1904 = dt.date.fromisoformat("1904-01-01")
_FALSE_LEAP_DAY = 60  # spreadsheets have a 29 February 1900, so earlier days are one off
_LAST_DAY = 2_958_465  # of the year 9999


def date_format(number: int, code: str | None) -> DateFormat | None:
    """Classify a number format by its code, or else its number; None if it has no days."""
    if code is None:
        if number == _BUILT_IN_DURATION:
            return DateFormat.DURATION
        return DateFormat.DATE if number in _BUILT_IN_DATES else None
    pattern = _LITERALS.sub("", code.partition(";")[0])
    if _ELAPSED.search(pattern):
        return DateFormat.DURATION
    pattern = _BRACKETS.sub("", pattern).lower()
    is_date = pattern != "general" and any(letter in pattern for letter in "dmyhs")
    return DateFormat.DATE if is_date else None


def whole_days_text(days: int, kind: DateFormat, *, is_1904: bool) -> str | None:
    """Write a whole number of days as a date or a duration; None if there is no such date."""
    if kind is DateFormat.DURATION:
        return f"{'-' if days < 0 else ''}{abs(days) * 24:02d}:00:00"
    if not 0 <= days <= _LAST_DAY:
        return None
    if not days:
        return "00:00:00"
    first = _DAY_0_OF_1904 if is_1904 else _DAY_0
    try:
        return (first + dt.timedelta(days=days + (not is_1904 and days < _FALSE_LEAP_DAY))).isoformat()
    except OverflowError:
        return None
