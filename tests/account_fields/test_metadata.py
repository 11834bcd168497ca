"""Documented answers about fields are read; unknown members are ignored."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from importer.account_fields.metadata import FieldsPage, LookupValues, lookup_path, page_request, read_lookup, read_page
from importer.leadsquared.answers import KeysRefused, Refused, Throttled, Unclear, WrongUrl

DOCUMENTED: dict[str, Any] = {
    "DisplayName": "Sub Type",
    "SchemaName": "SubType",
    "DataType": "Select",
    "RenderType": "Dropdown",
    "DefaultValue": None,
    "Active": True,
    "Deleted": False,
    "FieldType": "standard",
    "RelatedLookupId": "guid",
    "ValidationProperties": {
        "IsMandatory": True,
        "MinLength": 2,
        "MaxLength": 200,
        "MinValue": 1,
        "MaxValue": "9.5",
        "Regex": None,
        "NumScale": None,
    },
}


def body(data: object) -> bytes:
    return json.dumps(data).encode()


def page(*entries: object, total: int = 1) -> FieldsPage:
    found = read_page(200, {}, body({"Total": total, "TicketsFields": list(entries), "More": [1]}))
    assert isinstance(found, FieldsPage)
    return found


def test_the_question_is_the_documented_one():
    """The body has the three documented members and no others."""
    assert json.loads(page_request(50)) == {"Limit": 25, "Offset": 50, "SearchText": ""}


def test_a_field_as_it_is_documented():
    """Every documented member is read; an unknown one is ignored."""
    (field,) = page({**DOCUMENTED, "Unknown": {"a": 1}}).fields
    assert (field.schema_name, field.display_name, field.data_type) == ("SubType", "Sub Type", "Select")
    assert field.mandatory
    assert field.active
    assert field.is_select
    assert (field.min_length, field.max_length) == (2, 200)
    assert (field.min_value, field.max_value) == (Decimal(1), Decimal("9.5"))
    assert (field.default, field.lookup_id, field.regex) == ("", "guid", "")


@pytest.mark.parametrize("change", [{"Active": False}, {"Deleted": True}])
def test_a_field_that_is_off_is_not_active(change: dict[str, bool]):
    """A field that is switched off or deleted is listed as inactive."""
    assert not page(DOCUMENTED | change).fields[0].active


@pytest.mark.parametrize(
    "limits", [None, "x", {}, {"MaxLength": "many", "MinValue": [], "MaxValue": True, "IsMandatory": "yes"}]
)
def test_limits_that_say_nothing(limits: object):
    """A missing or unreadable limit is no limit."""
    (field,) = page({**DOCUMENTED, "ValidationProperties": limits}).fields
    assert (field.mandatory, field.max_length, field.min_value, field.max_value) == (False, None, None, None)


def test_zeros_are_no_limits():
    """A greatest length of 0, or a range from 0 to 0, means no limit."""
    limits = {"MinLength": 0, "MaxLength": 0, "MinValue": 0, "MaxValue": 0}
    (field,) = page({**DOCUMENTED, "ValidationProperties": limits}).fields
    assert (field.min_length, field.max_length, field.min_value, field.max_value) == (None, None, None, None)


def test_entries_that_are_no_fields_count_in_the_page():
    """An entry without a name is no field, but counts for the next page."""
    found = page(DOCUMENTED, {"SchemaName": ""}, 7, {}, total=30)
    assert (len(found.fields), len(found.entries), found.total) == (1, 4, 30)


def test_values_in_the_accounts_order():
    """Active values are accepted, retired and deleted ones are separate, in their order; tickets have `Value`."""
    entries = [
        {"Text": "Third", "Value": "3", "SortingOrder": 3, "Active": True, "Deleted": False},
        {"Text": "Old", "Value": "0", "SortingOrder": 1, "Active": False, "Deleted": False},
        {"Text": "Gone", "Value": "9", "SortingOrder": 2, "Active": True, "Deleted": True},
        {"Text": "First", "Value": None, "SortingOrder": 0},
        {"Text": "", "Value": ""},
        "x",
    ]
    assert read_lookup(200, {}, body(entries)) == LookupValues(values=("First", "3"), retired=("0", "9"))


def test_a_value_that_is_a_number_is_that_number():
    """A value of 0 is a value."""
    assert read_lookup(200, {}, body([{"Text": "None", "Value": 0}])).values == ("0",)  # type: ignore[union-attr]


def test_a_lookups_name_can_not_leave_its_place():
    """A name of any characters is one part of the URL."""
    assert lookup_path("a/../b?c") == "lookups/a%2F..%2Fb%3Fc/values"


@pytest.mark.parametrize("read", [read_page, read_lookup])
@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (401, b"", KeysRefused),
        (403, b"{}", KeysRefused),
        (404, b"", WrongUrl),
        (302, b"", WrongUrl),
        (400, b"", Refused),
        (429, b"", Throttled),
        (500, b"", Unclear),
        (200, b"<html>", Unclear),
        (200, None, Unclear),
        (200, b"[" * 100_000, Unclear),
        (200, b'{"Total": "many", "TicketsFields": 7}', Unclear),
        (200, b'{"Status": "Failure", "ReasonForFailure": "not for you"}', Refused),
        (204, b"", Unclear),
    ],
)
def test_what_is_no_answer(read, status: int, said: bytes | None, kind: type):
    """Each refusal and each invalid answer is recognized; a 200 can contain an error."""
    assert isinstance(read(status, {}, said), kind)
