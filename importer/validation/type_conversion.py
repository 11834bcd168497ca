"""Converts cells to values of one type; `_CONVERTERS` has a function for each type.

Values are texts, as on the API page: integers are plain digits, booleans ``true`` or ``false``, dates ``2024-08-29``,
dates and times ``2024-08-29T10:36:23``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from importer.leadsquared.documented_fields import without_extension
from importer.mapping import FALSE_WORDS, TRUE_WORDS, FieldType, Rule
from importer.validation.conversion_result import ConversionResult
from importer.validation.dates import convert_times
from importer.validation.numbers import convert_integers, convert_numbers

_BARE_GUID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_GUID = re.compile(rf"{_BARE_GUID}|\{{{_BARE_GUID}\}}")
_PHONE = re.compile(r"\+?[0-9](?:-?[0-9]){5,14}")
# Addresses that the library certainly accepts, at a fiftieth of its time.
_LABEL = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
_NO_MAIL = "|".join(sorted({name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES}))
_PLAIN_EMAIL = re.compile(
    rf"(?=.{{1,64}}\Z)[A-Za-z0-9_+'-]+(?:\.[A-Za-z0-9_+'-]+)*@(?:{_LABEL}\.)+(?!(?i:{_NO_MAIL})\Z)[A-Za-z]{{2,}}"
)
_OTHER_DOTS = re.compile(r"[。．｡]")  # a DNS resolver reads them as dots, mail programs don't


def convert(cells: Sequence[str], rule: Rule) -> ConversionResult:
    """Convert cells to the rule's type; an empty cell is not valid for another type than text."""
    return _CONVERTERS[rule.type]([cell.strip() for cell in cells] if rule.type is not FieldType.TEXT else cells, rule)


def _booleans(cells: Sequence[str], rule: Rule) -> ConversionResult:
    true, false = frozenset(rule.true_words) or TRUE_WORDS, frozenset(rule.false_words) or FALSE_WORDS
    value_of = dict.fromkeys(false, "false") | dict.fromkeys(true, "true")
    expected = "true or false, yes or no, 1 or 0"
    if rule.true_words or rule.false_words:
        expected = f"a word for true ({_listed(true)}) or false ({_listed(false)})"
    return ConversionResult([value_of.get(cell.casefold()) for cell in cells], "not-a-boolean", expected)


def _listed(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))


def _phones(cells: Sequence[str], rule: Rule) -> ConversionResult:
    if (region := rule.region) is None:
        values = _plain_phones(cells)
        if None in values:  # most columns have no extensions
            shorter = _plain_phones([without_extension(cell) for cell in cells])
            values = [value or other for value, other in zip(values, shorter, strict=True)]
        return ConversionResult(values, "not-a-phone", "a phone number of 6 to 15 digits")
    from importer.validation.phones import e164  # noqa: PLC0415 - 50 MB of tables, loaded only where a rule has a region

    expected = f"a phone number of {region}, or a number that starts with + and a country code"
    return ConversionResult([e164(without_extension(cell), region) for cell in cells], "not-a-phone", expected)


def _plain_phones(cells: Iterable[str]) -> list[str | None]:
    """Remove blanks, brackets, dots and slashes; single hyphens stay. `str.translate` takes five times as long."""
    for character in " ()./":
        cells = [cell.replace(character, "") for cell in cells]
    return [cell if _PHONE.fullmatch(cell) else None for cell in cells]


def _guid(cell: str) -> str | None:
    return cell.strip("{}").lower() if _GUID.fullmatch(cell) else None


def _email(address: str) -> str | None:
    if _PLAIN_EMAIL.fullmatch(address):
        return address
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return None
    return None if _OTHER_DOTS.search(address) else address


# Each function gets cells without blanks at their ends.
_CONVERTERS: dict[FieldType, Callable[[Sequence[str], Rule], ConversionResult]] = {
    FieldType.TEXT: lambda cells, _: ConversionResult(cells),
    FieldType.INTEGER: convert_integers,
    FieldType.NUMBER: convert_numbers,
    FieldType.BOOLEAN: _booleans,
    FieldType.DATE: lambda cells, rule: convert_times(cells, rule, "not-a-date"),
    FieldType.DATETIME: lambda cells, rule: convert_times(cells, rule, "not-a-datetime"),
    FieldType.EMAIL: lambda cells, _: ConversionResult([*map(_email, cells)], "not-an-email", "an e-mail address"),
    FieldType.PHONE: _phones,
    FieldType.GUID: lambda cells, _: ConversionResult([*map(_guid, cells)], "not-a-guid", "a GUID"),
}
if missing := set(FieldType) - _CONVERTERS.keys():
    raise NotImplementedError(f"no function converts cells of type {', '.join(sorted(missing))}")
