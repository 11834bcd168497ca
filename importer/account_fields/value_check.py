"""Checks a value against a field of the account. Pure.

Reports only values that the account surely refuses. The accepted forms of dates, booleans and phone numbers are not
documented, so these values pass.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from importer.account_fields.patterns import compiled_pattern
from importer.account_fields.ticket_fields import AccountField

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_SHOWN_CHARS = 80
_SHOWN_VALUES = 12


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """Reason why the account would refuse a value. ``code`` is one of ``error_codes``."""

    code: str
    text: str


def find_violation(field: AccountField, value: str) -> FieldViolation | None:
    """Return why the account would refuse a value, or ``None``. A blank value is refused by required fields."""
    if not value.strip() and field.is_required:
        return FieldViolation("missing-value", f"{field.schema_name} is mandatory in the account")
    if field.is_select and field.values is not None:
        return _of_choice(field, field.values, value) if value else None
    if not value.strip():
        return None
    return _of_length(field, value) or _of_number(field, value) or _of_form(field, value)


def nearest(value: str, values: Sequence[str]) -> str:
    """Return the configured value that was probably meant, or an empty text."""
    folded = value.strip().casefold()
    for each in values:
        if each.strip().casefold() == folded:
            return each
    by_folded = {each.casefold(): each for each in values}
    found = difflib.get_close_matches(folded, list(by_folded), n=1, cutoff=0.6)
    return by_folded[found[0]] if found else ""


def shortened(value: str) -> str:
    """Return a value for a message, cut to one line."""
    return value if len(value) <= _SHOWN_CHARS else f"{value[: _SHOWN_CHARS - 1]}…"


def quoted(value: str) -> str:
    """Return a value in quotes, cut to one line."""
    return repr(shortened(value))


def listed(values: Sequence[str]) -> str:
    """Return the first of several values, in quotes."""
    return f"{', '.join(map(repr, values[:_SHOWN_VALUES]))}{', …' if len(values) > _SHOWN_VALUES else ''}"


def _of_choice(field: AccountField, values: Sequence[str], value: str) -> FieldViolation | None:
    if value in values:
        return None
    name = field.schema_name
    if value in field.retired:
        return FieldViolation("not-configured", f"{quoted(value)} is a value of {name} that the account has retired")
    guess = nearest(value, values)
    if guess:
        there = f"did you mean {guess!r}?"
    elif values:
        there = f"its values are {listed(values)}"
    else:
        there = "it has no values"
    return FieldViolation("not-configured", f"{quoted(value)} is not a value of {name} in the account; {there}")


def _of_length(field: AccountField, value: str) -> FieldViolation | None:
    name, least, most = field.schema_name, field.min_length, field.max_length
    if most is not None and len(value) > most:
        return FieldViolation(
            "too-long-for-field", f"{len(value):,} characters; the account's {name} takes at most {most:,}"
        )
    if least is not None and len(value) < least:
        text = f"{quoted(value)} is shorter than the {least:,} characters that the account's {name} needs"
        return FieldViolation("too-short-for-field", text)
    return None


def _of_form(field: AccountField, value: str) -> FieldViolation | None:
    form = compiled_pattern(field.regex)
    if form is None or form.allows(value):
        return None
    text = f"{quoted(value)} does not match the pattern of the account's {field.schema_name}: {field.regex}"
    return FieldViolation("wrong-form-for-field", text)


def _of_number(field: AccountField, value: str) -> FieldViolation | None:
    if not field.is_number:
        return None
    number = _decimal(value)
    if number is None:
        return FieldViolation(
            "not-a-number", f"{quoted(value)} is not a number, but the account's {field.schema_name} takes only numbers"
        )
    low, high = field.min_value, field.max_value
    if (low is not None and number < low) or (high is not None and number > high):
        bounds = " ".join(
            f"{word} {bound:f}" for word, bound in (("at least", low), ("at most", high)) if bound is not None
        )
        return FieldViolation("out-of-range", f"{quoted(value)}: the account's {field.schema_name} must be {bounds}")
    return None


def _decimal(value: str) -> Decimal | None:
    if not _NUMBER.fullmatch(value.strip()):
        return None
    try:
        return Decimal(value.strip())
    except InvalidOperation:
        return None
