"""How the dates of a column are written: what fits every cell, and all of it where two ways mean other days. Pure."""

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
_LOOKED_AT = 2_000  # different cells
_LEAST_CHARS, _MOST_CHARS = 6, 40  # 1/1/24, and a month's name with all that can stand around it
_LEAST_YEAR, _LAST_YEAR = 1950, 2100  # eight digits are a number oftener than a date


@dataclass(frozen=True, kw_only=True)
class DetectedDates:
    """``formats``: strptime formats that fit all cells; none where they are ISO 8601.

    Of two or more, each would make other days of the same cells. ``alike``: formats with day and month the other way
    round, which make the same days of these cells, and others of the next ones. ``beside``: the formats of those cells
    that are ISO 8601 although others are not, as in a workbook in which some dates are dates and some are texts.
    ``has_clock``: whether they tell the time of the day; ``has_offset``: whether they name their offset from UTC.
    ``example``: a cell.
    """

    formats: tuple[str, ...]
    alike: tuple[str, ...] = ()
    has_clock: bool
    has_offset: bool = False
    beside: tuple[str, ...] = ()
    example: str

    @property
    def is_ambiguous(self) -> bool:
        """Whether the cells don't tell which day they mean."""
        return len(self.formats) > 1


def detect_dates(cells: Sequence[str]) -> DetectedDates | None:
    """Say how different cells are written as dates; ``None`` if they are none."""
    texts = [cell.strip() for cell in cells[:_LOOKED_AT]]
    if not texts or not all(_LEAST_CHARS <= len(text) <= _MOST_CHARS for text in texts):
        return None
    if not all(any(map(str.isdecimal, text)) for text in texts):
        return None
    if all(_ISO.fullmatch(text) and _is_day(text[:10], "%Y-%m-%d") for text in texts):
        has_clock = any(len(text) > len("2024-08-29") for text in texts)
        has_offset = any(re.search(r"(?:Z|[+-]\d{2}:?\d{2})\Z", text[10:]) for text in texts)
        return DetectedDates(formats=(), has_clock=has_clock, has_offset=has_offset, example=texts[0])
    found = _ways(texts)
    beside: tuple[str, ...] = ()
    if not found:
        iso = [text for text in texts if _ISO.fullmatch(text)]
        beside = tuple(dict.fromkeys(map(_iso_format, iso)))
        texts = [text for text in texts if not _ISO.fullmatch(text)]
        found = _ways(texts) if all(beside) else {}
    if not found:
        return None
    return DetectedDates(
        formats=tuple(found),
        alike=tuple(form for forms in found.values() for form in forms),
        beside=beside,
        has_clock=any("%H" in form or "%I" in form for form in (*found, *beside)),
        example=texts[0],
    )


def _ways(texts: Sequence[str]) -> dict[str, list[str]]:
    """Formats that fit all cells, of those that make the same days of them one, with those that turn day and month."""
    first: dict[tuple[datetime, ...], str] = {}
    found: dict[str, list[str]] = {}
    for form in _formats(texts[0]):
        moments = tuple(_moments(texts, form))
        if len(moments) == len(texts):
            chosen = first.setdefault(moments, form)
            alike = found.setdefault(chosen, [])
            if _has_day_first(form) is not _has_day_first(chosen):
                alike.append(form)
    return found


def _has_day_first(form: str) -> bool:
    return form.find("%d") < form.find("%m")


def _iso_format(text: str) -> str:
    """The format of a cell in ISO 8601; empty for one that no format can say, or that is on no calendar."""
    return next((form for form in _ISO_FORMATS if any(_moments([text], form))), "")


def _formats(text: str) -> Iterator[str]:
    """Formats that fit one cell."""
    for day in _DAYS:
        for clock in _CLOCKS:
            if any(_moments([text], day + clock)):
                yield day + clock


def _moments(texts: Sequence[str], form: str) -> Iterator[datetime]:
    """The moments of cells up to the first that is none."""
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
