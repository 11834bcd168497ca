"""Build the JSON of *Create Ticket with Attachments* from a ticket. Pure: no I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable

from importer.leadsquared.documented_fields import is_lead_field, lead_of, title_of
from importer.leadsquared.requests import Request
from importer.models import LeadDetails, Ticket

TICKETS_PATH = "tickets"
TICKET_TYPE_ID = "1"  # a string in the request
RELATED_TICKET_TYPE_ID = 1  # a number in the request

_quoted = json.JSONEncoder(ensure_ascii=False).encode


def ticket_json(ticket: Ticket, lead_details: LeadDetails = LeadDetails.FIELDS) -> str:
    """Return the text of the ``ticketDTO`` part; ``LeadId`` is no GUID if ``LeadDetail.*`` entries name the lead."""
    # Only texts vary. Encoding the whole object would take twice as long for each ticket.
    fields, lead = ticket.fields, ""
    if ticket.lead_id is not None:
        lead = f'"LeadId": {_quoted(ticket.lead_id)}, '
    elif lead_details is LeadDetails.LEAD_ID:
        lead = f'"LeadId": {_entries(pair for pair in fields if is_lead_field(pair[0]))}, '
        fields = tuple(pair for pair in fields if not is_lead_field(pair[0]))
    head, tail = f'"TypeId": "{TICKET_TYPE_ID}"', f'"RelatedTicketTypeId": {RELATED_TICKET_TYPE_ID}'
    return f'{{{head}, {lead}"Fields": {_entries(fields)}, {tail}}}'


def _entries(fields: Iterable[tuple[str, str]]) -> str:
    entries = [f'{{"SchemaName": {_quoted(name)}, "Value": {_quoted(value)}}}' for name, value in fields]
    return f"[{', '.join(entries)}]"


def create_request(ticket: Ticket, lead_details: LeadDetails = LeadDetails.FIELDS) -> Request:
    """Return the request that creates a ticket."""
    return Request(
        path=TICKETS_PATH,
        part="ticketDTO",
        text=ticket_json(ticket, lead_details),
        attachments=ticket.attachments,
        title=title_of(ticket),
        lead=lead_of(ticket),
    )


def request_preview(request: Request, url: str) -> str:
    """Return a request as text for the user, with hidden keys and only the names of the files."""
    lines = [
        f"POST {url}",
        "X-LSQ-ACCESS-KEY: ********",
        "X-LSQ-SECRET-KEY: ********",
        "Content-Type: multipart/form-data",
        "",
        f"{request.part}:",
        json.dumps(json.loads(request.text), ensure_ascii=False, indent=2),
    ]
    lines += [f"files: {file.name} ({file.content_type}, {file.size_bytes:,} bytes)" for file in request.attachments]
    return "\n".join(lines)
