"""Results as spreadsheets save them again: what Excel and LibreOffice do to a CSV file and to a workbook."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import openpyxl

Record = list[str]
Edit = Callable[[list[Record]], list[Record]]


def read(path: Path) -> list[Record]:
    """All records of a results file as it was written, the header first."""
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        rows = book.active.iter_rows(values_only=True)  # type: ignore[union-attr]
        return [["" if cell is None else str(cell) for cell in row] for row in rows]
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def save(
    path: Path,
    records: Sequence[Sequence[str]],
    *,
    encoding: str = "utf-8-sig",
    delimiter: str = ",",
    line_end: str = "\r\n",
    quoting: int = csv.QUOTE_MINIMAL,
) -> None:
    """Save as CSV; a character that the encoding lacks becomes a question mark."""
    with path.open("w", encoding=encoding, newline="", errors="replace") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
        writer.writerows(records)


def save_workbook(path: Path, records: Sequence[Sequence[str]], *, numbers: bool = False) -> None:
    """Save as a workbook; with ``numbers``, what looks like a number is one."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row, record in enumerate(records, 1):
        for place, text in enumerate(record, 1):
            cell = sheet.cell(row, place, _as_number(text) if numbers else text or None)
            if isinstance(cell.value, str):
                cell.data_type = "s"  # never a formula
    book.save(path)
    book.close()


def as_excel_shows(cell: str) -> str:
    """What becomes of a cell of a CSV file that Excel has opened and saved."""
    if not re.fullmatch(r"[+-]?\d+(\.\d+)?", cell):
        return cell[:32_767]
    number = Decimal(cell)
    if len(cell) > 11:
        return f"{number:.5E}"
    return f"{number.normalize():f}"


def _as_number(cell: str) -> str | float | None:
    return float(cell) if re.fullmatch(r"\d{1,15}(\.\d+)?", cell) else cell or None


def mend(path: Path, key: str, **cells: str) -> None:
    """Change a row, known by ``import_key``, and leave the others as they are."""
    header, *records = read(path)
    for record in records:
        if record[header.index("import_key")] == key:
            for name, value in cells.items():
                record[header.index(name)] = value
    (save_workbook if path.suffix == ".xlsx" else save)(path, [header, *records])


def column(path: Path, name: str) -> list[str]:
    """One column of a results file."""
    header, *records = read(path)
    return [record[header.index(name)] for record in records]
