"""Converts numbers to plain digits, for any decimal and thousands separators. Never uses floats."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from importer.mapping import Rule
from importer.validation.conversion_result import ConversionResult

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
# As stored numbers are read, without zeros at the end. Three digits behind the point may be thousands of a text.
_STORED_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*(?!\.[0-9]{3}\Z))\.[0-9]*[1-9]")
_ONE_GROUP = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
_BLANKS = "[ \u00a0\u2009\u202f]"  # also non-breaking and thin ones


def convert_integers(cells: Sequence[str], rule: Rule) -> ConversionResult:
    """Convert whole numbers; drop a plus sign and leading zeros."""
    ungrouped = _without_thousands(rule, fraction="")
    return _converted(cells, rule, lambda cell: _integer(ungrouped(cell)), "not-an-integer", "a whole number")


def convert_numbers(cells: Sequence[str], rule: Rule) -> ConversionResult:
    """Convert numbers to a decimal point and all their digits, without an exponent."""
    ungrouped = _without_thousands(rule, fraction=f"(?:{re.escape(rule.decimal)}[0-9]+)?")

    def value(cell: str) -> str | None:
        cell = ungrouped(cell)
        if rule.decimal != "." and not ("number" in rule.stored_types and _STORED_NUMBER.fullmatch(cell)):
            # A point that is left in a text is invalid: read as a decimal point, it would make another number.
            cell = "" if "." in cell else cell.replace(rule.decimal, ".")
        return _number(cell)

    return _converted(cells, rule, value, "not-a-number", f"a number such as 12{rule.decimal}5")


def _converted(
    cells: Sequence[str], rule: Rule, value: Callable[[str], str | None], code: str, expected: str
) -> ConversionResult:
    if rule.thousands is not None:
        expected += f", or grouped such as 1{rule.thousands}234{rule.thousands}567"
    ambiguous: frozenset[int] = frozenset()
    # 1.234 is 1234 as a text, and 1.234 as a stored number.
    if "number" in rule.stored_types and (rule.thousands == "." or rule.decimal != "."):
        ambiguous = frozenset(position for position, cell in enumerate(cells) if _ONE_GROUP.fullmatch(cell))
    values = [None if position in ambiguous else value(cell) for position, cell in enumerate(cells)]
    return ConversionResult(values, code, expected, ambiguous)


def _integer(cell: str) -> str | None:
    if not _INTEGER.fullmatch(cell):
        return None
    digits = cell.lstrip("+-").lstrip("0")
    return f"-{digits}" if digits and cell.startswith("-") else digits or "0"


def _number(cell: str) -> str | None:
    if _PLAIN_NUMBER.fullmatch(cell):
        return cell
    return format(Decimal(cell), "f") if _NUMBER.fullmatch(cell) else None  # 1e5, +5 and .5 as 100000, 5 and 0.5


def _without_thousands(rule: Rule, *, fraction: str) -> Callable[[str], str]:
    """Return a function that removes the thousands separators of a correctly grouped cell.

    Groups are threes, or lakhs and crores. A grouped number never starts with 0: 0.125 is an eighth, not 125.
    """
    if rule.thousands is None:
        return str
    sign = _BLANKS if rule.thousands == " " else re.escape(rule.thousands)
    threes = rf"[1-9][0-9]{{0,2}}(?:{sign}[0-9]{{3}})+"
    lakhs = rf"[1-9][0-9]?(?:{sign}[0-9]{{2}})+{sign}[0-9]{{3}}"
    grouped, separator = re.compile(rf"[+-]?(?:{threes}|{lakhs}){fraction}"), re.compile(sign)
    return lambda cell: separator.sub("", cell) if grouped.fullmatch(cell) else cell
