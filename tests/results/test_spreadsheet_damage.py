"""Changes by a spreadsheet are told apart from edits by a user."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.results.spreadsheet_damage import changed_by_spreadsheet

LONG = "x" * 40_000


@pytest.mark.parametrize(
    ("original", "found", "reason"),
    [
        ("00123", "123", "number"),
        ("-007", "-7", "number"),
        ("+4912345", "4912345", "number"),
        ("1.50", "1.5", "number"),
        ("50%", "0.5", "number"),
        ("$5.00", "5", "number"),
        ("1,234.50", "1234.5", "number"),
        ("(5)", "-5", "number"),
        ("1e5", "100000", "number"),
        ("1e5", "1.00E+05", "number"),
        ("123456789012345", "1.23457E+14", "number"),
        ("100000000000001", "1E+14", "number"),
        ("12345678901234567890", "12345678901234500000", "number"),
        ("12345678901234567890", "1.23456789012346E+019", "number"),
        ("0.12345678901234", "0.123456789", "number"),
        ("2024-08-29", "29/08/2024", "date"),
        ("2024-08-29", "8/29/24", "date"),
        ("2024-08-29", "29-Aug-24", "date"),
        ("2024-08-29", "29.08.2024", "date"),
        ("2024-08-29", "45533", "date"),
        ("2024-08-29", "2024-08-29T00:00:00", "date"),
        ("2024-08-29 10:36:00", "29/08/2024 10:36", "date"),
        ("8/29/2024 10:36 PM", "2024-08-29T22:36:00", "date"),
        ("MAR1", "01-Mar", "date"),
        ("1-2", "01-Feb", "date"),
        ("1/2", "2024-01-02T00:00:00", "date"),
        ("Sep 2024", "Sep-24", "date"),
        ("10:36", "10:36:00", "date"),
        ("true", "TRUE", "TRUE or FALSE"),
        ("=1+1", "2", "formula"),
        ("=A1", "", "formula"),
        ("-see below", "#NAME?", "formula"),
        ("@home", "Err:508", "formula"),
        (LONG, LONG[:32_767], "cut"),
        ("Grüße ✓", "Grüße ?", "characters"),
    ],
)
def test_change_by_a_spreadsheet_has_a_reason(original, found, reason) -> None:
    """Zeros, digits, dates, booleans, formulas, long texts and other scripts, as Excel and LibreOffice save them."""
    assert reason in changed_by_spreadsheet(original, found)


@pytest.mark.parametrize(
    ("original", "found"),
    [
        ("123", "00123"),
        ("4912345", "+4912345"),
        ("5", "6"),
        ("-5", "5"),
        ("5", ""),
        ("", "0"),
        ("100", "1000"),
        ("1.23", "1.2"),
        ("123456789012", "123456789013"),
        ("12345678901234567", "12345678901234568"),
        ("00123", "124"),
        ("2024-08-29", "2024-08-30"),
        ("31/02/2024", "28/02/2024"),
        ("10:36", "10:37"),
        ("10:36:15", "10:36:16"),
        ("Open", "Closed"),
        ("true", "false"),
        ("yes", "TRUE"),
        ("=1+1", "one and one"),
        ("Müller", "Muller"),
        ("Müller", "Mueller"),
        ("what", "wha?"),
        (LONG, LONG[:200]),
        ("9" * 5_000, "1"),
        ("1e999999999", "2e999999999"),
    ],
)
def test_edit_by_a_user_has_no_reason(original, found) -> None:
    """A different value, an added zero, a word instead of a code."""
    assert changed_by_spreadsheet(original, found) == ""


def test_a_guessed_encoding_is_suspected() -> None:
    """If the encoding is a guess, changed letters beyond ASCII are not edits."""
    assert changed_by_spreadsheet("Łódź", "£ód\u009f") == ""
    assert "characters" in changed_by_spreadsheet("Łódź", "£ód\u009f", guessed=True)
    assert changed_by_spreadsheet("Łódź", "Lodz", guessed=True) == ""


CELL = st.text(max_size=20) | st.from_regex(r"[0-9eE+\-./:,% ()]{1,14}", fullmatch=True)


@given(CELL)
def test_unchanged_cell_has_no_reason(cell) -> None:
    """Also with other line ends."""
    assert changed_by_spreadsheet(cell, cell) == ""
    assert changed_by_spreadsheet(cell.replace("\n", "\r\n"), cell.replace("\r\n", "\n").replace("\r", "\n")) == ""


@given(CELL, CELL)
def test_any_two_cells_can_be_compared(original, found) -> None:
    """There is a reason or none, and never an error."""
    assert isinstance(changed_by_spreadsheet(original, found), str)


@example(16_294_579_238_595_021_824, 1)
@example(18_014_398_509_481_983, 1)
@given(st.integers(0, 10**25), st.integers(1, 4))
def test_lost_zeros_are_always_reported(number, zeros) -> None:
    """For numbers of any length, however they are shown."""
    original = "0" * zeros + str(number)
    for found in (str(number), repr(float(number)), f"{float(number):.5E}"):
        if "E" not in found.upper() or number:
            assert changed_by_spreadsheet(original, found), found
