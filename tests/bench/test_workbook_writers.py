"""The libraries that the bench compares write equal workbooks."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from tests.bench import workbook_writers
from tests.bench.workbook_writers import ALL_COLUMNS, result_row


@pytest.mark.parametrize("client", ["ours", "xlsxwriter", "openpyxl"])
def test_every_writer_writes_the_same_rows(tmp_path: Path, client: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each library writes the same cells below the same headers, and its CPU seconds are printed."""
    path = tmp_path / "results.xlsx"
    workbook_writers.main(client, str(path), "3")
    assert float(capsys.readouterr().out) > 0
    book = openpyxl.load_workbook(path)
    rows = [tuple(cell or "" for cell in row) for row in book.worksheets[0].iter_rows(values_only=True)]
    header = rows.pop(0)
    assert [dict(zip(header, row, strict=True)) for row in rows] == [
        dict(zip(ALL_COLUMNS, result_row(n), strict=True)) for n in range(3)
    ]
