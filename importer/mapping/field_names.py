"""What the API's documentation says about the names of ticket fields, and what a misspelt one probably meant.

Source: *Create Ticket with Attachments* and *Create Tickets*. An account may have more fields than are documented, so
only a wrong form and a wrong case are errors; a near miss is a warning.
"""

from __future__ import annotations

import re

from importer.mapping.findings import did_you_mean
from importer.mapping.similar_names import closest

SYSTEM_FIELDS = (
    "LeadId",
    "Title",
    "Description",
    "Status",
    "Priority",
    "Channel",
    "Type",
    "SubType",
    "CcEmails",
    "Tags",
    "DueDate",
    "RelatedCustomerId",
)
LEAD_FIELDS = ("LeadDetail.EmailAddress", "LeadDetail.Phone", "LeadDetail.FirstName", "LeadDetail.LastName")
LEAD_IDENTIFIERS = ("LeadId", "LeadDetail.EmailAddress", "LeadDetail.Phone")
PREFIXES = ("CustomData", "LeadDetail")

_FORM = re.compile(r"(?:([A-Za-z]\w*)\.)?([A-Za-z_]\w*)", re.ASCII)

# Chosen on the documented names: `Titel` is near `Title`, `LeadDetail.Email` near `EmailAddress`, and neither
# `StatusReason` nor `LeadDetail.Company` is near anything.
_NEAR_SYSTEM_FIELD = 0.75
_NEAR_LEAD_FIELD = 0.58


def wrong_name(name: str) -> str:
    """Why ``name`` can't be a SchemaName, with a guess at the right one; empty if it can."""
    form = _FORM.fullmatch(name)
    if form is None:
        guess = did_you_mean(name, (*SYSTEM_FIELDS, *LEAD_FIELDS))
        return f"{name!r} is not a SchemaName, which is `Name`, `CustomData.Name` or `LeadDetail.Name`{guess}"
    prefix, bare = form.groups()
    if prefix is not None and prefix not in PREFIXES:
        right = closest(prefix, PREFIXES)
        guess = f" (did you mean '{right}.{bare}'?)" if right else ""
        return f"{name!r}: a SchemaName's prefix is `CustomData` or `LeadDetail`, not {prefix!r}{guess}"
    for known in (*SYSTEM_FIELDS, *LEAD_FIELDS):
        if known != name and known.lower() == name.lower():
            return f"{name!r} is not a field (did you mean {known!r}?)"
    return ""


def doubtful_name(name: str) -> str:
    """Why a well-formed name is probably a misspelling; empty if there is no reason to think so."""
    prefix, _, bare = name.rpartition(".")
    right: str | None = None
    if not prefix and name not in SYSTEM_FIELDS:
        right = closest(name, SYSTEM_FIELDS, _NEAR_SYSTEM_FIELD)
    elif prefix == "LeadDetail" and name not in LEAD_FIELDS:
        bare_names = [known.partition(".")[2] for known in LEAD_FIELDS]
        right_bare = closest(bare, bare_names, _NEAR_LEAD_FIELD)
        right = f"LeadDetail.{right_bare}" if right_bare else None
    return f"{name!r} is not a documented field (did you mean {right!r}?)" if right else ""
