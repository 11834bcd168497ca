"""The fields of a ticket as the API documents them: their names and types, and which of them name the lead. Pure.

Source: *Create Ticket with Attachments* and *Create Tickets*. An account can have more fields, with a prefix. Other
folders ask this module, so that they don't spell out the names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from importer.models import Attachment, FieldType, Ticket

CUSTOM, LEAD = "CustomData", "LeadDetail"  # prefixes

TITLE, DESCRIPTION, STATUS, PRIORITY = "Title", "Description", "Status", "Priority"
CHANNEL, TYPE, SUB_TYPE = "Channel", "Type", "SubType"
CC, TAGS, DUE, CUSTOMER = "CcEmails", "Tags", "DueDate", "RelatedCustomerId"
LEAD_ID, EMAIL, PHONE = "LeadId", "LeadDetail.EmailAddress", "LeadDetail.Phone"
FIRST_NAME, LAST_NAME = "LeadDetail.FirstName", "LeadDetail.LastName"

SYSTEM_FIELDS = (LEAD_ID, TITLE, DESCRIPTION, STATUS, PRIORITY, CHANNEL, TYPE, SUB_TYPE, CC, TAGS, DUE, CUSTOMER)
LEAD_FIELDS = (EMAIL, PHONE, FIRST_NAME, LAST_NAME)
LEAD_IDENTIFIERS = (LEAD_ID, EMAIL, PHONE)  # every ticket needs one of them

_TYPES = {LEAD_ID: FieldType.GUID, EMAIL: FieldType.EMAIL, PHONE: FieldType.PHONE, DUE: FieldType.DATETIME}
_EXTENSION = re.compile(
    r"(?<=[0-9)])(?:[ ,;]*(?:;ext=|ext(?:ension|n)?\b|x|#|\u0434\u043e\u0431)[ .:]*[0-9]{1,7}[ #]*)\Z", re.IGNORECASE
)


def documented_type(name: str) -> FieldType:
    """Return the type of a field's values; text if the documentation names no other."""
    return _TYPES.get(name, FieldType.TEXT)


def fixed_type(name: str) -> FieldType | None:
    """Return the type that a field has in every rule: the LeadId is a GUID; ``None`` for the other fields."""
    return FieldType.GUID if name == LEAD_ID else None


def is_lead_field(name: str) -> bool:
    """Return whether a field names or describes the lead, so that it is not a field of the ticket itself."""
    return name == LEAD_ID or name.startswith(f"{LEAD}.")


def is_custom_field(name: str) -> bool:
    """Return whether a field was added by the account."""
    return name.startswith(f"{CUSTOM}.")


def without_extension(number: str) -> str:
    """Remove an extension at the end of a phone number, such as x12 or ext. 12: E.164 has no extensions."""
    return _EXTENSION.sub("", number)


def _email(address: str) -> str:
    return address.strip().casefold()


def _phone(number: str) -> str:
    return "".join(filter(str.isdecimal, without_extension(number.strip())))


# Two tickets with one of these normalised values, in flight at the same time, could create the lead twice.
NORMALIZERS = {EMAIL: _email, PHONE: _phone}


def build_ticket(values: Iterable[tuple[str, str]], attachments: tuple[Attachment, ...] = ()) -> Ticket:
    """Return the ticket with these values. Details of a lead are left out if a LeadId names it."""
    fields = tuple(values)
    lead_id = next((value for name, value in fields if name == LEAD_ID), None)
    if lead_id is not None:
        fields = tuple((name, value) for name, value in fields if not is_lead_field(name))
    return Ticket(fields=fields, lead_id=lead_id, attachments=attachments)


def title_of(ticket: Ticket) -> str:
    """Return the ticket's title, or an empty text."""
    return dict(ticket.fields).get(TITLE, "")


def lead_of(ticket: Ticket) -> str:
    """Return the lead's ID, else e-mail address, else phone, in lower case; empty if there is none."""
    if ticket.lead_id is not None:
        return ticket.lead_id.lower()
    fields = dict(ticket.fields)
    return next((fields[name].lower() for name in NORMALIZERS if fields.get(name)), "")
