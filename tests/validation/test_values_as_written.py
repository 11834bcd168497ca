"""Numbers, words, phone numbers and dates as the world writes them: read by the rule, or refused; never guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.mapping import FieldType
from tests.validation.checking import convert_all, convert_one


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12,5", "12.5"),
        ("1.234,50", "1234.50"),
        ("-1.234.567,89", "-1234567.89"),
        ("+1234,5", "1234.5"),
        (",5", "0.5"),
        ("5,", "5"),
        ("1,5e3", "1500"),
        ("1.234", "1234"),
        ("12.34.567", "1234567"),
        ("42", "42"),
        *((cell, None) for cell in ("1.23.4", "1.2", "12.5", "1.2345", "1234.567", "0.125", "01.234", "1.234.", ".123")),
        *((cell, None) for cell in ("1,234.5", "1,2,3", "1,234,567", "1.234,", "1 234", "1..234", "1.234e3")),
    ],
)  # fmt: skip
def test_a_comma_as_the_decimal_sign(cell: str, value: str | None):
    """With points between thousands: any other grouping is a problem, and never a decimal point."""
    assert convert_one(FieldType.NUMBER, cell, decimal=",", thousands=".") == value


@pytest.mark.parametrize(("cell", "value"), [("1.5", None), ("1,5", "1.5"), ("1.000,5", None), ("1000", "1000")])
def test_a_decimal_comma_alone(cell: str, value: str | None):
    """A point is no sign at all then."""
    assert convert_one(FieldType.NUMBER, cell, decimal=",") == value


@pytest.mark.parametrize(
    ("thousands", "cell", "value"),
    [
        (",", "12,34,567.5", "1234567.5"),
        (",", "1,00,000", "100000"),
        (",", "1,234,567", "1234567"),
        (",", "123,45,678", None),
        (",", "1,2345", None),
        ("'", "1'234.5", "1234.5"),
        ("’", "1’234’567", "1234567"),
        ("_", "1_000", "1000"),
        (" ", "1 234 567.5", "1234567.5"),
        (" ", "1\u00a0234\u202f567", "1234567"),
        (" ", "1  234", None),
        (" ", " 1 234 ", "1234"),
    ],
)
def test_thousands_in_all_their_ways(thousands: str, cell: str, value: str | None):
    """Threes, and lakhs and crores; a blank is any kind of blank, but one."""
    assert convert_one(FieldType.NUMBER, cell, thousands=thousands) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1.234", "1234"), ("-12.34.567", "-1234567"), ("007", "7"), ("1.5", None), ("0.125", None), ("1,000", None)],
)
def test_thousands_of_whole_numbers(cell: str, value: str | None):
    """The same for integers."""
    assert convert_one(FieldType.INTEGER, cell, thousands=".") == value


@pytest.mark.parametrize("kind", [FieldType.INTEGER, FieldType.NUMBER])
@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1.234", None),
        ("-12.345", None),
        ("1234", "1234"),
        ("1.234.567", "1234567"),
        ("1234.567", None),
        ("0.125", None),
    ],
)
def test_a_point_that_a_workbook_may_have_stored_is_never_thousands(kind: FieldType, cell: str, value: str | None):
    """Where cells may be numbers by themselves, 1.234 could be either; with another sign there is no doubt."""
    decimal = {"decimal": ","} if kind is FieldType.NUMBER else {}
    assert convert_one(kind, cell, thousands=".", stored_numbers=True, **decimal) == value
    assert convert_one(kind, "1,234", thousands=",", stored_numbers=True) == "1234"


@settings(deadline=None)
@given(number=st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12))
def test_what_is_written_with_signs_is_the_same_number(number: Decimal):
    """Every number, grouped by another program's rules."""
    written = f"{number:,.2f}".translate(str.maketrans(",.", ".,"))
    value = convert_one(FieldType.NUMBER, written, decimal=",", thousands=".")
    assert value is not None
    assert Decimal(value) == number


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *((cell, "true") for cell in ("ja", "JA", " Wahr ", "STRASSE", "straße")),
        *((cell, "false") for cell in ("nein", "Nein")),
        *((cell, None) for cell in ("true", "yes", "1", "false", "no", "0", "jaja", "")),
    ],
)
def test_words_stand_instead_of_the_usual_ones(cell: str, value: str | None):
    """In any letters; a word that is not among them is not guessed at."""
    words = {"true_words": ("ja", "wahr", "strasse"), "false_words": ("nein",)}
    assert convert_one(FieldType.BOOLEAN, cell, **words) == value


def test_the_words_of_one_side_leave_the_other_alone():
    """Who names what is true need not name what is false."""
    assert convert_all(FieldType.BOOLEAN, ["x", "no", "yes"], true_words=("x",)) == ["true", "false", None]


