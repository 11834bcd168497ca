"""The header of a manifest is its first row or a row below a title, and never a ticket."""

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
def test_header_below_a_title_is_found(above: list[tuple[str, ...]], tmp_path: Path):
    """The draft sets its row."""
    rows = [("ID", "Email", "Subject"), *((str(n), f"a{n}@example.com", f"It is broken ({n})") for n in range(9))]
    suggestion = drafted(tmp_path, *above, *rows)
    mapping = loaded(tmp_path, suggestion)
    assert mapping.key == ("ID",)
    assert mapping.manifest.header_row == len(above) + 1
    assert "# guess: the rows above look like a title" in suggestion.text


def test_file_without_a_usable_header_is_refused(tmp_path: Path):
    """The error is that of the first row."""
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
def test_unusable_header_is_not_replaced_by_a_ticket(header: tuple[str, ...], wrong: str, count: int, tmp_path: Path):
    """The error names the missing names, for any number of rows."""
    with pytest.raises(ManifestError, match="row 1: the header can't be used") as caught:
        drafted(tmp_path, header, *ROWS[:count])
    assert wrong in caught.value.details


@pytest.mark.parametrize("header", [("Summary", "Issue key", "Email", "Label"), ("Summary", "Issue key", "Email", "Label", "")])  # fmt: skip
def test_header_with_too_few_names_is_an_error(header: tuple[str, ...], tmp_path: Path):
    """Every row has one cell more."""
    with pytest.raises(ManifestError, match=r"row 1: .* the rows below it have more cells \(5\) than it has names"):
        drafted(tmp_path, header, *ROWS)


def test_short_rows_do_not_change_the_header(tmp_path: Path):
    """`validate` reports them."""
    header = ("Summary", "Issue key", "Email", "Label", "Team")
    suggestion = drafted(tmp_path, header, ROWS[0], *(row[:3] for row in ROWS[1:] * 4))
    assert loaded(tmp_path, suggestion).manifest.header_row == 1
    assert fields_of(suggestion, Confidence.SURE)["Email"] == "LeadDetail.EmailAddress"


def test_ticket_below_a_title_is_not_the_header(tmp_path: Path):
    """Its cells are like those of the rows below it."""
    with pytest.raises(ManifestError, match="row 1: the header can't be used"):
        drafted(tmp_path, ("Tickets of March",), *ROWS)


def test_ticket_of_words_is_not_the_header(tmp_path: Path):
    """One of its words is also in a row below it."""
    rows = [(f"Fix {n}", "vpn", f"x{n}", f"a{n}@example.com" if n else "unknown") for n in range(9)]
    with pytest.raises(ManifestError, match="row 1: the header can't be used"):
        drafted(tmp_path, ("Summary", "", "Labels", "Email"), *rows)
