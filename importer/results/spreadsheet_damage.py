"""Tells cells that a spreadsheet changed by itself from those that a user edited."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

_CELL_LIMIT = 32_000  # cells are cut at 32,767 UTF-16 units
_TRUTHS = ("TRUE", "FALSE")
_ERRORS = re.compile(r"#(?:N/A|NAME\?|REF!|VALUE!|DIV/0!|NUM!|NULL!)|Err:\d+")
_STARTS_A_FORMULA = ("=", "+", "-", "@")

# -- numbers
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_AROUND_NUMBERS = " \u00a0\u202f$€£₹¥"
_TYPED_BY_USER = re.compile(r"\+|[+-]?0\d")  # the start of a number that no spreadsheet writes
_KEPT_DIGITS = 15
_TRUE_DIGITS = 16
_SHOWN_DIGITS = 9  # the fewest that a spreadsheet shows of a number too long for its column
_LEAST_SCIENTIFIC_DIGITS = 3
_MAX_EXPONENT = 400

# -- dates
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE_AND_TIME = re.compile(
    r"(?P<date>[\w./ -]*?\w)??(?:[T ,]*(?P<hour>\d{1,2}):(?P<minute>\d{1,2})"
    r"(?::(?P<second>\d{1,2})(?:[.,]\d+)?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?\s*Z?"
)
_DATE_PARTS = re.compile(r"\d+|[A-Za-z]+")
_SERIAL_ZERO = date(1899, 12, 30)
_SERIAL = re.compile(r"[1-9][0-9]{0,5}")
_SERIALS = range(1, 200_000)
_A_CENTURY = 100
_NOON = 12
_MAX_DATE_CHARS = 40


def changed_by_spreadsheet(original: str, found: str, *, guessed: bool = False) -> str:
    """Say how a spreadsheet changed a cell; empty if a user may have edited it.

    ``guessed``: the encoding of the results file is a guess. Differences of line ends do not count.
    """
    original, found = normalize_line_ends(original), normalize_line_ends(found)
    if original == found:
        return ""
    if _lost_characters(original, found, guessed=guessed):
        return "it lost characters that the file's encoding lacks"
    return next((reason for is_change, reason in _CHANGES if is_change(original, found)), "")


def normalize_line_ends(text: str) -> str:
    """Replace all line ends by LF, because spreadsheets change them."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _is_cut(original: str, found: str) -> bool:
    return len(found) >= _CELL_LIMIT and original.startswith(found)


def _is_same_truth(original: str, found: str) -> bool:
    return original.strip().upper() in _TRUTHS and original.strip().upper() == found.strip().upper()


def _is_result(formula: str, found: str) -> bool:
    if not formula.startswith(_STARTS_A_FORMULA):
        return False
    if _ERRORS.fullmatch(found):
        return True
    return formula.startswith("=") and (not found or _number(found) is not None)


def _lost_characters(original: str, found: str, *, guessed: bool) -> bool:
    if len(original) != len(found):
        return False
    differing = [(was, now) for was, now in zip(original, found, strict=True) if was != now]
    return all(not was.isascii() and (now in "?\ufffd" or (guessed and not now.isascii())) for was, now in differing)


# -- numbers --------------------------------------------------------------------------------------------------------


def _is_same_number(original: str, found: str) -> bool:
    """Whether both are the same number, apart from digits that a spreadsheet does not keep or show."""
    before, after = _number(original), _number(found)
    if before is None or after is None or _TYPED_BY_USER.match(found.strip()):
        return False
    if before == after:
        return True
    if before.is_signed() != after.is_signed():
        return False
    scientific = re.search(r"[eE]", found) is not None
    digits = len(after.as_tuple().digits) if scientific else len(_significant(after))
    given = len(_significant(before))
    # A float of 17 digits may have as many digits as the number that it replaces.
    lost = given > len(_significant(after)) or (scientific and given > _KEPT_DIGITS)
    if not lost or not (scientific or digits >= _SHOWN_DIGITS):
        return False
    if not scientific and before == before.to_integral_value() and len(_significant(before)) <= _KEPT_DIGITS:
        return False  # an integer of so few digits is shown in full
    # The seventeenth digit of a float may be off.
    digits = max(min(digits, _TRUE_DIGITS), _LEAST_SCIENTIFIC_DIGITS)
    step = Decimal(10) ** (after.adjusted() - digits + 1)
    return abs(before - after) <= step


