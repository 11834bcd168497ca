"""Read a ticket of the account (*Get a Ticket's Details by Id*), and a request in the ledger. Pure.

The answer for a ticket that does not exist is not documented: 404, other refusals and a 200 with a failure count as it.
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
    """One ticket of the account. ``fields`` has only fields with a value."""

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
    """Return what the answer to a request for one ticket means.

    Undocumented members are ignored.
    """
    if http_status == HTTPStatus.OK:
        return _read_ticket(number, body)
    answer = read_answer(http_status, headers, body)
    match answer:
        case WrongUrl(reason, HTTPStatus.NOT_FOUND) | Refused(reason):
            return TicketNotShown(reason)
        case KeysRefused() | WrongUrl() | Throttled() | Unclear():
            return answer
        case _:
            return Unclear("unclear-answer", f"{http_status} is not an answer to this request", http_status)


def _read_ticket(number: str, body: bytes | None) -> DetailsAnswer:
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
    """Return lead ID and fields of a ``ticketDTO``, with ``LeadDetail.*`` entries under ``LeadId``.

    There are no fields if the text is no ``ticketDTO``.
    """
    data = parse_json(text.encode("utf-8", "surrogatepass"))
    if not isinstance(data, dict):
        return None, {}
    lead, fields = data.get("LeadId"), data.get("Fields")
    entries = [*(fields if isinstance(fields, list) else ()), *(lead if isinstance(lead, list) else ())]
    return scalar_text(lead) or None, _fields(entries)


def _fields(entries: list[Any]) -> dict[str, str]:
    named = [each for each in entries if isinstance(each, dict) and isinstance(each.get("SchemaName"), str)]
    return {each["SchemaName"]: scalar_text(each.get("Value")) for each in named}
