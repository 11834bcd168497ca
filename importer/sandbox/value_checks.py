"""Checks the form of values by the kind of their field. Pure: no I/O.

Values are JSON strings, as in the documentation, which shows ``DueDate`` as ``2024-08-29T10:36:23``. The other forms
are assumptions, and as narrow as possible. An empty value is valid for text only: the documentation does not say that
it clears other fields.
"""

from __future__ import annotations

import datetime as dt
import enum
import re


class FieldKind(enum.StrEnum):
    """The kind of a field's values."""

    TEXT = "text"
    LONG_TEXT = "long text"
    SELECT = "select"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    EMAIL = "email"
    PHONE = "phone"


_FORMS: dict[FieldKind, tuple[re.Pattern[str], str]] = {
    FieldKind.INTEGER: (re.compile(r"-?(?:0|[1-9][0-9]*)"), "a whole number such as 42"),
    FieldKind.NUMBER: (re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"), "a number such as 12.5"),
    FieldKind.BOOLEAN: (re.compile(r"true|false"), "true or false"),
    FieldKind.DATE: (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "a date such as 2024-08-29"),
    FieldKind.DATETIME: (
        re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"),
        "a date and time such as 2024-08-29T10:36:23",
    ),
    FieldKind.EMAIL: (re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(?:\.[^@\s,;<>.]+)+"), "an e-mail address"),
    FieldKind.PHONE: (re.compile(r"\+?[0-9](?:-?[0-9]){5,14}"), "a phone number of 6 to 15 digits"),
}
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def problem_of(kind: FieldKind, value: str) -> str | None:
    """Return why a value is invalid for its kind, or ``None``. The account checks values of select fields."""
    form = _FORMS.get(kind)
    if form is None:
        return None
    pattern, description = form
    if pattern.fullmatch(value) and _is_on_the_calendar(kind, value):
        return None
    return f"{value!r} is not {description}"


def is_guid(text: str) -> bool:
    """Return whether a text is a GUID in the form 8-4-4-4-12."""
    return _GUID.fullmatch(text) is not None


def _is_on_the_calendar(kind: FieldKind, value: str) -> bool:
    if kind in (FieldKind.DATE, FieldKind.DATETIME):
        try:
            dt.datetime.fromisoformat(value)
        except ValueError:
            return False
    return True
