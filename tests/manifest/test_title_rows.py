"""A title above the header is reported, with the mapping's line to skip it; it is never skipped unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.books import Cell, Error, Formatted, Formula, Page, write
from tests.manifest.reading import read, refusal

ROWS: list[list[Cell]] = [["Tickets of March"], [], ["id", "subject"], ["T-1", "x"]]


@pytest.mark.parametrize("kind", [".xlsx", ".xlsb", ".xls", ".ods"])
def test_header_below_a_title_is_suggested(tmp_path: Path, kind: str) -> None:
    """With the suggested `header_row` the file is read."""
    path = write(tmp_path / f"tickets{kind}", Page(rows=ROWS))
    text = refusal(path, ["id", "subject"])
    assert "row 1 ('Tickets of March') is not the header: the names of the mapping's columns are in row 3" in text
    assert "Add this line to the mapping: `manifest: {header_row: 3}`" in text
    assert read(path, ["id", "subject"], header_row=3).cells == [["T-1", "x"]]


def test_title_is_reported_instead_of_nameless_columns(tmp_path: Path) -> None:
    """Names for these columns would not help."""
    rows: list[list[Cell]] = [["Export", None, "March"], ["id", "subject", "state"], ["T-1", "x", "y"]]
    path = write(tmp_path / "tickets.xlsx", Page(rows=rows))
    assert "row 1 ('Export', 'March') is not the header" in refusal(path, ["id", "subject"])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("title", ["Tickets of March", "Tickets: March, April; all", '"Tickets, March"', "\n\nTickets"])
def test_title_of_a_text_with_any_delimiter_is_found(tmp_path: Path, delimiter: str, title: str) -> None:
    """The delimiter that yields the mapping's columns is used."""
    path = tmp_path / "tickets.csv"
    path.write_text("\n".join([title, "", delimiter.join(["id", "subject"]), delimiter.join(["T-1", "x"])]))
    header_row = 3 + title.count("\n")
    text = refusal(path, ["id", "subject"])
    assert f"the names of the mapping's columns are in row {header_row}" in text
    assert f"Add this line to the mapping: `manifest: {{header_row: {header_row}}}`" in text
    assert read(path, ["id", "subject"], header_row=header_row).cells == [["T-1", "x"]]


def test_row_of_column_names_below_the_header_is_data(tmp_path: Path) -> None:
    """If the header has the mapping's columns, or the mapping sets `header_row`."""
    path = tmp_path / "tickets.csv"
    path.write_text("id,subject,state\nid,subject,state\nT-1,x,y\n")
    assert read(path, ["id", "subject"]).columns == ["id", "subject", "state"]
    assert read(path, ["id", "subject"], header_row=2).cells == [["T-1", "x", "y"]]
    path.write_text("Tickets of March\nid,subject\n")
    assert read(path).columns == ["Tickets of March"]


def test_sheet_with_a_title_is_chosen_by_its_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "tickets.xlsx", Page(name="Notes", rows=[["remark"]]), Page(rows=ROWS))
    assert "sheet 'Tickets', row 1" in refusal(path, ["id", "subject"])
    assert read(path, ["id", "subject"], header_row=3).manifest.sheet == "Tickets"


def test_other_headers_are_accepted(tmp_path: Path) -> None:
    """If a cell is like a column name, no name is known, or `header_row` is set."""
    rows: list[list[Cell]] = [["id", "subject"], ["subject", "id"], ["T-1", "x"]]
    path = write(tmp_path / "tickets.xlsx", Page(rows=rows))
    assert read(path, ["id", "subject", "state"]).columns == ["id", "subject"]
    assert read(path).columns == ["id", "subject"]
    titled = write(tmp_path / "titled.xlsx", Page(rows=ROWS))
    assert read(titled).columns == ["Tickets of March"]


def test_formulas_that_were_never_computed_are_reported(tmp_path: Path) -> None:
    """Some programs leave the computing to the spreadsheet and store no values."""
    path = write(tmp_path / "tickets.xlsx", Page(rows=[["id", "n"], ["T-1", Formula("=1+1")]]))
    (warning,) = read(path).manifest.format.warnings
    assert "open the workbook in Excel and save it" in warning


@pytest.mark.parametrize("kind", [".xlsx", ".xlsb", ".xls", ".ods"])
def test_columns_that_only_the_title_has_are_ignored(tmp_path: Path, kind: str) -> None:
    """The suggested line leads to the rows."""
    rows: list[list[Cell]] = [
        ["Export of 2024"],
        [],
        [None, None, "id", "zip"],
        [None, None, "T-1", Formatted(7, "000")],
    ]
    page = Page(rows=[*rows, [None, None, "T-2", Error("#N/A")]])
    path = write(tmp_path / f"tickets{kind}", page)
    assert "`manifest: {header_row: 3}`" in refusal(path, ["id", "zip"])
    table = read(path, ["id", "zip"], header_row=3)
    assert (table.columns, table.cells, table.rows) == (["id", "zip"], [["T-1", "007"], ["T-2", "#N/A"]], [4, 5])
    assert [problem.message for problem in table.problems] == ["zip: cell D5 holds the error #N/A"]


@pytest.mark.parametrize("cell", ["x", 5, Error("#N/A"), Formula("=1+1")])
def test_first_column_with_content_needs_a_name(tmp_path: Path, cell: Cell) -> None:
    path = write(tmp_path / "tickets.xlsx", Page(rows=[["Export"], [None, None, "id"], [None, cell, "T-1"]]))
    text = refusal(path, ["id"], header_row=2)
    assert "column B has no name" in text
    assert "column A" not in text
