"""Converts columns of numbers to plain digits, for any decimal and thousands separators. Never uses floats."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pandas as pd

from importer.mapping import Mapping, Rule
from importer.validation.conversion_result import BoolSeries, Cells, ConversionResult

_INTEGER = r"[+-]?[0-9]+"
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_PLAIN_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
_ONE_GROUP = r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}"
_BLANKS = "[ \u00a0\u2009\u202f]"  # also non-breaking and thin ones


def with_stored_numbers(mapping: Mapping) -> Mapping:
    """Return the mapping for a workbook, where a cell 1.234 may be a stored number as well as a text."""
    return replace(mapping, rules=tuple(replace(rule, stored_numbers=True) for rule in mapping.rules))


def convert_integers(cells: Cells, rule: Rule) -> ConversionResult:
    """Convert whole numbers; drop a plus sign and leading zeros."""
    ambiguous = _ambiguous(cells, rule)
    if rule.thousands is not None:
        cells = _without_thousands(cells, rule.thousands, fraction="")
    bad = ~cells.str.fullmatch(_INTEGER) | ambiguous
    sign = cells.str.startswith("-").map({True: "-", False: ""})
    digits = cells.str.lstrip("+-").str.lstrip("0")
    values = (sign + digits).where(digits != "", "0")
    return ConversionResult(values, bad, "not-an-integer", _expected("a whole number", rule), _if_any(ambiguous))


def convert_numbers(cells: Cells, rule: Rule) -> ConversionResult:
    """Convert numbers to a decimal point and all their digits, without an exponent."""
    ambiguous = _ambiguous(cells, rule)
    if rule.thousands is not None:
        cells = _without_thousands(cells, rule.thousands, fraction=f"(?:{re.escape(rule.decimal)}[0-9]+)?")
    if rule.decimal != ".":
        # A point that is left is invalid: read as a decimal point, it would make another number.
        plain = cells.where(~cells.str.contains(".", regex=False), "")
        cells = plain.str.replace(rule.decimal, ".", regex=False)
    bad = ~cells.str.fullmatch(_NUMBER) | ambiguous
    not_plain = ~bad & ~cells.str.fullmatch(_PLAIN_NUMBER)
    values = cells.copy()
    values[not_plain] = [format(Decimal(cell), "f") for cell in cells[not_plain]]  # 1e5, +5 and .5 as 100000, 5 and 0.5
    example = f"12{rule.decimal}5"
    return ConversionResult(
        values, bad, "not-a-number", _expected(f"a number such as {example}", rule), _if_any(ambiguous)
    )


def _ambiguous(cells: Cells, rule: Rule) -> BoolSeries:
    """Return which cells are 1234 if they are text and 1.234 if they are stored numbers."""
    if rule.stored_numbers and rule.thousands == ".":
        return cells.str.fullmatch(_ONE_GROUP)
    return pd.Series(data=False, index=cells.index)


def _if_any(mask: BoolSeries) -> BoolSeries | None:
    return mask if mask.any() else None


def _without_thousands(cells: Cells, thousands: str, *, fraction: str) -> Cells:
    """Remove the thousands separators of correctly grouped cells (threes, or lakhs and crores).

    A grouped number never starts with 0: 0.125 is an eighth, not 125.
    """
    sign = _BLANKS if thousands == " " else re.escape(thousands)
    grouped = rf"[1-9][0-9]{{0,2}}(?:{sign}[0-9]{{3}})+|[1-9][0-9]?(?:{sign}[0-9]{{2}})+{sign}[0-9]{{3}}"
    is_grouped = cells.str.fullmatch(rf"[+-]?(?:{grouped}){fraction}")
    return cells.where(~is_grouped, cells.str.replace(sign, "", regex=True))


def _expected(what: str, rule: Rule) -> str:
    return what if rule.thousands is None else f"{what}, or grouped such as 1{rule.thousands}234{rule.thousands}567"