def _number(text: str) -> Decimal | None:
    text = text.strip().strip(_AROUND_NUMBERS).removeprefix("'")
    negative = text.startswith("(") and text.endswith(")")
    text = text[1:-1] if negative else text
    percent = text.endswith("%")
    text = text.removesuffix("%").strip(_AROUND_NUMBERS)
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if len(text) > _CELL_LIMIT or not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None
    if abs(number.adjusted()) > _MAX_EXPONENT:
        return None
    number = number.copy_negate() if negative else number
    return number.scaleb(-2) if percent else number


def _significant(number: Decimal) -> str:
    return "".join(map(str, number.as_tuple().digits)).strip("0")


# -- dates ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Day:
    """A day; ``year`` is None if it is missing, and below 100 if the century is missing."""

    year: int | None
    month: int
    day: int

    def may_be(self, other: _Day) -> bool:
        if (self.month, self.day) != (other.month, other.day):
            return False
        if self.year is None or other.year is None or self.year == other.year:
            return True
        return min(self.year, other.year) < _A_CENTURY and self.year % _A_CENTURY == other.year % _A_CENTURY


def _is_same_moment(original: str, found: str) -> bool:
    """Whether both can be read as the same date, time, or date and time."""
    before, after = _moment(original), _moment(found)
    if before is None or after is None:
        return False
    (days, time), (other_days, other_time) = before, after
    if bool(days) != bool(other_days):
        return False
    if time != other_time and not _is_midnight(time, other_time) and not _is_without_seconds(time, other_time):
        return False
    return not days or any(day.may_be(other) for day in days for other in other_days)


def _is_midnight(time: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether each of both has no time, or midnight."""
    return not any(time) and not any(other)


def _is_without_seconds(time: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return bool(time) and time[:2] == other[:2] and other[2] == 0


def _moment(text: str) -> tuple[frozenset[_Day], tuple[int, ...]] | None:
    text = text.strip()
    if not text or len(text) > _MAX_DATE_CHARS:
        return None
    if _SERIAL.fullmatch(text) and int(text) in _SERIALS:
        day = _SERIAL_ZERO + timedelta(days=int(text))
        return frozenset([_Day(day.year, day.month, day.day)]), ()
    form = _DATE_AND_TIME.fullmatch(text)
    if form is None:
        return None
    days = frozenset(_days(form["date"])) if form["date"] else frozenset()
    if form["date"] and not days:
        return None
    if form["hour"] is None:
        return (days, ()) if days else None
    hour = int(form["hour"])
    if form["half"]:
        hour = hour % _NOON + (_NOON if form["half"][0] in "pP" else 0)
    return days, (hour, int(form["minute"]), int(form["second"] or 0))


_Order = tuple[int | None, int, int]  # year, month, day


def _days(text: str) -> set[_Day]:
    """Return every day that a text can mean, in any order of its parts."""
    parts = _DATE_PARTS.findall(text)
    names = [part for part in parts if part.isalpha()]
    orders: list[_Order]
    numbers = [int(part) for part in parts if part.isdecimal() and len(part) <= len("2024")]
    if len(numbers) + len(names) != len(parts) or len(parts) not in (2, 3) or len(names) > 1:
        return set()
    if names:
        month = next((at for at, name in enumerate(_MONTHS, 1) if names[0].lower().startswith(name)), 0)
        first, last = numbers[0], numbers[-1]
        with_year: list[_Order] = [(last, month, first), (first, month, last)]
        orders = with_year if len(parts) > len(("day", "month")) else [(None, month, first), (first, month, 1)]
    elif len(numbers) == len(("month", "day")):
        first, second = numbers
        orders = [(None, first, second), (None, second, first), (second, first, 1), (first, second, 1)]
    else:
        first, second, third = numbers
        orders = [(first, second, third), (third, first, second), (third, second, first)]
    return {_Day(year, month, day) for year, month, day in orders if _is_day(year, month, day)}


def _is_day(year: int | None, month: int, day: int) -> bool:
    leap_year = 2000
    try:
        date(year if year and year >= _A_CENTURY else leap_year, month, day)
    except ValueError:
        return False
    return True


_CHANGES = (
    (_is_cut, "it was cut"),
    (_is_same_truth, "it was converted to TRUE or FALSE"),
    (_is_same_number, "it was converted to a number"),
    (_is_same_moment, "it was converted to a date"),
    (_is_result, "it was converted to a formula"),
)
