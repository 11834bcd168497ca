"""Checks names of ticket fields (SchemaNames) against the API's documentation.

An account may have fields that are not documented, so a name that is similar to a documented one is only a warning; a
wrong form and wrong capital letters are errors.
"""

from __future__ import annotations

import re

from importer.leadsquared.documented_fields import CUSTOM, LEAD, LEAD_FIELDS, SYSTEM_FIELDS
from importer.mapping.similar_names import closest_name, did_you_mean

_FORM = re.compile(r"(?:([A-Za-z]\w*)\.)?([A-Za-z_]\w*)", re.ASCII)

# Least similarity. `Titel` is similar to `Title`, and `LeadDetail.Email` to `EmailAddress`; `StatusReason` and
# `LeadDetail.Company` are similar to no documented name.
_SYSTEM_FIELD_CUTOFF = 0.75
_LEAD_FIELD_CUTOFF = 0.58


def field_name_error(name: str) -> str:
    """Return why a name can't be a SchemaName, with a guess at the right one; empty if it can."""
    form = _FORM.fullmatch(name)
    if form is None:
        guess = did_you_mean(name, (*SYSTEM_FIELDS, *LEAD_FIELDS))
        return f"{name!r} is not a SchemaName; write `Name`, `{CUSTOM}.Name` or `{LEAD}.Name`{guess}"
    prefix, bare = form.groups()
    if prefix is not None and prefix not in (CUSTOM, LEAD):
        right = closest_name(prefix, (CUSTOM, LEAD))
        guess = f" (did you mean '{right}.{bare}'?)" if right else ""
        return f"{name!r}: the prefix of a SchemaName must be `{CUSTOM}` or `{LEAD}`, not {prefix!r}{guess}"
    for known in (*SYSTEM_FIELDS, *LEAD_FIELDS):
        if known != name and known.lower() == name.lower():
            return f"{name!r} has the wrong capital letters (did you mean {known!r}?)"
    return ""


def field_name_warning(name: str) -> str:
    """Return a warning if a well-formed name is probably misspelled; empty if it is not."""
    prefix, _, bare = name.rpartition(".")
    right: str | None = None
    if not prefix and name not in SYSTEM_FIELDS:
        right = closest_name(name, SYSTEM_FIELDS, _SYSTEM_FIELD_CUTOFF)
    elif prefix == LEAD and name not in LEAD_FIELDS:
        bare_names = [known.partition(".")[2] for known in LEAD_FIELDS]
        right_bare = closest_name(bare, bare_names, _LEAD_FIELD_CUTOFF)
        right = f"{LEAD}.{right_bare}" if right_bare else None
    return f"{name!r} is not a documented field (did you mean {right!r}?)" if right else ""
