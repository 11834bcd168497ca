"""Checks date formats: whether strptime reads whole dates with one, and whether two contradict each other."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from datetime import UTC, datetime

# All parts differ, and it is after noon: a format with %I and without %p reads another hour.
_SAMPLE = datetime(2024, 8, 29, 22, 36, 23, tzinfo=UTC)
# Each is another date if its parts are read in another order.
_AMBIGUOUS_SAMPLES = (datetime(2023, 4, 3, 2, 1, 5, tzinfo=UTC), datetime(2024, 11, 10, 13, 12, 9, tzinfo=UTC))
_YEAR_DIRECTIVES = re.compile(r"%(?:Y|y|G|c|x)")
_WEEKDAY_DIRECTIVES = ("%u", "%w", "%A", "%a")
# No cell holds these characters, and Python versions treat them differently.
_NUL_OR_SURROGATE = re.compile(r"[\0\ud800-\udfff]")
# Times since 1970 in UTC: format -> units in a second. Their numbers differ in size, so that no cell fits both.
EPOCH_UNITS = {"epoch": 1, "epoch-ms": 1_000}
FIRST_MILLISECONDS = 100_000_000_000  # in March 1973; as seconds, in the year 5138
_UNKNOWN = "is not a format that strptime knows; write it like %d/%m/%Y"


def format_error(text: str) -> str:
    """Return why strptime can't read whole dates with a format; empty if it can on this platform."""
    if "%" not in text:
        return "" if text in EPOCH_UNITS else "is not a strptime format; write it like %d/%m/%Y or %Y-%m-%d %H:%M"
    if _NUL_OR_SURROGATE.search(text):
        return _UNKNOWN
    directives = text.replace("%%", "")
    if not _YEAR_DIRECTIVES.search(directives):
        return "has no year; add %Y or %y"
    if "%Z" in directives:  # IST is three zones, and each platform knows others
        return "reads the name of a time zone (%Z), which is ambiguous; write the name as text, and set `timezone`"
    if "%G" in directives and not ("%V" in directives and any(day in directives for day in _WEEKDAY_DIRECTIVES)):
        return "has the year of a week (%G) without the week (%V) and its day (such as %u); write %Y"
    return _sample_error(text)


def _sample_error(text: str) -> str:
    read = _read(_written(_SAMPLE, text), text)
    if read is None:
        return _UNKNOWN
    if read.date() != _SAMPLE.date():
        return "does not read a whole date; it needs year, month and day"
    if (read.hour, read.minute) not in {(0, 0), (_SAMPLE.hour, 0), (_SAMPLE.hour, _SAMPLE.minute)}:
        return "reads only a part of the time: %I needs %p, and %M needs an hour"
    return ""


def find_ambiguity(formats: Sequence[str]) -> str:
    """Return an example of a cell that two of the formats read differently; empty if none was found.

    All formats must be without error. Each cell is checked again when it is read.
    """
    for one, other in itertools.permutations(formats, 2):
        for moment in _AMBIGUOUS_SAMPLES:
            written = _written(moment, one)
            read, misread = _read(written, one), _read(written, other)
            if read is not None and misread is not None and read != misread:
                return f"{one!r} and {other!r} read {written!r} as different times; keep one of them"
    return ""


def _written(moment: datetime, form: str) -> str:
    if form in EPOCH_UNITS:
        return str(int(moment.timestamp()) * EPOCH_UNITS[form])
    try:
        return moment.strftime(form)
    except ValueError:  # a directive that this platform does not know
        return ""


def _read(written: str, form: str) -> datetime | None:
    if form in EPOCH_UNITS:
        in_range = written.isdecimal() and (int(written) < FIRST_MILLISECONDS) == (form == "epoch")
        return datetime.fromtimestamp(int(written) // EPOCH_UNITS[form], UTC).replace(tzinfo=None) if in_range else None
    try:
        return datetime.strptime(written, form).replace(tzinfo=None)  # noqa: DTZ007 - a format may have no zone
    except (ValueError, re.error):
        return None
