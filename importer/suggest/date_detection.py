"""Detects the formats of a column's dates, and whether they are ambiguous. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?(?:Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y-%m-%d", "%d/%m/%y", "%m/%d/%y",
         "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%d/%b/%y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%Y%m%d")  # fmt: skip
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %I:%M %p")
_ISO_FORMATS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")
_LOOKED_AT = 2_000  # distinct cells
_LEAST_CHARS, _MOST_CHARS = 6, 40  # 1/1/24, and the longest form with a month name and a time
_LEAST_YEAR, _LAST_YEAR = 1950, 2100  # outside these years, eight digits are more likely a number


@dataclass(frozen=True, kw_only=True)
class DetectedDates:
    """How dates are written. ``formats``: strptime formats that fit all cells; empty for ISO 8601.

    Two or more formats give different days for the same cells. ``swapped_formats``: formats with day and month swapped
    that give the same days for these cells, but maybe not for later ones. ``iso_formats``: formats of cells in ISO 8601
    among others that are not, as in a workbook where some dates are texts. ``has_clock``: there is a time of day;
    ``has_offset``: there is an offset from UTC. ``example``: a cell.
    """

    formats: tuple[str, ...]
    swapped_formats: tuple[str, ...] = ()
    has_clock: bool
    has_offset: bool = False
    iso_formats: tuple[str, ...] = ()
    example: str

    @property
    def is_ambiguous(self) -> bool:
        """Whether the cells fit several formats that give different days."""
        return len(self.formats) > 1


def detect_dates(cells: Sequence[str]) -> DetectedDates | None:
    """Detect how cells are written as dates; ``None`` if they are not dates."""
    texts = [cell.strip() for cell in cells[:_LOOKED_AT]]
    if not texts or not all(_LEAST_CHARS <= len(text) <= _MOST_CHARS for text in texts):
        return None
    if not all(any(map(str.isdecimal, text)) for text in texts):
        return None
    if all(_ISO.fullmatch(text) and _is_day(text[:10], "%Y-%m-%d") for text in texts):
        has_clock = any(len(text) > len("2024-08-29") for text in texts)
        has_offset = any(re.search(r"(?:Z|[+-]\d{2}:?\d{2})\Z", text[10:]) for text in texts)
        return DetectedDates(formats=(), has_clock=has_clock, has_offset=has_offset, example=texts[0])
    found = _matching_formats(texts)
    iso_formats: tuple[str, ...] = ()
    if not found:
        iso = [text for text in texts if _ISO.fullmatch(text)]
        iso_formats = tuple(dict.fromkeys(map(_iso_format, iso)))
        texts = [text for text in texts if not _ISO.fullmatch(text)]
        found = _matching_formats(texts) if all(iso_formats) else {}
    if not found:
        return None
    return DetectedDates(
        formats=tuple(found),
        swapped_formats=tuple(form for forms in found.values() for form in forms),
        iso_formats=iso_formats,
        has_clock=any("%H" in form or "%I" in form for form in (*found, *iso_formats)),
        example=texts[0],
    )


def _matching_formats(texts: Sequence[str]) -> dict[str, list[str]]:
    """Return format -> formats with day and month swapped, for formats that fit all cells.

    Of several formats that give the same days, only the first is a key.
    """
    first: dict[tuple[datetime, ...], str] = {}
    found: dict[str, list[str]] = {}
    for form in _formats(texts[0]):
        moments = tuple(_moments(texts, form))
        if len(moments) == len(texts):
            chosen = first.setdefault(moments, form)
            swapped = found.setdefault(chosen, [])
            if _has_day_first(form) is not _has_day_first(chosen):
                swapped.append(form)
    return found


def _has_day_first(form: str) -> bool:
    return form.find("%d") < form.find("%m")


def _iso_format(text: str) -> str:
    """Return the strptime format of a cell in ISO 8601; empty if there is none or the date does not exist."""
    return next((form for form in _ISO_FORMATS if any(_moments([text], form))), "")


def _formats(text: str) -> Iterator[str]:
    """Yield the formats that fit one cell."""
    for day in _DAYS:
        for clock in _CLOCKS:
            if any(_moments([text], day + clock)):
                yield day + clock


def _moments(texts: Sequence[str], form: str) -> Iterator[datetime]:
    """Yield the times of cells, up to the first cell that does not fit."""
    for text in texts:
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - cells without an offset
        except ValueError:
            return
        if not _LEAST_YEAR <= moment.year <= _LAST_YEAR:
            return
        yield moment


def _is_day(text: str, form: str) -> bool:
    return any(True for _ in _moments([text], form))
