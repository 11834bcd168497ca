"""Profiles a column: the kind of its cells, their values, and how they are written. Pure."""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from importer.suggest.date_detection import DetectedDates, detect_dates

FEW = 30  # distinct values that a user can read through

_SHORT_CHARS = 40
_MOSTLY = 0.9  # share of cells: a column of addresses may have some wrong ones
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(?:\.[^@\s,;<>.]+)+")
_PHONE = re.compile(r"\+?\(?[0-9](?:[-./ ()]{0,3}[0-9]){5,14}")
_DATE = re.compile(r"[0-9]{1,4}([-./])[0-9]{1,2}\1[0-9]{1,4}")  # has the characters of a phone number, too
_WITH_COUNTRY = ("+", "00")
_TAG = re.compile(
    r"</?(?:p|br|div|span|b|strong|i|em|u|a|ul|ol|li|table|tr|td|h[1-6]|html|body)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
_GUID = re.compile(r"\{?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_FILE = re.compile(r"[^\n:*?\"<>|@]*[^\s:*?\"<>|@]\.[A-Za-z][A-Za-z0-9]{1,4}")
_BETWEEN_NAMES = re.compile(r"\s*[;|\n]\s*")
_BETWEEN_ADDRESSES = re.compile(r"\s*[;,\s]\s*")
_COMMA_NUMBER = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+)(?:,[0-9]+)?", re.ASCII)
_SURE_COMMA = re.compile(r",(?![0-9]{3}\Z)")  # not followed by exactly three digits, as in thousands
BOOLEANS = (("true", "false"), ("yes", "no"), ("y", "n"), ("ja", "nein"), ("oui", "non"), ("wahr", "falsch"))

_Test = Callable[[dict[str, int], int], bool]  # text -> count, and the total count


class ContentKind(enum.StrEnum):
    """The kind of nearly all non-blank cells."""

    EMPTY = "empty"
    EMAIL = "e-mail addresses"
    EMAILS = "lists of e-mail addresses"
    PHONE = "phone numbers"
    GUID = "GUIDs"
    TIME = "dates"
    INTEGER = "whole numbers"
    NUMBER = "numbers"
    BOOLEAN = "yes or no"
    URL = "web addresses"
    FILE = "file names"
    TEXT = "texts"


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """Profile of one column. ``rows``: of the sample; ``filled``: cells that are not blank.

    ``distinct``: number of different values; ``values``: these with their counts, most frequent first, if they are few
    and short; ``most_frequent``: the first short one. ``longest``: in characters. ``average_words``: per cell.
    ``dates``: their formats. ``has_comma``: decimal commas; ``has_dots``: dots between thousands. ``is_national``: some
    phone numbers have no country code. ``has_tags``: some texts are HTML.
    """

    rows: int
    filled: int
    distinct: int
    kind: ContentKind
    longest: int
    average_words: float = 0.0
    values: tuple[tuple[str, int], ...] = ()
    most_frequent: tuple[str, int] = ("", 0)
    dates: DetectedDates | None = None
    has_comma: bool = False
    has_dots: bool = False
    is_national: bool = False
    has_tags: bool = False

    @property
    def is_key(self) -> bool:
        """Whether each row has a different value."""
        return self.rows > 0 and self.filled == self.rows == self.distinct

    @property
    def is_choice(self) -> bool:
        """Whether the cells look like choices from a list."""
        return bool(self.values) and (self.distinct <= 3 or 2 * self.distinct <= self.filled)  # noqa: PLR2004 - few


def profile_column(cells: Sequence[str]) -> ColumnProfile:
    """Profile the cells of one column."""
    counts = Counter(cell for cell in cells if cell.strip())
    filled = counts.total()
    kind = _kind(counts, filled)
    few = len(counts) <= FEW and all(len(value) <= _SHORT_CHARS and "\n" not in value for value in counts)
    return ColumnProfile(
        rows=len(cells),
        filled=filled,
        distinct=len(counts),
        kind=kind,
        longest=max(map(len, counts), default=0),
        average_words=sum(len(cell.split()) for cell in counts) / max(1, len(counts)),
        values=tuple(counts.most_common()) if few else (),
        most_frequent=max(
            ((value, count) for value, count in counts.items() if len(value) <= _SHORT_CHARS),
            key=lambda each: each[1],
            default=("", 0),
        ),
        dates=detect_dates(list(counts)) if kind is ContentKind.TIME else None,
        has_comma=kind is ContentKind.NUMBER and any("," in cell for cell in counts),
        has_dots=kind is ContentKind.NUMBER
        and any("," in cell for cell in counts)
        and any("." in cell for cell in counts),
        is_national=kind in (ContentKind.PHONE, ContentKind.INTEGER)
        and not all(cell.strip().startswith(_WITH_COUNTRY) for cell in counts),
        has_tags=kind is ContentKind.TEXT and any(map(_TAG.search, counts)),
    )


def _kind(counts: Counter[str], filled: int) -> ContentKind:
    if not counts:
        return ContentKind.EMPTY
    texts = {cell.strip(): number for cell, number in counts.items()}
    return next((kind for kind, fits in _TESTS.items() if fits(texts, filled)), ContentKind.TEXT)


def _are_phones(texts: dict[str, int], filled: int) -> bool:
    """Return whether texts are phone numbers: most start with a plus, others are numbers."""
    plus = sum(number for text, number in texts.items() if text.startswith("+"))
    return 2 * plus >= filled and _share(texts, _PHONE, filled) >= _MOSTLY


def _are_written_phones(texts: dict[str, int], filled: int) -> bool:
    return _share(texts, _PHONE, filled) >= _MOSTLY and not any(map(_DATE.fullmatch, texts))


def _share(texts: dict[str, int], form: re.Pattern[str], filled: int) -> float:
    return sum(number for text, number in texts.items() if form.fullmatch(text)) / filled


def _parts_share(texts: dict[str, int], between: re.Pattern[str], form: re.Pattern[str], filled: int) -> float:
    fitting = 0
    for text, number in texts.items():
        parts = [part for part in between.split(text) if part]
        fitting += number * (bool(parts) and all(form.fullmatch(part) for part in parts))
    return fitting / filled


def _are_booleans(texts: dict[str, int], _filled: int) -> bool:
    return any({text.casefold() for text in texts} <= set(words) for words in BOOLEANS)


def _are_numbers(form: re.Pattern[str]) -> _Test:
    return lambda texts, filled: _share(texts, form, filled) == 1 and not _are_phones(texts, filled)


def _are_comma_numbers(texts: dict[str, int], filled: int) -> bool:
    return any(map(_SURE_COMMA.search, texts)) and _share(texts, _COMMA_NUMBER, filled) == 1


def _mostly(form: re.Pattern[str], between: re.Pattern[str] | None = None) -> _Test:
    if between is None:
        return lambda texts, filled: _share(texts, form, filled) >= _MOSTLY
    return lambda texts, filled: _parts_share(texts, between, form, filled) >= _MOSTLY


_are_plain_numbers = _are_numbers(_NUMBER)
# In this order: the first test that succeeds decides.
_TESTS: dict[ContentKind, _Test] = {
    ContentKind.GUID: _mostly(_GUID),
    ContentKind.EMAIL: _mostly(_EMAIL),
    ContentKind.URL: _mostly(_URL),
    ContentKind.BOOLEAN: _are_booleans,
    ContentKind.TIME: lambda texts, _filled: detect_dates(list(texts)) is not None,
    ContentKind.INTEGER: _are_numbers(_INTEGER),
    ContentKind.NUMBER: lambda texts, filled: _are_plain_numbers(texts, filled) or _are_comma_numbers(texts, filled),
    ContentKind.PHONE: _are_written_phones,
    ContentKind.EMAILS: _mostly(_EMAIL, _BETWEEN_ADDRESSES),
    ContentKind.FILE: _mostly(_FILE, _BETWEEN_NAMES),
}
