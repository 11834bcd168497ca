"""A ticket as the account shows it (*Get a Ticket's Details by Id*), and a request as the ledger keeps it. Pure.

Which answer says that there is no such ticket is not documented; 404, other refusals and a 200 with a failure do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from importer.leadsquared.answers import (
    KeysRefused,
    NotSent,
    Refused,
    Throttled,
    Unclear,
    WrongUrl,
    read_answer,
    valid_ids,
)
from importer.leadsquared.json_members import parse_json, scalar_text


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketDetails:
    """One ticket. A field without a value is not among ``fields``."""

    number: str
    ticket_id: str
    key: str
    lead_id: str | None
    fields: Mapping[str, str]  # SchemaName -> Value


@dataclass(frozen=True, slots=True)
class TicketNotShown:
    """The account shows no ticket of this number."""

    reason: str


DetailsAnswer = TicketDetails | TicketNotShown | KeysRefused | WrongUrl | Throttled | Unclear | NotSent


def read_details(number: str, http_status: int, headers: Mapping[str, str], body: bytes | None) -> DetailsAnswer:
    """Say what the answer to a question for one ticket means. Members that nobody documents are passed over."""
    if http_status == HTTPStatus.OK:
        return _read_shown(number, body)
    answer = read_answer(http_status, headers, body)
    match answer:
        case WrongUrl(reason, HTTPStatus.NOT_FOUND) | Refused(reason):
            return TicketNotShown(reason)
        case KeysRefused() | WrongUrl() | Throttled() | Unclear():
            return answer
        case _:
            return Unclear("unclear-answer", f"{http_status} is no answer to this question", http_status)


def _read_shown(number: str, body: bytes | None) -> DetailsAnswer:
    data = parse_json(body)
    if not isinstance(data, dict):
        return Unclear("unclear-answer", "200 with a body that is not the documented JSON", HTTPStatus.OK)
    found = scalar_text(data.get("Id"))
    if not found and scalar_text(data.get("Status")) not in ("", "Success"):
        return TicketNotShown(scalar_text(data.get("ReasonForFailure")) or "no reason given")
    if found != number or not isinstance(data.get("Fields"), list):
        return Unclear("unclear-answer", f"200 without ticket {number} and its fields", HTTPStatus.OK)
    ids = valid_ids(number, scalar_text(data.get("TicketId")), scalar_text(data.get("Key")))
    return TicketDetails(
        number=number,
        ticket_id=ids.ticket_id,
        key=ids.key,
        lead_id=scalar_text(data.get("LeadId")) or None,
        fields={name: value for name, value in _fields(data["Fields"]).items() if value},
    )


def read_request(text: str) -> tuple[str | None, dict[str, str]]:
    """Read a ``ticketDTO`` as it went out: the lead's ID, and the fields. What is none has no fields."""
    data = parse_json(text.encode("utf-8", "surrogatepass"))
    if not isinstance(data, dict):
        return None, {}
    fields = data.get("Fields")
    return scalar_text(data.get("LeadId")) or None, _fields(fields) if isinstance(fields, list) else {}


def _fields(entries: list[Any]) -> dict[str, str]:
    named = [each for each in entries if isinstance(each, dict) and isinstance(each.get("SchemaName"), str)]
    return {each["SchemaName"]: scalar_text(each.get("Value")) for each in named}
