"""Checks of a ticket's JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from importer.sandbox import default_account
from importer.sandbox.ticket_dto import CREATE, CREATE_AS_JSON, ExpectedTicket, check_ticket
from tests.sandbox.account_client import LEAD_ID, dto

ACCOUNT = default_account()


def problems_of(document: Any, expected: ExpectedTicket = CREATE) -> tuple[str, ...]:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    order, problems = check_ticket(text, ACCOUNT, expected)
    assert (order is None) == bool(problems)
    return problems


def test_a_valid_ticket_keeps_its_fields_in_order() -> None:
    """The account stores the fields in the same order, with the same text."""
    text = json.dumps(dto(("Status", "Open"), ("Description", " 00123 \\u0000\n")))
    order, problems = check_ticket(text.encode(), ACCOUNT, CREATE)
    assert problems == ()
    assert order is not None
    assert order.fields == (("Title", "Printer on fire"), ("Status", "Open"), ("Description", " 00123 \\u0000\n"))
    assert order.lead_id == LEAD_ID


def test_an_identifier_replaces_the_lead_id() -> None:
    """It is compared without letter case."""
    document = dto(("LeadDetail.EmailAddress", "Ann@Example.com"), ("LeadDetail.FirstName", "Ann"), LeadId=...)
    order, problems = check_ticket(json.dumps(document).encode(), ACCOUNT, CREATE)
    assert problems == ()
    assert order is not None
    assert order.lead_details == (("LeadDetail.EmailAddress", "Ann@Example.com"), ("LeadDetail.FirstName", "Ann"))
    assert order.lead_identifiers == (("LeadDetail.EmailAddress", "ann@example.com"),)


MAIL = {"SchemaName": "LeadDetail.EmailAddress", "Value": "ann@example.com"}


def test_lead_details_may_be_in_a_list_under_lead_id() -> None:
    """They count as if they were among the fields."""
    order, problems = check_ticket(json.dumps(dto(LeadId=[MAIL])).encode(), ACCOUNT, CREATE)
    assert problems == ()
    assert order is not None
    assert (order.lead_id, order.lead_details) == (None, (("LeadDetail.EmailAddress", "ann@example.com"),))


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (dto(LeadId=[]), "no lead: neither LeadId nor"),
        (dto(LeadId=[1]), "LeadId[0] does not consist of SchemaName and Value"),
        (dto(LeadId=[{"SchemaName": "Status", "Value": "Open"}, MAIL]), "LeadId: 'Status' is no LeadDetail field"),
        (dto(("LeadDetail.Phone", "+4930123456"), LeadId=[MAIL]), "both in Fields and in LeadId"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'\xef\xbb\xbf{"TypeId": "1"}', "not JSON"),
        (b'{"TypeId": "\xff"}', "not UTF-8"),
        (b'{"TypeId": "\\ud800"}', "half of a surrogate pair"),
        (b'{"TypeId": "a\\u0000b"}', "the character NUL"),
        (b'{"TypeId": "1", "TypeId": "1"}', "appears twice"),
        (b'{"TypeId": NaN}', "NaN is not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (dto(Extra=1), "unknown member 'Extra'"),
        (dto(Id=None), "unknown member 'Id'"),
        (dto(TypeId=1), 'TypeId is not the string "1"'),
        (dto(TypeId=...), 'TypeId is not the string "1"'),
        (dto(RelatedTicketTypeId="1"), "RelatedTicketTypeId is not the number 1"),
        (dto(RelatedTicketTypeId=True), "RelatedTicketTypeId is not the number 1"),
        (dto(RelatedTicketTypeId=1.0), "RelatedTicketTypeId is not the number 1"),
        (dto(Fields={"Title": "x"}), "Fields is not an array"),
        (dto(Fields=["Title"]), "Fields[0] does not consist of SchemaName and Value"),
        (dto(Fields=[{"SchemaName": "Title", "Value": "x", "SubFields": []}]), "does not consist of"),
        (dto(Fields=[{"SchemaName": "Title", "Value": 1}]), "Fields[0]: SchemaName or Value is not a string"),
        (dto(Fields=[{"SchemaName": "Title", "Value": None}]), "Fields[0]: SchemaName or Value is not a string"),
        (dto(Fields=[{"SchemaName": "Title", "Value": "x"}] * 2), "Title: given twice"),
        (dto(Fields=[]), "Title: mandatory and missing"),
        (dto(("Title", "")), "Title: mandatory and empty"),
        (dto(("CustomData.Nowhere", "x")), "CustomData.Nowhere: no such field in this account"),
        (dto(("Status", "Brand new")), "Status: 'Brand new' is not a configured value"),
        (dto(LeadId=...), "no lead"),
        (dto(("LeadDetail.FirstName", "Ann"), LeadId=...), "no lead"),
        (dto(("LeadDetail.Phone", "+4479460001")), "both LeadId and LeadDetail"),
        (dto(LeadId="17"), "LeadId: '17' is not a GUID"),
        (dto(LeadId=None), "LeadId: None is not a GUID"),
    ],
)  # fmt: skip
def test_undocumented_shapes_are_refused(document: Any, problem: str) -> None:
    """Every deviation from the documented shape is a problem."""
    problems = problems_of(document)
    assert any(problem in found for found in problems), problems


@pytest.mark.parametrize(
    ("expected", "document", "good"),
    [
        (CREATE_AS_JSON, dto(Id=None), True),
        (CREATE_AS_JSON, dto(), False),
        (CREATE_AS_JSON, dto(Id="143"), False),
        (ExpectedTicket(id_member=True, number="143"), dto(Id="143"), True),
        (ExpectedTicket(id_member=True, number="143"), dto(Id=143), False),
        (ExpectedTicket(id_member=True, number="143"), dto(Id=None), False),
        (ExpectedTicket(id_member=True, number="143"), dto(), False),
    ],
)
def test_the_id_must_be_the_one_of_the_call(expected: ExpectedTicket, document: dict[str, Any], good: bool) -> None:  # noqa: FBT001  # a column of the table
    """`Id` is null in a JSON create and the ticket's number in an update, and is mandatory."""
    assert (problems_of(document, expected) == ()) == good


def test_all_problems_of_a_ticket_are_reported_at_once() -> None:
    """One answer names all, so that the user corrects them once."""
    document = dto(("Status", "x"), ("DueDate", "tomorrow"), ("Nowhere", ""), TypeId=1, LeadId="x", More=1)
    assert len(problems_of(document)) == 6
