"""Parses the account's answers about its ticket fields. Pure.

Sources: *Get Ticket Fields Metadata* (POST ``ticket-types/1/fields/filter``) and *Get Lookup Values* (GET
``lookups/{LookupName}/values``). Members that are not documented are ignored. The answer to keys without the
necessary rights is not documented; 401, 403 and other refusals are read as such.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from importer.account_fields.ticket_fields import AccountField
from importer.leadsquared.answers import KeysRefused, Refused, Throttled, Unclear, WrongUrl, read_answer, reason_text
from importer.leadsquared.json_members import parse_json, scalar_text

FIELDS_PATH = "ticket-types/1/fields/filter"
PAGE_FIELDS = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldsPage:
    """One page of fields. ``entries``: all entries as text; ``total``: number of fields in the account."""

    fields: tuple[AccountField, ...]
    entries: tuple[str, ...]
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LookupValues:
    """Values of one select field in the account's order: accepted ones, and ``retired`` ones."""

    values: tuple[str, ...]
    retired: tuple[str, ...]


UnusableAnswer = KeysRefused | WrongUrl | Refused | Throttled | Unclear


def page_request(offset: int) -> str:
    """Return the request's JSON for the fields from ``offset`` on."""
    return json.dumps({"Limit": PAGE_FIELDS, "Offset": offset, "SearchText": ""})


def lookup_path(name: str) -> str:
    """Return the path of a lookup's values, relative to the base URL."""
    return f"lookups/{quote(name, safe='')}/values"


def read_page(http_status: int, headers: Mapping[str, str], body: bytes | None) -> FieldsPage | UnusableAnswer:
    """Parse the answer to a request for fields."""
    if http_status != HTTPStatus.OK:
        return _denied(http_status, headers, body)
    data = parse_json(body)
    entries = data.get("TicketsFields") if isinstance(data, dict) else None
    total = data.get("Total") if isinstance(data, dict) else None
    if not isinstance(entries, list) or type(total) is not int:
        return _no_answer(data)
    fields = (_field(entry) for entry in entries if isinstance(entry, dict))
    return FieldsPage(
        fields=tuple(field for field in fields if field is not None),
        entries=tuple(json.dumps(entry, sort_keys=True) for entry in entries),
        total=total,
    )


def read_lookup(http_status: int, headers: Mapping[str, str], body: bytes | None) -> LookupValues | UnusableAnswer:
    """Parse the answer to a request for a lookup's values. Tickets carry its ``Value``."""
    if http_status != HTTPStatus.OK:
        return _denied(http_status, headers, body)
    data = parse_json(body)
    if not isinstance(data, list):
        return _no_answer(data)
    entries = [entry for entry in data if isinstance(entry, dict) and _value(entry)]
    entries.sort(key=lambda entry: order if type(order := entry.get("SortingOrder")) is int else len(entries))
    accepted: list[str] = []
    retired: list[str] = []
    for entry in entries:
        is_active = entry.get("Active") is not False and entry.get("Deleted") is not True
        (accepted if is_active else retired).append(_value(entry))
    return LookupValues(
        values=tuple(dict.fromkeys(accepted)),
        retired=tuple(value for value in dict.fromkeys(retired) if value not in accepted),
    )


def _value(entry: dict[str, Any]) -> str:
    return scalar_text(entry.get("Value")) or scalar_text(entry.get("Text"))


def _field(entry: dict[str, Any]) -> AccountField | None:
    name = scalar_text(entry.get("SchemaName")).strip()
    if not name:
        return None
    limits = entry.get("ValidationProperties")
    limits = limits if isinstance(limits, dict) else {}
    low, high = _number(limits.get("MinValue")), _number(limits.get("MaxValue"))
    if low is not None and high is not None and low >= high:  # such as 0 and 0: no range
        low = high = None
    return AccountField(
        schema_name=name,
        display_name=scalar_text(entry.get("DisplayName")),
        data_type=scalar_text(entry.get("DataType")),
        mandatory=limits.get("IsMandatory") is True,
        active=entry.get("Active") is not False and entry.get("Deleted") is not True,
        default=scalar_text(entry.get("DefaultValue")),
        lookup_id=scalar_text(entry.get("RelatedLookupId")),
        min_length=_length(limits.get("MinLength")),
        max_length=_length(limits.get("MaxLength")),
        min_value=low,
        max_value=high,
        regex=scalar_text(limits.get("Regex")),
    )


def _denied(http_status: int, headers: Mapping[str, str], body: bytes | None) -> UnusableAnswer:
    answer = read_answer(http_status, headers, body)
    if isinstance(answer, Unclear) and answer.exception_type:  # an answer of the application, which would not change
        return Refused(answer.reason, http_status)
    if isinstance(answer, KeysRefused | WrongUrl | Refused | Throttled | Unclear):
        return answer
    return Unclear("unclear-answer", f"{http_status} is not a documented answer to this call", http_status)


def _no_answer(data: Any) -> Refused | Unclear:
    """Return the failure that an answer with 200 carries, or an unclear answer."""
    status = scalar_text(data.get("Status")) if isinstance(data, dict) else ""
    if status and status != "Success":
        return Refused(reason_text(scalar_text(data.get("ReasonForFailure"))) or "no reason given", HTTPStatus.OK)
    return Unclear("unclear-answer", "200 with a body that is not the documented JSON", HTTPStatus.OK)


def _length(value: object) -> int | None:
    """Return a number of characters; ``None`` for 0 and less, which mean no limit."""
    number = _number(value)
    return int(number) if number is not None and number >= 1 else None


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
