"""Numbers, words, phone numbers and dates in local notations: read by the rule, or refused; never guessed."""

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
    """With points between thousands: any other grouping is a problem, never a decimal point."""
    assert convert_one(FieldType.NUMBER, cell, decimal=",", thousands=".") == value


@pytest.mark.parametrize(("cell", "value"), [("1.5", None), ("1,5", "1.5"), ("1.000,5", None), ("1000", "1000")])
def test_a_point_is_invalid_beside_a_decimal_comma(cell: str, value: str | None):
    """Without `thousands` a point is not allowed."""
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
def test_thousands_separators(thousands: str, cell: str, value: str | None):
    """Threes, and lakhs and crores; a blank may be any kind of blank, but one kind per number."""
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
        ("0.125", {FieldType.NUMBER: "0.125"}),
        ("-12.5", {FieldType.NUMBER: "-12.5"}),
        ("1234.5678", {FieldType.NUMBER: "1234.5678"}),
        ("12.50", None),
    ],
)
def test_a_point_in_a_workbook_is_ambiguous_as_thousands_separator(
    kind: FieldType, cell: str, value: str | dict[FieldType, str] | None
):
    """1.234 could be a stored number or a grouped text; with another separator, or other digits, it is clear."""
    value = value.get(kind) if isinstance(value, dict) else value
    decimal = {"decimal": ","} if kind is FieldType.NUMBER else {}
    assert convert_one(kind, cell, thousands=".", stored_types=frozenset({"number"}), **decimal) == value
    assert convert_one(kind, "1,234", thousands=",", stored_types=frozenset({"number"})) == "1234"


@pytest.mark.parametrize(("cell", "value"), [("12.5", "12.5"), ("12,5", "12.5"), ("1.234", None), ("1.5.2", None)])
def test_a_stored_number_beside_a_decimal_comma(cell: str, value: str | None):
    """A number cell has a point whatever `decimal` is; three digits behind it may be thousands of a text."""
    assert convert_one(FieldType.NUMBER, cell, decimal=",", stored_types=frozenset({"number"})) == value


@pytest.mark.parametrize(
    ("kind", "formats", "cell", "value"),
    [
        (FieldType.DATE, ("%d/%m/%Y",), "2024-08-05", "2024-08-05"),
        (FieldType.DATE, ("%d/%m/%Y",), "05/08/2024", "2024-08-05"),
        (FieldType.DATE, ("%Y-%d-%m",), "2024-08-05", None),  # 5 August as a date cell, 8 May as a text
        (FieldType.DATE, ("%Y-%d-%m",), "2024-08-29", "2024-08-29"),
        (FieldType.DATE, ("%d/%m/%Y",), "2024-08-05T10:36:23", None),
        (FieldType.DATETIME, ("%d/%m/%Y",), "2024-08-05T10:36:23", "2024-08-05T05:06:23"),
        (FieldType.DATETIME, ("%d/%m/%Y",), "2024-08-05T10:36:23.500000", "2024-08-05T05:06:23"),
        (FieldType.DATETIME, ("epoch",), "2024-08-05", "2024-08-04T18:30:00"),
        (FieldType.DATETIME, ("%d/%m/%Y",), "2024-08-05 10:36:23", None),
        (FieldType.DATETIME, ("%d/%m/%Y",), "2024-08-05T10:36:23Z", None),
        (FieldType.DATETIME, ("%d/%m/%Y",), "10:36:23", None),
    ],
)
def test_a_date_cell_needs_no_format(kind: FieldType, formats: tuple[str, ...], cell: str, value: str | None):
    """A cell as date cells are read is accepted beside the formats in a workbook only, and never where both differ."""
    zone = {"timezone": "Asia/Kolkata"} if kind is FieldType.DATETIME else {}
    assert convert_one(kind, cell, format=formats, stored_types=frozenset({"date"}), **zone) == value
    if cell.startswith("2024-08-05") and formats != ("%Y-%d-%m",):
        assert convert_one(kind, cell, format=formats, **zone) is None


@settings(deadline=None)
@given(number=st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12))
def test_grouped_numbers_keep_their_value(number: Decimal):
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
def test_boolean_words_replace_the_usual_ones(cell: str, value: str | None):
    """In any letter case; unlisted words are not guessed."""
    words = {"true_words": ("ja", "wahr", "strasse"), "false_words": ("nein",)}
    assert convert_one(FieldType.BOOLEAN, cell, **words) == value


def test_true_words_alone_leave_the_false_words_unchanged():
    """A rule may set `true_words` without `false_words`."""
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
    """Read in the region's notation, sent as E.164, without extensions; local-only numbers are refused."""
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
    """The offset in the cell wins over the zone."""
    assert convert_one(FieldType.DATETIME, cell, timezone=zone) == value


def test_cells_with_and_without_an_offset_may_be_mixed():
    """A cell without an offset is in the rule's zone, or sent as written."""
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
    """A column may use several formats, with and without an offset."""
    assert convert_one(FieldType.DATETIME, cell, format=SEVERAL, timezone="Europe/Berlin") == value


def test_each_cell_is_read_by_the_format_that_matches():
    """One column, all formats, in any order."""
    cells = ["29.08.2024", "x", "29.08.2024 10:36", "30.08.2024"]
    expected = ["2024-08-29T00:00:00", None, "2024-08-29T10:36:00", "2024-08-30T00:00:00"]
    assert convert_all(FieldType.DATETIME, cells, format=SEVERAL[:2]) == expected


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("20240829", "2024-08-29"),
        ("29082024", "2024-08-29"),
        ("20120110", None),
        ("20202020", None),
    ],
)
def test_a_cell_that_two_formats_read_differently_is_ambiguous(cell: str, value: str | None):
    """The order of the list does not decide."""
    for formats in (("%Y%m%d", "%d%m%Y"), ("%d%m%Y", "%Y%m%d")):
        assert convert_one(FieldType.DATE, cell, format=formats) == value
