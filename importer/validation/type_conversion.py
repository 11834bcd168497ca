"""Converts a column of cells to values of one type, with a mask of the invalid cells.

Values are texts, as on the API page: integers are plain digits, booleans ``true`` or ``false``, dates ``2024-08-29``,
dates and times ``2024-08-29T10:36:23``.
"""

from __future__ import annotations

import re

import pandas as pd
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from importer.leadsquared.documented_fields import without_extension
from importer.mapping import FALSE_WORDS, TRUE_WORDS, FieldType, Rule
from importer.validation.conversion_result import Cells, ConversionResult
from importer.validation.dates import convert_times
from importer.validation.numbers import convert_integers, convert_numbers

_BARE_GUID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_GUID = rf"{_BARE_GUID}|\{{{_BARE_GUID}\}}"
_PHONE_BLANKS = r"[ ()./]"
_PHONE = r"\+?[0-9](?:-?[0-9]){5,14}"
# Addresses that the library certainly accepts, at a fiftieth of its time; `byte_checks` has the same rule for bytes.
_LABEL = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
_NO_MAIL = "|".join(sorted({name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES}))
_PLAIN_EMAIL = re.compile(
    rf"(?=.{{1,64}}\Z)[A-Za-z0-9_+'-]+(?:\.[A-Za-z0-9_+'-]+)*@(?:{_LABEL}\.)+(?!(?i:{_NO_MAIL})\Z)[A-Za-z]{{2,}}"
)
_OTHER_DOTS = re.compile(r"[。．｡]")  # a DNS resolver reads them as dots, mail programs don't


def convert(cells: Cells, rule: Rule) -> ConversionResult:  # noqa: PLR0911 - one return for each type
    """Convert non-empty cells to the rule's type."""
    match rule.type:
        case FieldType.TEXT:
            return ConversionResult(cells, pd.Series(data=False, index=cells.index))
        case FieldType.INTEGER:
            return convert_integers(cells.str.strip(), rule)
        case FieldType.NUMBER:
            return convert_numbers(cells.str.strip(), rule)
        case FieldType.BOOLEAN:
            return _booleans(cells.str.strip(), rule)
        case FieldType.DATE:
            return convert_times(cells.str.strip(), rule, "not-a-date")
        case FieldType.DATETIME:
            return convert_times(cells.str.strip(), rule, "not-a-datetime")
        case FieldType.EMAIL:
            stripped = cells.str.strip()
            wrong = {address for address in stripped.unique() if not _is_email(address)}
            return ConversionResult(stripped, stripped.isin(wrong), "not-an-email", "an e-mail address")
        case FieldType.PHONE:
            stripped = cells.str.strip().map(without_extension)
            return _phones(stripped) if rule.region is None else _phones_of(rule.region, stripped)
        case FieldType.GUID:
            stripped = cells.str.strip()
            values = stripped.str.strip("{}").str.lower()
            return ConversionResult(values, ~stripped.str.fullmatch(_GUID), "not-a-guid", "a GUID")


def _booleans(cells: Cells, rule: Rule) -> ConversionResult:
    words = cells.str.casefold()
    true, false = frozenset(rule.true_words) or TRUE_WORDS, frozenset(rule.false_words) or FALSE_WORDS
    is_true = words.isin(true)
    values = is_true.map({True: "true", False: "false"}).astype(object)
    expected = "true or false, yes or no, 1 or 0"
    if rule.true_words or rule.false_words:
        expected = f"a word for true ({_listed(true)}) or false ({_listed(false)})"
    return ConversionResult(values, ~(is_true | words.isin(false)), "not-a-boolean", expected)


def _listed(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))


def _phones(cells: Cells) -> ConversionResult:
    """Remove blanks, brackets, dots and slashes from phone numbers; single hyphens stay."""
    values = cells.str.replace(_PHONE_BLANKS, "", regex=True)
    return ConversionResult(values, ~values.str.fullmatch(_PHONE), "not-a-phone", "a phone number of 6 to 15 digits")


def _phones_of(region: str, cells: Cells) -> ConversionResult:
    from importer.validation.phones import e164  # noqa: PLC0415 - 50 MB of tables, loaded only where a rule has a region

    numbers = {cell: e164(cell, region) for cell in cells.unique()}
    values = cells.map(numbers)
    expected = f"a phone number of {region}, or a number that starts with + and a country code"
    return ConversionResult(values, values.isna(), "not-a-phone", expected)


def _is_email(address: str) -> bool:
    if _PLAIN_EMAIL.fullmatch(address):
        return True
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return False
    return not _OTHER_DOTS.search(address)
