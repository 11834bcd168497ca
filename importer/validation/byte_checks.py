"""Finds the cells of a column that are certainly valid for a type, by their bytes, for all cells at once.

`type_conversion.convert` accepts every cell that these functions accept. A cell that they don't accept may be valid or
not. So they know only the most common forms of each type.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from email_validator import SPECIAL_USE_DOMAIN_NAMES

from importer.manifest import Column
from importer.mapping import FieldType, Rule

Mask = npt.NDArray[np.bool_]
_Matrix = npt.NDArray[np.uint8]
_Numbers = npt.NDArray[np.int64]

_LONGEST_EMAIL = 64  # then no part of the address can be too long
_LONGEST_PHONE = 32
_LONGEST_NUMBER = 18
_PHONE_DIGITS = (6, 15)
_GUID = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"
_ISO_DATE = "%Y-%m-%d"
_ISO_DATETIMES = (_ISO_DATE, *(f"{_ISO_DATE}{t}%H:%M{s}" for t in "T " for s in ("", ":%S", ":%SZ")))
_DIGITS_OF = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_YEARS = (1700, 2200)
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int16)
# Top-level domains that receive no mail, as their length, first and last letter.
_NO_MAIL = {(len(top), ord(top[0]), ord(top[-1])) for top in (n.rpartition(".")[2] for n in SPECIAL_USE_DOMAIN_NAMES)}


def certainly_valid(column: Column, rule: Rule, field_type: FieldType) -> Mask:  # noqa: PLR0911 - one return for each type
    """Return which cells are not empty and certainly valid for this type."""
    match field_type:
        case FieldType.TEXT:
            return column.lengths > 0
        case FieldType.EMAIL:
            return _matches_up_to(column, _LONGEST_EMAIL, _are_emails)
        case FieldType.PHONE:
            return _matches_up_to(column, _LONGEST_PHONE, _are_phones)
        case FieldType.INTEGER | FieldType.NUMBER:
            return _matches_up_to(column, _LONGEST_NUMBER, _are_digits)
        case FieldType.GUID:
            return _matches_of_length(column, len(_GUID), _are_guids)
        case FieldType.DATE | FieldType.DATETIME:
            return _are_times(column, rule, field_type)
        case FieldType.BOOLEAN:
            return np.zeros(len(column), dtype=bool)  # few different cells: the quick check's cache is faster


def _matches_up_to(column: Column, longest: int, matches: Callable[[_Matrix, _Numbers], Mask]) -> Mask:
    """Apply ``matches`` to the non-empty cells of at most ``longest`` bytes; the others are false."""
    found = np.zeros(len(column), dtype=bool)
    selected = np.flatnonzero((column.lengths > 0) & (column.lengths <= longest))
    if selected.size:
        some = column.take(selected)
        # One byte more than the longest cell, so that a NUL follows every cell.
        found[selected] = matches(some.matrix(int(some.lengths.max()) + 1), some.lengths)
    return found


def _matches_of_length(column: Column, length: int, matches: Callable[[_Matrix], Mask]) -> Mask:
    """Apply ``matches`` to the cells of this length; the others are false."""
    found = np.zeros(len(column), dtype=bool)
    selected = np.flatnonzero(column.lengths == length)
    if selected.size:
        found[selected] = matches(column.take(selected).matrix(length))
    return found


def _is_digit(matrix: _Matrix) -> npt.NDArray[np.bool_]:
    return matrix - np.uint8(ord("0")) < 10  # noqa: PLR2004 - smaller bytes wrap around to large numbers


def _is_letter(matrix: _Matrix) -> npt.NDArray[np.bool_]:
    return (matrix | np.uint8(0x20)) - np.uint8(ord("a")) < 26  # noqa: PLR2004 - the same


def _are_emails(matrix: _Matrix, lengths: _Numbers) -> Mask:
    """Return which cells are a name, an @ and a host of letters, digits, hyphens and dots; ``_+'`` in the name."""
    letter, digit, at, dot = _is_letter(matrix), _is_digit(matrix), matrix == ord("@"), matrix == ord(".")
    hyphen, inside = matrix == ord("-"), matrix != 0
    host = np.logical_or.accumulate(at, axis=0)  # from the @ on
    named = ((matrix == ord("_")) | (matrix == ord("+")) | (matrix == ord("'"))) & ~host
    joint = at | dot
    wrong = (inside & ~(letter | digit | joint | hyphen | named)).any(axis=0) | joint[0]
    wrong |= np.add.reduce(at, axis=0, dtype=np.uint8) != 1
    wrong |= (joint[:-1] & (joint | ~inside)[1:]).any(axis=0)
    host_hyphen = hyphen & host
    wrong |= (host_hyphen[:-1] & (joint | ~inside | hyphen)[1:]).any(axis=0)
    wrong |= (joint[:-1] & host_hyphen[1:]).any(axis=0)
    places = np.arange(matrix.shape[0], dtype=np.uint8)[:, None]
    last_dot = np.where(dot & host, places, np.uint8(0)).max(axis=0)
    wrong |= (last_dot == 0) | (inside & ~letter & (places > last_dot)).any(axis=0)
    rows = np.arange(lengths.size)
    first = matrix[last_dot.astype(np.int64) + 1 - (last_dot == lengths - 1), rows] | np.uint8(0x20)
    last = matrix[lengths - 1, rows] | np.uint8(0x20)
    size = lengths - last_dot - 1
    for length, begins, ends in _NO_MAIL:
        wrong |= (size == length) & (first == begins) & (last == ends)
    return np.asarray(~wrong)


