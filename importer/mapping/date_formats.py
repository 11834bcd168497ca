"""Formats of dates: whether strptime can read whole dates by one, and whether two can be told apart."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from datetime import UTC, datetime

_SAMPLE = datetime(2024, 8, 29, 22, 36, 23, tzinfo=UTC)  # no two parts alike, and after noon: %I without %p shows
# Each could be another date if its parts were read in another order.
_MISTAKABLE = (datetime(2023, 4, 3, 2, 1, 5, tzinfo=UTC), datetime(2024, 11, 10, 13, 12, 9, tzinfo=UTC))
_YEAR_DIRECTIVES = re.compile(r"%(?:Y|y|G|c|x)")
# No cell holds them, and Pythons differ in what they make of them.
_NO_CHARACTER = re.compile(r"[\0\ud800-\udfff]")
_WEEKDAY_DIRECTIVES = ("%u", "%w", "%A", "%a")


def format_fault(text: str) -> str:
    """Why a strptime format can't read whole dates; empty if it can. Tried on a date, so the platform has its say."""
    if "%" not in text:
        return "is not a strptime format, such as %d/%m/%Y or %Y-%m-%d %H:%M"
    if _NO_CHARACTER.search(text):
        return "is not a format that strptime knows"
    directives = text.replace("%%", "")
    if not _YEAR_DIRECTIVES.search(directives):
        return "has no year (%Y or %y)"
    if "%Z" in directives:  # IST is three zones, and each platform knows others
        return "names a zone by letters (%Z); write them as they are, such as UTC, and say by `timezone` which it is"
    if "%G" in directives and not ("%V" in directives and any(day in directives for day in _WEEKDAY_DIRECTIVES)):
        return "has the year of a week (%G) without the week (%V) and its day (such as %u); write %Y"
    return _reading_fault(text)


def _reading_fault(text: str) -> str:
    read = _read(_written(_SAMPLE, text), text)
    if read is None:
        return "is not a format that strptime knows"
    if read.date() != _SAMPLE.date():
        return "does not tell the whole date: year, month and day"
    if (read.hour, read.minute) not in {(0, 0), (_SAMPLE.hour, 0), (_SAMPLE.hour, _SAMPLE.minute)}:
        return "tells only a part of the time (%I needs %p, %M needs an hour)"
    return ""


def contradiction(formats: Sequence[str]) -> str:
    """Why no one can tell which of the formats a cell has; empty if no such cell was found.

    All formats are ones without a fault. What is not found here is found cell by cell.
    """
    for one, other in itertools.permutations(formats, 2):
        for moment in _MISTAKABLE:
            written = _written(moment, one)
            read, misread = _read(written, one), _read(written, other)
            if read is not None and misread is not None and read != misread:
                return f"{written!r} is one time by {one!r} and another by {other!r}; a column can't have both"
    return ""


def _written(moment: datetime, form: str) -> str:
    try:
        return moment.strftime(form)
    except ValueError:  # a directive that this platform does not know
        return ""


def _read(written: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(written, form).replace(tzinfo=None)  # noqa: DTZ007 - a format may well lack the zone
    except (ValueError, re.error):
        return None
