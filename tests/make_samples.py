"""Make sample_data/tickets.xlsx from sample_data/tickets.csv: ``python -m tests.make_samples``.

The workbook is what someone gets who types the CSV's cells into Excel with care: dates are dates, padded numbers are
numbers under a format of zeros, yes and no are booleans, and the rest is text. Read as text, it equals the CSV.
"""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

SAMPLES = Path(__file__).parent.parent / "sample_data"

_PADDED = {"Legacy ID", "Customer no"}
_NUMBERS = {"Prio", "Hours", "Amount"}
_DATES = {"Purchased"}
_BOOLEANS = {"Escalated": {"TRUE": True, "FALSE": False}}

Cell = tuple[object, str]  # value, number format


def typed(column: str, text: str) -> Cell:
    """What Excel would hold for a text of the CSV: the value and its number format."""
    if text and column in _PADDED and text.isdecimal():
        return int(text), "0" * len(text)
    if text and column in _NUMBERS and text.replace(".", "", 1).lstrip("-").isdecimal():
        return (float(text) if "." in text else int(text)), "General"
    if text and column in _DATES:
        return dt.datetime.fromisoformat(text), "yyyy-mm-dd"
    return _BOOLEANS.get(column, {}).get(text, text), "General"


def read_table(path: Path) -> list[list[str]]:
    """The CSV's records, the header first."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def make_workbook(source: Path, target: Path) -> None:
    """Write ``source`` (CSV) as the workbook ``target``, always the same bytes."""
    header, *records = read_table(source)
    # Text that looks like a formula or a link stays text.
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(target), options) as book:
        book.set_properties({"created": dt.datetime(2024, 8, 29, tzinfo=dt.UTC)})
        sheet = book.add_worksheet("Tickets")
        bold = book.add_format({"bold": True})
        formats = {}
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(header):
            sheet.write_string(0, column, name, bold)
        for row, record in enumerate(records, start=1):
            for column, (name, text) in enumerate(zip(header, record, strict=True)):
                value, number_format = typed(name, text)
                if number_format not in formats:
                    formats[number_format] = book.add_format({"num_format": number_format})
                if value != "":
                    sheet.write(row, column, value, formats[number_format])


if __name__ == "__main__":
    make_workbook(SAMPLES / "tickets.csv", SAMPLES / "tickets.xlsx")
