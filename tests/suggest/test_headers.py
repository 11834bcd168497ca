"""The header of a draft's manifest: the first row, or one below a title, and never a ticket."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import ManifestError
from importer.suggest.decisions import Confidence
from tests.suggest.making import drafted, fields_of, loaded

ROWS = [("Fix it", "HD-1", "a@example.com", "x", "y"), ("Do it", "HD-2", "b@example.com", "x", "y"), ("Be it", "HD-3", "c@example.com", "x", "y")]  # fmt: skip


@pytest.mark.parametrize(
    "above", [[("Report",)], [("Report", "", "of March"), ("", "", "")], [("Report",), ("made by",), ()]]
)
def test_a_header_below_a_title_is_found(above: list[tuple[str, ...]], tmp_path: Path):
    """What a program wrote above the table is passed over, and the mapping says where the header is."""
    rows = [("ID", "Email", "Subject"), *((str(n), f"a{n}@example.com", f"It is broken ({n})") for n in range(9))]
    suggestion = drafted(tmp_path, *above, *rows)
    mapping = loaded(tmp_path, suggestion)
    assert mapping.key == ("ID",)
    assert mapping.manifest.header_row == len(above) + 1
    assert "# guess: the rows above look like a title" in suggestion.text


def test_a_file_without_a_usable_header_is_refused(tmp_path: Path):
    """Where no row near the top is a header, the error is that of the first row."""
    with pytest.raises(ManifestError, match="row 1"):
        drafted(tmp_path, *[("a", "", "b")] * 20)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(
    ("header", "wrong"),
    [
        (("Summary", "Issue key", "", "", "Labels"), "column C has no name"),
        (("Summary", "Issue key", "Email", "", "Labels"), "column D has no name"),
    ],
)
def test_a_header_that_can_not_be_used_is_said_and_no_ticket_takes_its_place(
    header: tuple[str, ...], wrong: str, count: int, tmp_path: Path
):
    """Of names that are missing the first row's error tells, however few rows there are."""
    with pytest.raises(ManifestError, match="row 1: the header can't be used") as caught:
        drafted(tmp_path, header, *ROWS[:count])
    assert wrong in caught.value.details


@pytest.mark.parametrize("header", [("Summary", "Issue key", "Email", "Label"), ("Summary", "Issue key", "Email", "Label", "")])  # fmt: skip
def test_a_header_that_is_a_name_short_is_said(header: tuple[str, ...], tmp_path: Path):
    """Where every row has a cell more than the header, there is nothing to draft, and the error says why."""
    with pytest.raises(ManifestError, match=r"row 1: .* the rows below it have more cells \(5\) than it has names"):
        drafted(tmp_path, header, *ROWS)


def test_rows_that_are_too_short_do_not_make_a_ticket_the_header(tmp_path: Path):
    """However many rows lack cells, the names are the first row's: `validate` then says which rows are too short."""
    header = ("Summary", "Issue key", "Email", "Label", "Team")
    suggestion = drafted(tmp_path, header, ROWS[0], *(row[:3] for row in ROWS[1:] * 4))
    assert loaded(tmp_path, suggestion).manifest.header_row == 1
    assert fields_of(suggestion, Confidence.SURE)["Email"] == "LeadDetail.EmailAddress"


def test_rows_below_a_title_are_no_header_where_it_has_none(tmp_path: Path):
    """A row that holds what the rows below it hold is a ticket, also when only a title stands above it."""
    with pytest.raises(ManifestError, match="row 1: the header can't be used"):
        drafted(tmp_path, ("Tickets of March",), *ROWS)


def test_a_ticket_with_words_for_all_is_no_header(tmp_path: Path):
    """A ticket of which nothing tells it from names, but that a word of it comes again below, is a ticket."""
    rows = [(f"Fix {n}", "vpn", f"x{n}", f"a{n}@example.com" if n else "unknown") for n in range(9)]
    with pytest.raises(ManifestError, match="row 1: the header can't be used"):
        drafted(tmp_path, ("Summary", "", "Labels", "Email"), *rows)
