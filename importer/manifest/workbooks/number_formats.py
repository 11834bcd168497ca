"""Number formats that show a number as something else: with zeros in front, or as a date, a time or a duration."""

from __future__ import annotations

import datetime as dt
import enum
import functools
import re
from dataclasses import dataclass, field

from importer.manifest.workbooks.cell_text import number_text

_LEAST_ZEROS = 2  # most formats have a single 0, so that zero is visible
# A colour, condition, locale or alignment; a quoted or an escaped literal; a placeholder; a plain literal.
# A format with anything else (a point, %, E, letters) does not pad, so the stored value is used.
_FORMAT_TOKEN = re.compile(
    r'(?P<invisible>\[(?:\$-[^\]]*|[A-Za-z]+\d*|[<>=][^\]]*)\]|_.|\*.)|"(?P<quoted>[^"]*)"|\\(?P<escaped>.)'
    r"|(?P<placeholder>[0#?])|(?P<literal>[-+() $:])"
)


@dataclass(frozen=True, kw_only=True)
class ZeroPadding:
    """A number format such as ``000-00-0000``, as (is a placeholder, text) from the left."""

    pieces: tuple[tuple[bool, str], ...]

    @classmethod
    def parse(cls, format_code: str) -> ZeroPadding | None:
        """Parse a number format; None if it does not pad whole numbers with zeros."""
        pieces: list[tuple[bool, str]] = []
        position = 0
        # The format after a semicolon is for negative numbers; they get this one and a sign.
        while position < len(format_code) and format_code[position] != ";":
            match = _FORMAT_TOKEN.match(format_code, position)
            if match is None:
                return None
            if match.lastgroup is not None and match.lastgroup != "invisible":
                pieces.append((match.lastgroup == "placeholder", match.group(match.lastgroup)))
            position = match.end()
        return cls(pieces=tuple(pieces)) if pieces.count((True, "0")) >= _LEAST_ZEROS else None

    def apply(self, number: float) -> str:
        """Write a whole number as its cell shows it, and any other number without padding."""
        text = number_text(number)
        sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
        if not digits.isdecimal():
            return text
        if self._is_zeros_only:
            return sign + digits.zfill(len(self.pieces))
        rest = list(digits)
        open_placeholders = sum(is_placeholder for is_placeholder, _ in self.pieces)
        shown: list[str] = []
        for is_placeholder, piece in reversed(self.pieces):
            if not is_placeholder:
                shown.append(piece)
                continue
            open_placeholders -= 1
            # The leftmost placeholder takes all remaining digits.
            taken = "".join(rest) if not open_placeholders else "".join(rest[-1:])
            del rest[-1:]
            shown.append(taken or ("0" if piece == "0" else ""))
        return sign + "".join(reversed(shown))

    @functools.cached_property
    def _is_zeros_only(self) -> bool:
        """Whether the format is like ``00000``, as most are: a shortcut."""
        return set(self.pieces) == {(True, "0")}


class DateFormat(enum.Enum):
    """The kinds of number formats that show a number of days."""

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


@dataclass(frozen=True, kw_only=True)
class CellStyles:
    """Cell styles with zero padding, and those of dates and durations, by their numbers."""

    padding: dict[int, ZeroPadding] = field(default_factory=dict)
    dates: dict[int, DateFormat] = field(default_factory=dict)

    def add(self, style: int, format_number: int, format_code: str | None) -> None:
        """Add a style by the number of its format, and the code of the format if it has one."""
        padding, date = ZeroPadding.parse(format_code or ""), date_format(format_number, format_code)
        if padding is not None:
            self.padding[style] = padding
        if date is not None:
            self.dates[style] = date

    def is_date(self, style: int) -> bool:
        """Whether the style shows a number as a date or a time of day."""
        return self.dates.get(style) is DateFormat.DATE
