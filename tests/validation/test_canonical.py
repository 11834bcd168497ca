"""Values that validation accepts have the canonical form that a strict account accepts: compared with the sandbox's rules."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.mapping import FieldType
from importer.sandbox import FieldKind
from importer.sandbox.value_checks import is_guid, problem_of
from tests.validation.checking import convert_all

KINDS = {
    FieldType.INTEGER: FieldKind.INTEGER,
    FieldType.NUMBER: FieldKind.NUMBER,
    FieldType.BOOLEAN: FieldKind.BOOLEAN,
    FieldType.DATE: FieldKind.DATE,
    FieldType.DATETIME: FieldKind.DATETIME,
    FieldType.EMAIL: FieldKind.EMAIL,
    FieldType.PHONE: FieldKind.PHONE,
}
# Cells of the characters that each type consists of, so that many are valid.
NEAR = st.one_of(
    st.text("0123456789+-.eE ", min_size=1, max_size=18),
    st.text("0123456789+-()/. ", min_size=6, max_size=20),
    st.sampled_from(["true", "YES", "off", "now", "today", "NaT", "1", "0"]),
    st.emails(),
    st.text("ab.@。-_ü", min_size=3, max_size=12),
    st.dates().map(str),
    st.datetimes(min_value=dt.datetime(1, 1, 1)).map(lambda moment: moment.isoformat(" ")),  # noqa: DTZ001 - as cells are
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.uuids().map(str),
    st.text(min_size=1, max_size=12),
)
CELLS = st.lists(NEAR, min_size=1, max_size=8)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(cells=CELLS)
@example(cells=["-0", "0e5", "-.5", "5.", "1e999", "-0e3"])
@example(cells=["1--23456", "123456-", "-123456", "+-123456", "()123456"])
@example(cells=["0001-01-01", "0000-01-01", "9999-12-31T23:59:59", "a@example。com"])
def test_accepted_values_are_accepted_by_the_account(kind: FieldType, cells: list[str]):
    """Otherwise the account would refuse a ticket that `validate` found valid."""
    problems = [problem_of(KINDS[kind], value) for value in convert_all(kind, cells) if value is not None]
    assert [problem for problem in problems if problem] == []


@settings(max_examples=60, deadline=None)
@given(cells=CELLS)
def test_accepted_guids_are_accepted_by_the_account(cells: list[str]):
    """The same for the lead's ID."""
    assert all(is_guid(value) for value in convert_all(FieldType.GUID, cells) if value is not None)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "Pacific/Kiritimati", "Europe/Berlin"])
@settings(max_examples=40, deadline=None)
@given(moments=st.lists(st.datetimes(), min_size=1, max_size=5))
@example(moments=[dt.datetime(9999, 12, 31, 23, 59, 59), dt.datetime(1, 1, 1)])  # noqa: DTZ001 - as cells are
def test_times_in_any_zone_have_the_accounts_form(zone: str, moments: list[dt.datetime]):
    """The conversion to UTC never leaves the calendar, nor raises."""
    values = convert_all(FieldType.DATETIME, [moment.isoformat() for moment in moments], timezone=zone)
    assert [value for value in values if value is not None and problem_of(FieldKind.DATETIME, value)] == []


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(cells=CELLS)
def test_converting_twice_changes_nothing(kind: FieldType, cells: list[str]):
    """A converted value is a valid cell with the same value."""
    once = [value for value in convert_all(kind, cells) if value is not None]
    assert (convert_all(kind, once) if once else []) == once


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(cells=CELLS)
def test_cells_are_converted_independently(kind: FieldType, cells: list[str]):
    """Other rows of a column never change a cell's result."""
    assert convert_all(kind, cells) == [convert_all(kind, [cell])[0] for cell in cells]