@pytest.mark.parametrize(
    ("region", "cell", "value"),
    [
        ("IN", "98765 43210", "+919876543210"),
        ("IN", "098765-43210", "+919876543210"),
        ("IN", "0091 98765 43210", "+919876543210"),
        ("IN", "+1 (202) 555-0100", "+12025550100"),
        ("DE", "030/123456", "+4930123456"),
        ("DE", "+49 (0)30 123456", "+4930123456"),
        ("DE", "0049 (0) 30 123456", "+4930123456"),
        ("IT", "06 1234567", "+39061234567"),
        ("US", "202.555.0100", "+12025550100"),
        *(("IN", cell, None) for cell in ("12345", "+999 123456", "9876543210 / 9876543211", "none", "", "+", "()")),
        *(("DE", cell, None) for cell in ("030 123456 ext.", "030 123456;7", "112", "tel:+4930123456")),
        *(("DE", f"030 123456{extension}", "+4930123456") for extension in (" ext. 7", "x12", ";ext=12", " extn 5")),
        ("US", "+1 (202) 555-0100 #5", "+12025550100"),
        ("DE", "0049 12345", "+4912345"),
        ("DE", "01234567", "+491234567"),
        ("DE", "30 1234567", "+49301234567"),
        ("GB", "7911 123456", "+447911123456"),
        ("SG", "6123 4567", "+6561234567"),
        *(("DE", cell, None) for cell in ("1234567", "12345", "12 34 56")),
        *((region, "1234567", None) for region in ("NL", "GB", "IN", "CH")),
        *((region, "23456789", None) for region in ("IN", "BR")),
        *(("US", cell, None) for cell in ("555-0100", "1-800-FLOWERS", "202 555 010", "2" * 300)),
    ],
)
def test_phones_of_a_region(region: str, cell: str, value: str | None):
    """Read as people of the region dial, sent as E.164; extensions are left out; what reaches nobody from afar is refused."""
    assert convert_one(FieldType.PHONE, cell, region=region) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2024-08-29T10:36:23Z", "2024-08-29T10:36:23"),
        ("2024-08-29T10:36:23+05:30", "2024-08-29T05:06:23"),
        ("2024-08-29 02:00-0300", "2024-08-29T05:00:00"),
        ("2024-08-29T10:36:23.999999+00", "2024-08-29T10:36:23"),
        ("2024-12-31T23:30:00-01:00", "2025-01-01T00:30:00"),
        ("0001-01-01T00:00:00+05:30", None),
        ("9999-12-31T23:00:00-05:00", None),
        *((cell, None) for cell in ("2024-08-29Z", "2024-08-29T10+05:30", "2024-08-29T10:36z", "2024-08-29T10:36+25:00")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_iso_times_with_an_offset_are_sent_as_utc(cell: str, value: str | None, zone: str | None):
    """The offset in the cell wins over the zone, as it says when that was."""
    assert convert_one(FieldType.DATETIME, cell, timezone=zone) == value


def test_cells_with_and_without_an_offset_may_be_mixed():
    """Each by itself: what has no offset is in the zone, or as it is written."""
    cells = ["2024-08-29T10:00:00", "2024-08-29T10:00:00Z", "soon"]
    assert convert_all(FieldType.DATETIME, cells) == ["2024-08-29T10:00:00", "2024-08-29T10:00:00", None]
    in_kolkata = convert_all(FieldType.DATETIME, cells, timezone="Asia/Kolkata")
    assert in_kolkata == ["2024-08-29T04:30:00", "2024-08-29T10:00:00", None]


SEVERAL = ("%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y-%m-%dT%H:%M:%S%z")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("29.08.2024 10:36", "2024-08-29T08:36:00"),
        ("29.08.2024", "2024-08-28T22:00:00"),
        ("2024-08-29T10:36:23+0530", "2024-08-29T05:06:23"),
        ("2024-08-29", None),
        ("31.03.2024 02:30", None),
        ("today", None),
    ],
)
def test_the_first_format_that_fits_wins(cell: str, value: str | None):
    """A column may be written in several ways, with and without an offset."""
    assert convert_one(FieldType.DATETIME, cell, formats=SEVERAL, timezone="Europe/Berlin") == value


def test_cells_in_several_formats_are_each_read_by_its_own():
    """One column, all formats, in any order."""
    cells = ["29.08.2024", "x", "29.08.2024 10:36", "30.08.2024"]
    expected = ["2024-08-29T00:00:00", None, "2024-08-29T10:36:00", "2024-08-30T00:00:00"]
    assert convert_all(FieldType.DATETIME, cells, formats=SEVERAL[:2]) == expected


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("20240829", "2024-08-29"),
        ("29082024", "2024-08-29"),
        ("20120110", None),
        ("20202020", None),
    ],
)
def test_a_cell_that_is_two_dates_is_none(cell: str, value: str | None):
    """Where two formats fit and disagree, no order of the list decides."""
    for formats in (("%Y%m%d", "%d%m%Y"), ("%d%m%Y", "%Y%m%d")):
        assert convert_one(FieldType.DATE, cell, formats=formats) == value
