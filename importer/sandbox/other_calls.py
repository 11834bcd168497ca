"""Answers to calls about the account's configuration and about existing tickets. Pure: no I/O.

Sources: *Get Ticket Fields Metadata*, *Get Lookup Values*, *Get Ticket Details*, *Move Tickets to Trash*.
"""

from __future__ import annotations

from typing import Literal

from importer.sandbox.account import SandboxAccount
from importer.sandbox.account_state import AccountState
from importer.sandbox.answers import Answer, as_json, failure
from importer.sandbox.state_records import TicketRecord
from importer.sandbox.ticket_dto import read_json

# The largest page is not documented. A page may have fewer entries than ``Limit``, so clients must compare ``Total``.
MAX_PAGE = 25
Offset = Literal["record-0", "record-1", "page-0", "page-1"]


def ticket_details(account: SandboxAccount, ticket: TicketRecord) -> Answer:
    """Return all active fields in the account's order, unset ones as null; the documentation shows no attachments."""
    values = dict(ticket.fields)
    fields: list[dict[str, object]] = [
        {"SchemaName": field.schema_name, "Value": values.get(field.schema_name), "SubFields": []}
        for field in account.ticket_fields
        if field.active
    ]
    return as_json({"Id": ticket.number, "TicketId": ticket.ticket_id, "LeadId": ticket.lead_id, "Fields": fields})


def lookup_values(account: SandboxAccount, lookup_name: str) -> Answer:
    """Return the values of a select field; 404 if there is no such lookup."""
    field = account.lookup(lookup_name)
    return failure(404, f"no lookup {lookup_name!r}") if field is None else as_json(field.lookup_values())


def fields_page(account: SandboxAccount, document: bytes, offset_is: Offset = "record-0") -> Answer:
    """Return a page of the ticket's fields whose names contain ``SearchText``, in any letter case.

    An account that counts from 1 refuses an Offset of 0.
    """
    try:
        data = read_json(document)
    except ValueError as error:
        return failure(400, f"the body is not JSON: {error}")
    if not isinstance(data, dict) or set(data) != {"Limit", "Offset", "SearchText"}:
        return failure(400, "the body does not consist of Limit, Offset and SearchText")
    limit, offset, text = data["Limit"], data["Offset"], data["SearchText"]
    if type(limit) is not int or type(offset) is not int or not isinstance(text, str) or limit < 1 or offset < 0:
        return failure(400, "Limit must be a number of at least 1, Offset of at least 0, and SearchText a string")
    if offset_is.endswith("1") and not offset:
        return failure(400, "Offset is less than 1")
    size = min(limit, MAX_PAGE)
    skipped = {"record-0": offset, "record-1": offset - 1, "page-0": size * offset, "page-1": size * (offset - 1)}
    start = skipped[offset_is]
    found = [
        entry
        for entry in (field.metadata() for field in account.ticket_fields)
        if text.lower() in f"{entry['DisplayName']}\n{entry['SchemaName']}".lower()
    ]
    return as_json({"Total": len(found), "TicketsFields": found[start : start + size]})


def trash(state: AccountState, document: bytes) -> Answer:
    """Move tickets to the trash. Their numbers are strings in the request and numbers in the answer, as documented."""
    try:
        data = read_json(document)
    except ValueError as error:
        return failure(400, f"the body is not JSON: {error}")
    numbers = data.get("TicketIds") if isinstance(data, dict) and set(data) == {"TicketIds"} else None
    if not isinstance(numbers, list) or not numbers:
        return failure(400, "the body does not consist of TicketIds, an array that is not empty")
    if not all(isinstance(number, str) and number.isascii() and number.isdigit() for number in numbers):
        return failure(400, "TicketIds must contain ticket numbers as strings only")
    done = {number: state.trash(number) for number in dict.fromkeys(numbers)}
    return as_json(
        {
            "SuccessfulIds": [int(number) for number, moved in done.items() if moved],
            "FailedIds": [int(number) for number, moved in done.items() if not moved],
        }
    )
