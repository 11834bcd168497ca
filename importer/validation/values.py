"""A column of cells to a column of values, by type: vectorised, each with a mask of the cells that don't fit.

Values stay text, as the API page shows no other kind: an integer is canonical digits, a boolean ``true`` or ``false``,
a date ``2024-08-29``, a date and time ``2024-08-29T10:36:23``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from importer.mapping import FieldType, Rule

_TRUE = frozenset({"true", "yes", "y", "1", "on"})
_FALSE = frozenset({"false", "no", "n", "0", "off"})
_GUID = r"\{?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}?"
_INTEGER = r"[+-]?[0-9]+"
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_PLAIN_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
_PHONE_BLANKS = r"[ ()./]"
_PHONE = r"\+?[0-9](?:-?[0-9]){5,14}"
# What the library surely takes, as `forms` tells it from bytes, at a fiftieth of the library's time.
_LABEL = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
_NO_MAIL = "|".join(sorted({name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES}))
_PLAIN_EMAIL = re.compile(
    rf"(?=.{{1,64}}\Z)[A-Za-z0-9_+'-]+(?:\.[A-Za-z0-9_+'-]+)*@(?:{_LABEL}\.)+(?!(?i:{_NO_MAIL})\Z)[A-Za-z]{{2,}}"
)
_OTHER_DOTS = re.compile(r"[。．｡]")  # dots to a resolver, and to nobody else
_ISO_DATE = r"\d{4}-\d{2}-\d{2}"
_CONVERTIBLE = (pd.Timestamp("0001-01-02"), pd.Timestamp("9999-12-30"))  # a zone away, it is a four-digit year still
_ISO_DATETIME = rf"{_ISO_DATE}(?:[T ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,6}})?)?)?"

Cells = pd.Series  # of str, object dtype
Mask = pd.Series  # of bool


@dataclass(frozen=True, slots=True)
class Converted:
    """``values`` where ``bad`` is false; ``code`` and ``expected`` say what the bad cells should have been."""

    values: Cells
    bad: Mask
    code: str = ""
    expected: str = ""


def convert(cells: Cells, rule: Rule) -> Converted:  # noqa: PLR0911 - one return for each type
    """Convert non-empty cells to the rule's type."""
    match rule.type:
        case FieldType.TEXT:
            return Converted(cells, pd.Series(data=False, index=cells.index))
        case FieldType.INTEGER:
            return _integers(cells.str.strip())
        case FieldType.NUMBER:
            return _numbers(cells.str.strip())
        case FieldType.BOOLEAN:
            words = cells.str.strip().str.lower()
            true = words.isin(_TRUE)
            values = true.map({True: "true", False: "false"}).astype(object)
            return Converted(values, ~(true | words.isin(_FALSE)), "not-a-boolean", "true or false, yes or no, 1 or 0")
        case FieldType.DATE:
            return _times(cells.str.strip(), rule, "not-a-date")
        case FieldType.DATETIME:
            return _times(cells.str.strip(), rule, "not-a-datetime")
        case FieldType.EMAIL:
            stripped = cells.str.strip()
            wrong = {address for address in stripped.unique() if not _is_email(address)}
            return Converted(stripped, stripped.isin(wrong), "not-an-email", "an e-mail address")
        case FieldType.PHONE:
            return _phones(cells.str.strip())
        case FieldType.GUID:
            stripped = cells.str.strip()
            values = stripped.str.strip("{}").str.lower()
            return Converted(values, ~stripped.str.fullmatch(_GUID), "not-a-guid", "a GUID")


def _integers(cells: Cells) -> Converted:
    bad = ~cells.str.fullmatch(_INTEGER)
    sign = cells.str.startswith("-").map({True: "-", False: ""})
    digits = cells.str.lstrip("+-").str.lstrip("0")
    return Converted((sign + digits).where(digits != "", "0"), bad, "not-an-integer", "a whole number")


def _numbers(cells: Cells) -> Converted:
    bad = ~cells.str.fullmatch(_NUMBER)
    odd = ~bad & ~cells.str.fullmatch(_PLAIN_NUMBER)
    values = cells.copy()
    values[odd] = [format(Decimal(cell), "f") for cell in cells[odd]]  # 1e5, +5 and .5 as 100000, 5 and 0.5
    return Converted(values, bad, "not-a-number", "a number such as 12.5")


def _phones(cells: Cells) -> Converted:
    """Phone numbers without the blanks, brackets, dots and slashes that people write; single hyphens stay."""
    values = cells.str.replace(_PHONE_BLANKS, "", regex=True)
    return Converted(values, ~values.str.fullmatch(_PHONE), "not-a-phone", "a phone number of 6 to 15 digits")


def _is_email(address: str) -> bool:
    if _PLAIN_EMAIL.fullmatch(address):
        return True
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return False
    return not _OTHER_DOTS.search(address)


def _times(cells: Cells, rule: Rule, code: str) -> Converted:
    """Dates and times; one in a ``timezone`` or with an offset is sent as UTC, any other as it is written."""
    if rule.format is not None:
        times = _parsed(cells, rule, rule.format)
        expected = f"a date such as {_example(rule.format)}"
    else:
        form = _ISO_DATETIME if rule.type is FieldType.DATETIME else _ISO_DATE
        plausible = cells.where(cells.str.fullmatch(form))
        times = pd.to_datetime(plausible, format="ISO8601", errors="coerce")
        example = "and time such as 2024-08-29T10:36:23" if rule.type is FieldType.DATETIME else "such as 2024-08-29"
        expected = f"a date {example}"
    times = times.where(times.dt.year >= 1)  # pandas has a year 0, the calendar has none
    if rule.timezone is not None:
        if times.dt.tz is None:
            # An hour that the clocks skip or pass twice names no moment: the cell must be mended, not guessed.
            within = times.where(times.between(*_CONVERTIBLE))
            times = within.dt.tz_localize(rule.timezone, ambiguous="NaT", nonexistent="NaT")
        times = times.dt.tz_convert("UTC")
        expected += f", as a moment that exists once in {rule.timezone}"
    written = times.dt.strftime("%Y-%m-%d" if rule.type is FieldType.DATE else "%Y-%m-%dT%H:%M:%S")
    return Converted(written.astype(object), times.isna(), code, expected)


def _parsed(cells: Cells, rule: Rule, time_format: str) -> pd.Series:
    """Read cells by a strptime format; where it has an offset, as UTC, a date by itself as its cell writes it."""
    dated = cells.where(cells.str.contains(r"[0-9]"))  # pandas takes `now` and `today` for dates in any format
    if "%z" not in time_format.replace("%%", ""):
        return pd.to_datetime(dated, format=time_format, errors="coerce")
    moments = {cell: _moment(cell, time_format, as_written=rule.type is FieldType.DATE) for cell in dated.dropna()}
    return pd.to_datetime(dated.map(moments), utc=True)


def _moment(cell: str, time_format: str, *, as_written: bool) -> datetime | None:
    try:
        moment = datetime.strptime(cell, time_format)  # noqa: DTZ007 - the format has %z
        return moment.replace(tzinfo=UTC) if as_written else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _example(time_format: str) -> str:
    return pd.Timestamp("2024-08-29T10:36:23").strftime(time_format)
