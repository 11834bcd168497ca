"""Writes a results workbook with a library: `python -m tests.bench.workbook_writers LIBRARY FILE ROWS`.

It prints the CPU seconds. Rows have ten columns of a manifest and those of a result.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from importer.models import Status
from importer.results import COLUMNS as RESULT_COLUMNS
from importer.results import ResultRow, RowResults
from importer.results.workbook import ResultsWorkbook
from tests.bench.inputs import COLUMNS, LEDGER_RUN, wide_row

ALL_COLUMNS = (*COLUMNS, *RESULT_COLUMNS)


def result_row(n: int) -> tuple[str, ...]:
    """Return a row with its result: a ticket."""
    ids = (f"00000000-0000-4000-8000-{n:012}", str(n + 1), f"#{n + 1}")
    outcome = (str(n + 2), f"L-{n:08}", "created", *ids, "", "", "", "1", "2026-01-01T00:00:00Z", "bench", LEDGER_RUN)
    return (*wide_row(n), *outcome)


def write_ours(path: Path, rows: Iterator[Sequence[str]]) -> None:
    """Write it as the importer does."""
    with ResultsWorkbook(path, COLUMNS) as file:
        while some := list(itertools.islice(rows, 2_000)):
            results = [ResultRow(row=0, key="", status=Status.CREATED, kept=tuple(row[len(COLUMNS) :])) for row in some]
            file.add(RowResults(cells=[row[: len(COLUMNS)] for row in some], results=results))


def write_xlsxwriter(path: Path, rows: Iterator[Sequence[str]]) -> None:
    """Write it with XlsxWriter, row by row, in little memory."""
    import xlsxwriter  # type: ignore[import-untyped]  # noqa: PLC0415 - only the measured library is loaded

    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = book.add_worksheet()
    for place, row in enumerate(_with_header(rows)):
        for column, cell in enumerate(row):
            sheet.write_string(place, column, cell)
    book.close()


def write_openpyxl(path: Path, rows: Iterator[Sequence[str]]) -> None:
    """Write it with openpyxl, row by row, in little memory."""
    import openpyxl  # noqa: PLC0415 - as above

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in _with_header(rows):
        sheet.append(row)
    book.save(path)


def _with_header(rows: Iterator[Sequence[str]]) -> Iterator[Sequence[str]]:
    yield ALL_COLUMNS
    yield from rows


def main(client: str, target: str, rows: str) -> None:
    """Write the workbook and print the seconds."""
    write = {"ours": write_ours, "xlsxwriter": write_xlsxwriter, "openpyxl": write_openpyxl}[client]
    ready = [result_row(n) for n in range(int(rows))]
    begun_s = time.process_time()
    write(Path(target), iter(ready))
    sys.stdout.write(f"{time.process_time() - begun_s}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