def _are_phones(matrix: _Matrix, _: _Numbers) -> Mask:
    """Return which cells are digits with blanks, brackets, dots, slashes, single hyphens and a leading plus."""
    digit, hyphen, plus = _is_digit(matrix), matrix == ord("-"), matrix == ord("+")
    known = digit | hyphen | plus | (matrix == 0) | (matrix == ord(" ")) | (matrix == ord("(")) | (matrix == ord(")"))
    known |= (matrix == ord(".")) | (matrix == ord("/"))
    wrong = ~known.all(axis=0) | plus[1:].any(axis=0) | hyphen[0]
    wrong |= (hyphen[1:-1] & ~(digit[:-2] & digit[2:])).any(axis=0)
    digits = np.add.reduce(digit, axis=0, dtype=np.uint8)
    least, most = _PHONE_DIGITS
    return np.asarray(~wrong & (digits >= least) & (digits <= most))


def _are_digits(matrix: _Matrix, _: _Numbers) -> Mask:
    return np.asarray((_is_digit(matrix) | (matrix == 0)).all(axis=0))


def _are_guids(matrix: _Matrix) -> Mask:
    found = np.ones(matrix.shape[1], dtype=bool)
    for place, sign in zip(matrix, _GUID, strict=True):
        if sign == "-":
            found &= place == ord("-")
        else:
            found &= _is_digit(place) | ((place | np.uint8(0x20)) - np.uint8(ord("a")) < 6)  # noqa: PLR2004 - a to f
    return found


def _are_times(column: Column, rule: Rule, field_type: FieldType) -> Mask:
    forms: Sequence[str] = (_ISO_DATE,) if field_type is FieldType.DATE else _ISO_DATETIMES
    if rule.formats:
        forms = rule.formats
    found = np.zeros(len(column), dtype=bool)
    for form in forms:
        template = _Template.parse(form)
        if template is not None:
            found |= _matches_of_length(
                column, template.length, functools.partial(template.matches, timezone=rule.timezone)
            )
    return found


@dataclass(frozen=True, kw_only=True)
class _Template:
    """A strptime format whose numbers all have a fixed width, so that each has a fixed position."""

    length: int
    literals: tuple[tuple[int, int], ...]  # position and byte
    numbers: dict[str, tuple[int, int]]  # directive -> position and number of digits

    @classmethod
    @functools.cache
    def parse(cls, form: str) -> _Template | None:
        """Read a format; return ``None`` if it has other directives than ``_DIGITS_OF``, or no whole date."""
        literals: list[tuple[int, int]] = []
        numbers: dict[str, tuple[int, int]] = {}
        length = 0
        for directive, literal in re.findall(r"%(.?)|(.)", form, re.DOTALL):
            if literal:
                if not literal.isascii() or (literal.isspace() and literal != " "):
                    return None
                literals.append((length, ord(literal)))
                length += 1
            elif directive not in _DIGITS_OF or directive in numbers:
                return None
            else:
                numbers[directive] = (length, _DIGITS_OF[directive])
                length += _DIGITS_OF[directive]
        return cls(length=length, literals=tuple(literals), numbers=numbers) if numbers.keys() >= {*"Ymd"} else None

    def matches(self, matrix: _Matrix, timezone: str | None) -> Mask:
        """Return which cells have this form and are times that exist, in ``timezone`` exactly once."""
        found = np.ones(matrix.shape[1], dtype=bool)
        for place, literal in self.literals:
            found &= matrix[place] == literal
        parts = dict.fromkeys(_DIGITS_OF, np.zeros(matrix.shape[1], dtype=np.int16))
        for directive, (place, digits) in self.numbers.items():
            value = np.zeros(matrix.shape[1], dtype=np.int16)
            for digit in matrix[place : place + digits]:
                found &= _is_digit(digit)
                value = value * np.int16(10) + (digit - np.uint8(ord("0")))
            parts[directive] = value
        year, month, day = parts["Y"], parts["m"], parts["d"]
        first, last = _YEARS  # which every library and time zone supports
        found &= (year >= first) & (year <= last) & (month >= 1) & (month <= 12) & (day >= 1)  # noqa: PLR2004 - months
        found &= (parts["H"] < 24) & (parts["M"] < 60) & (parts["S"] < 60)  # noqa: PLR2004 - the clock
        leap = (month == 2) & (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))  # noqa: PLR2004 - the calendar
        found &= day <= _DAYS[month.clip(0, 12)] + leap
        if timezone is not None:
            found[found] = _are_moments({name: part[found].astype(np.int64) for name, part in parts.items()}, timezone)
        return found


def _are_moments(parts: dict[str, _Numbers], timezone: str) -> Mask:
    """Return which times the clocks of a zone show exactly once."""
    months = (parts["Y"] - 1970) * 12 + parts["m"] - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]") + (parts["d"] - 1).astype("timedelta64[D]")
    seconds = (parts["H"] * 3600 + parts["M"] * 60 + parts["S"]).astype("timedelta64[s]")
    times = pd.DatetimeIndex(days.astype("datetime64[s]") + seconds)
    return np.asarray(times.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT").notna())
