"""A title above the header is told from the header, with the line that mends the mapping; it is never skipped unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.books import Cell, Error, Formatted, Formula, Page, write
from tests.manifest.reading import read, refusal

ROWS: list[list[Cell]] = [["Tickets of March"], [], ["id", "subject"], ["T-1", "x"]]


@pytest.mark.parametrize("kind", [".xlsx", ".xlsb", ".xls", ".ods"])
def test_a_title_is_no_header(tmp_path: Path, kind: str) -> None:
    """The row below that has the mapping's columns is named, and with it the file is read."""
    path = write(tmp_path / f"tickets{kind}", Page(rows=ROWS))
    text = refusal(path, ["id", "subject"])
    assert "row 1 ('Tickets of March') is not the header: the names of the mapping's columns are in row 3" in text
    assert "Add this line to the mapping: `manifest: {header_row: 3}`" in text
    assert read(path, ["id", "subject"], header_row=3).cells == [["T-1", "x"]]


def test_a_title_of_several_cells(tmp_path: Path) -> None:
    """It is told before its nameless columns are: whoever names those is no further."""
    rows: list[list[Cell]] = [["Export", None, "March"], ["id", "subject", "state"], ["T-1", "x", "y"]]
    path = write(tmp_path / "tickets.xlsx", Page(rows=rows))
    assert "row 1 ('Export', 'March') is not the header" in refusal(path, ["id", "subject"])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("title", ["Tickets of March", "Tickets: March, April; all", '"Tickets, March"', "\n\nTickets"])
def test_a_title_in_a_text_is_no_header(tmp_path: Path, delimiter: str, title: str) -> None:
    """Whatever the title's text is parted by, the delimiter is the one that gives the mapping's columns."""
    path = tmp_path / "tickets.csv"
    path.write_text("\n".join([title, "", delimiter.join(["id", "subject"]), delimiter.join(["T-1", "x"])]))
    header_row = 3 + title.count("\n")
    text = refusal(path, ["id", "subject"])
    assert f"the names of the mapping's columns are in row {header_row}" in text
    assert f"Add this line to the mapping: `manifest: {{header_row: {header_row}}}`" in text
    assert read(path, ["id", "subject"], header_row=header_row).cells == [["T-1", "x"]]


def test_a_row_of_data_may_name_columns(tmp_path: Path) -> None:
    """A text whose header has the mapping's columns is read as it is, and one that is said to begin there, too."""
    path = tmp_path / "tickets.csv"
    path.write_text("id,subject,state\nid,subject,state\nT-1,x,y\n")
    assert read(path, ["id", "subject"]).columns == ["id", "subject", "state"]
    assert read(path, ["id", "subject"], header_row=2).cells == [["T-1", "x", "y"]]
    path.write_text("Tickets of March\nid,subject\n")
    assert read(path).columns == ["Tickets of March"]


def test_the_sheet_with_a_title_is_found_among_others(tmp_path: Path) -> None:
    """A sheet is known by its columns, also where a title stands above them."""
    path = write(tmp_path / "tickets.xlsx", Page(name="Notes", rows=[["remark"]]), Page(rows=ROWS))
    assert "sheet 'Tickets', row 1" in refusal(path, ["id", "subject"])
    assert read(path, ["id", "subject"], header_row=3).manifest.sheet == "Tickets"


def test_a_header_is_not_doubted(tmp_path: Path) -> None:
    """Neither for a cell that reads like a column's name, nor where no name is known, nor for one that is said to be it."""
    rows: list[list[Cell]] = [["id", "subject"], ["subject", "id"], ["T-1", "x"]]
    path = write(tmp_path / "tickets.xlsx", Page(rows=rows))
    assert read(path, ["id", "subject", "state"]).columns == ["id", "subject"]
    assert read(path).columns == ["id", "subject"]
    titled = write(tmp_path / "titled.xlsx", Page(rows=ROWS))
    assert read(titled).columns == ["Tickets of March"]


def test_values_that_were_left_to_be_computed(tmp_path: Path) -> None:
    """Programs that can't compute tell the spreadsheet to; until it has, the stored values are as good as none."""
    path = write(tmp_path / "tickets.xlsx", Page(rows=[["id", "n"], ["T-1", Formula("=1+1")]]))
    (warning,) = read(path).manifest.format.warnings
    assert "open the workbook in Excel and save it" in warning


@pytest.mark.parametrize("kind", [".xlsx", ".xlsb", ".xls", ".ods"])
def test_a_title_beside_the_table(tmp_path: Path, kind: str) -> None:
    """Columns in front that only the title has are none of the table: what is advised leads to its rows."""
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
def test_a_column_in_front_with_something_in_it_needs_a_name(tmp_path: Path, cell: Cell) -> None:
    """Whatever stands below the header is of the table."""
    path = write(tmp_path / "tickets.xlsx", Page(rows=[["Export"], [None, None, "id"], [None, cell, "T-1"]]))
    text = refusal(path, ["id"], header_row=2)
    assert "column B has no name" in text
    assert "column A" not in text
