"""Checks the JSON of a ticket strictly, and reports all problems at once. Pure: no I/O.

The documented shape is that of *Create Ticket with Attachments*; everything else is refused. ``LeadDetail.*`` entries
may be in ``Fields`` or in an array under ``LeadId``, because the page can be read both ways.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from importer.sandbox.account import LEAD_IDENTIFIERS, LEAD_PREFIX, SandboxAccount
from importer.sandbox.value_checks import is_guid

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # NUL in the output of json.dumps, not an escaped backslash and u0000


@dataclass(frozen=True, kw_only=True)
class ExpectedTicket:
    """The ``Id`` that a call expects in its document: no such member, ``null``, or the ticket's number."""

    id_member: bool
    number: str | None = None


CREATE = ExpectedTicket(id_member=False)  # multipart/form-data
CREATE_AS_JSON = ExpectedTicket(id_member=True)  # *Create Tickets* shows "Id": null


@dataclass(frozen=True, kw_only=True)
class RequestedTicket:
    """The content of a valid document: its fields in their order, with those of a new lead."""

    fields: tuple[tuple[str, str], ...]
    lead_id: str | None = None

    @property
    def lead_details(self) -> tuple[tuple[str, str], ...]:
        """The ``LeadDetail.*`` fields."""
        return tuple(pair for pair in self.fields if pair[0].startswith(LEAD_PREFIX))

    @property
    def lead_identifiers(self) -> tuple[tuple[str, str], ...]:
        """The fields that identify the lead, with case-folded values."""
        return tuple((name, value.casefold()) for name, value in self.fields if name in LEAD_IDENTIFIERS)


def check_ticket(
    document: bytes, account: SandboxAccount, expected: ExpectedTicket
) -> tuple[RequestedTicket | None, tuple[str, ...]]:
    """Return the requested ticket, or ``None`` and all problems of the document."""
    try:
        data = read_json(document)
    except ValueError as error:
        return None, (f"the ticket is not JSON: {error}",)
    if not isinstance(data, dict):
        return None, ("the ticket is not a JSON object",)
    pairs, problems = _read_entries("Fields", data.get("Fields"))
    lead = data.get("LeadId")
    details, wrong_details = _read_entries("LeadId", lead) if isinstance(lead, list) else ([], [])
    requested = RequestedTicket(fields=(*pairs, *details), lead_id=None if isinstance(lead, list) else lead)
    problems = [
        *_member_problems(data, expected),
        *problems,
        *wrong_details,
        *_field_problems(requested, account),
        *(_detail_problems(pairs, details) if isinstance(lead, list) else ()),
        *_lead_problems(data, requested),
    ]
    return (None if problems else requested), tuple(problems)


def read_json(document: bytes) -> object:
    """Parse JSON strictly: UTF-8 without BOM, no repeated member, no NaN, no half surrogate pair, no NUL.

    Raises ValueError with the reason.
    """
    try:
        text = document.decode("utf-8")
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise ValueError("not UTF-8, or half of a surrogate pair") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if _NUL.search(json.dumps(data)):
        raise ValueError("it contains the character NUL")
    return data


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a member appears twice among {', '.join(names)}")
    return dict(pairs)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _is_one(value: object) -> bool:
    return type(value) is int and value == 1


def _member_problems(data: dict[str, object], expected: ExpectedTicket) -> Iterator[str]:
    known = {"TypeId", "LeadId", "Fields", "RelatedTicketTypeId"} | ({"Id"} if expected.id_member else set())
    for name in data:
        if name not in known:
            yield f"unknown member {name!r}"
    if data.get("TypeId") != "1":
        yield 'TypeId is not the string "1"'
    if not _is_one(data.get("RelatedTicketTypeId")):
        yield "RelatedTicketTypeId is not the number 1"
    if expected.id_member and data.get("Id", ...) != expected.number:
        yield f"Id is not {json.dumps(expected.number)}"


def _read_entries(member: str, raw: object) -> tuple[list[tuple[str, str]], list[str]]:
    if not isinstance(raw, list):
        return [], [f"{member} is not an array"]
    pairs: list[tuple[str, str]] = []
    problems: list[str] = []
    for position, entry in enumerate(raw):
        if not isinstance(entry, dict) or set(entry) != {"SchemaName", "Value"}:
            problems.append(f"{member}[{position}] does not consist of SchemaName and Value")
            continue
        name, value = entry["SchemaName"], entry["Value"]
        if isinstance(name, str) and isinstance(value, str):
            pairs.append((name, value))
        else:
            problems.append(f"{member}[{position}]: SchemaName or Value is not a string")
    return pairs, problems


def _field_problems(requested: RequestedTicket, account: SandboxAccount) -> Iterator[str]:
    seen: set[str] = set()
    for name, value in requested.fields:
        if name in seen:
            yield f"{name}: given twice"
            continue
        seen.add(name)
        field = account.field(name)
        problem = "no such field in this account" if field is None else field.problem(value)
        if problem:
            yield f"{name}: {problem}"
    for field in account.ticket_fields:
        if field.mandatory and field.schema_name not in seen:
            yield f"{field.schema_name}: mandatory and missing"


def _detail_problems(fields: list[tuple[str, str]], details: list[tuple[str, str]]) -> Iterator[str]:
    """Yield what is wrong if ``LeadId`` is an array: it has all ``LeadDetail`` entries, and no others."""
    for name, _ in details:
        if not name.startswith(LEAD_PREFIX):
            yield f"LeadId: {name!r} is no LeadDetail field"
    for name, _ in fields:
        if name.startswith(LEAD_PREFIX):
            yield f"{name}: LeadDetail fields are both in Fields and in LeadId"


def _lead_problems(data: dict[str, object], requested: RequestedTicket) -> Iterator[str]:
    if "LeadId" in data and not isinstance(data["LeadId"], list):
        lead_id = data["LeadId"]
        if not isinstance(lead_id, str) or not is_guid(lead_id):
            yield f"LeadId: {lead_id!r} is not a GUID"
        if requested.lead_details:
            yield "both LeadId and LeadDetail fields name a lead"
    elif not any(value for _, value in requested.lead_identifiers):
        yield f"no lead: neither LeadId nor {' nor '.join(LEAD_IDENTIFIERS)} is given"
