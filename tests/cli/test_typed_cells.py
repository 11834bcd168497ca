"""Dates and numbers typed as such in a workbook need no `format` and no `decimal`, up to the rerun of the results."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.cli.shop import Account, Shop
from tests.manifest.books import Cell, Page, write

MAPPING = """\
version: 1
source: shop
key: ID
columns:
  ID: CustomData.LegacyId
  Title: {field: Title, required: true}
  Email: LeadDetail.EmailAddress
  Due: {field: DueDate, type: datetime, format: "%d/%m/%Y %H:%M", timezone: Asia/Kolkata}
  Day: {field: CustomData.PurchaseDate, type: date, format: "%d.%m.%Y"}
  Cost: {field: CustomData.Amount, type: number, decimal: ",", thousands: "."}
"""
HEAD: list[Cell] = ["ID", "Title", "Email", "Due", "Day", "Cost"]
MAIL = "lead@example.com"


@pytest.mark.parametrize("ending", ["xlsx", "xlsb", "xls", "ods"])
def test_typed_cells_and_texts_give_the_same_tickets(shop: Shop, account: Account, ending: str) -> None:
    """A text must match the format; a rejected row's results are sent again by the same rules."""
    shop.path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    due, day = dt.datetime.fromisoformat("2024-08-05T10:36:00"), dt.date.fromisoformat("2024-08-05")
    rows: list[list[Cell]] = [
        ["1", "typed", MAIL, due, day, 1234.5],
        ["2", "texts", MAIL, "05/08/2024 10:36", "05.08.2024", "1.234,5"],
        ["3", "other texts", MAIL, "05-08-2024 10:36", "08/05/2024", "1,234.5"],
        ["4", "", MAIL, due, day, 1234.5],
    ]
    write(shop.path("tickets.xlsx").with_suffix(f".{ending}"), Page(rows=[HEAD, *rows]))
    done = shop.do("run", f"tickets.{ending}", "-m", "mapping.yaml", "--skip-invalid", "--json")
    assert (done.code, done.summary["created"]) == (1, 2)
    third, fourth = shop.results()[2:]
    for wrong in ("a date such as 29/08/2024 10:36, or a date cell", "29.08.2024, or a date cell", "12,5"):
        assert wrong in third["import_error"]
    assert fourth["import_error_code"] == "missing-value"
    path = shop.path("tickets.results.csv")
    path.write_bytes(path.read_bytes().replace(b"4,,lead", b"4,mended,lead"))
    assert shop.rerun("--skip-invalid", "--json").summary["created"] == 3
    sent = {
        tuple(map(ticket.value, ("DueDate", "CustomData.PurchaseDate", "CustomData.Amount")))
        for ticket in account.tickets
    }
    assert sent == {("2024-08-05T05:06:00", "2024-08-05", "1234.5")}
