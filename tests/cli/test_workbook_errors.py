"""A cell that holds an error or an uncomputed formula keeps its row back, from the first check to the last rerun."""

from __future__ import annotations

import pytest

from tests.cli.shop import HEADER, Account, Shop, good_row
from tests.cli.spreadsheets import read, save
from tests.manifest.books import Cell, Error, Formula, Page, write


@pytest.fixture
def book(shop: Shop, account: Account) -> Account:
    """A workbook of four rows: one is good, two hold errors, and of one the error is in a column that is ignored."""
    rows: list[list[Cell]] = [[*HEADER, "Notes"]]
    rows += [[*good_row(number), None] for number in range(1, 5)]
    rows[2][1], rows[2][2] = Error("#REF!"), Error("#N/A")
    rows[3][1] = Formula("=A1&B1")
    rows[4][4] = Error("#NAME?")
    write(shop.path("tickets.xlsx"), Page(rows=rows))
    mapping = shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text("utf-8") + "ignore: [Notes]\n", encoding="utf-8")
    return account


def test_every_cell_error_is_reported_except_in_ignored_columns(shop: Shop, book: Account):
    """All of a row at once, each with its cell; what the mapping doesn't use harms nothing."""
    done = shop.do("validate", "tickets.xlsx", "-m", "mapping.yaml", "--report", "report.csv")
    assert done.code == 1
    report = shop.path("report.csv").read_text("utf-8-sig")
    for text in ("cell B3 holds the error #REF!", "cell C3 holds the error #N/A", "cell B4 holds the formula =A1&B1"):
        assert text in report
    assert "E5" not in report
    assert "rows         4: 2 rejected" in done.out


def test_a_row_with_a_cell_error_is_not_sent_until_it_is_corrected(shop: Shop, book: Account):
    """The results show what the cell showed. A rerun without an edit sends nothing; corrected rows are sent."""
    assert shop.do("run", "tickets.xlsx", "-m", "mapping.yaml", "--skip-invalid").code == 1
    assert shop.statuses() == {"created": 2, "rejected": 2}
    first, second = (row for row in shop.results() if row["import_status"] == "rejected")
    assert (first["Subject"], first["State"], first["import_error_code"]) == ("#REF!", "#N/A", "cell-error")
    assert (second["Subject"], second["import_error_code"]) == ("=A1&B1", "formula-without-value")
    assert shop.rerun().code == 1
    assert len(book.tickets) == 2
    correct_row(shop, "3", Subject="mended", State="Open")
    correct_row(shop, "4", Subject="computed")
    assert shop.rerun().code == 0
    titles = [dict(ticket.fields)["Title"] for ticket in book.tickets]
    assert sorted(titles) == ["Ticket 1", "Ticket 4", "computed", "mended"]


def correct_row(shop: Shop, row: str, **cells: str) -> None:
    """Change a row of the results, known by its number."""
    path = shop.path("tickets.results.csv")
    header, *records = read(path)
    for record in records:
        if record[header.index("import_row")] == row:
            for name, value in cells.items():
                record[header.index(name)] = value
    save(path, [header, *records])
