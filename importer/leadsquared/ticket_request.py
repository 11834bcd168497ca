"""Build the JSON of *Create Ticket with Attachments* from a ticket. Pure: no I/O."""

from __future__ import annotations

import json

from importer.leadsquared.documented_fields import lead_of, title_of
from importer.leadsquared.requests import Request
from importer.models import Ticket

TICKETS_PATH = "tickets"
TICKET_TYPE_ID = "1"  # a string in the request
RELATED_TICKET_TYPE_ID = 1  # a number in the request

_quoted = json.JSONEncoder(ensure_ascii=False).encode


def ticket_json(ticket: Ticket) -> str:
    """Return the text of the ``ticketDTO`` part; without ``LeadId`` if ``LeadDetail.*`` fields name the lead."""
    # Only texts vary. Encoding the whole object would take twice as long for each ticket.
    fields = ", ".join(
        [f'{{"SchemaName": {_quoted(name)}, "Value": {_quoted(value)}}}' for name, value in ticket.fields]
    )
    lead = "" if ticket.lead_id is None else f'"LeadId": {_quoted(ticket.lead_id)}, '
    head, tail = f'"TypeId": "{TICKET_TYPE_ID}"', f'"RelatedTicketTypeId": {RELATED_TICKET_TYPE_ID}'
    return f'{{{head}, {lead}"Fields": [{fields}], {tail}}}'


def create_request(ticket: Ticket) -> Request:
    """Return the request that creates a ticket."""
    return Request(
        path=TICKETS_PATH,
        part="ticketDTO",
        text=ticket_json(ticket),
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
