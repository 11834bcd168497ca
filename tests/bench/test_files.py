"""Every format, attachments and results workbooks are measured."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from tests.bench import workbook_writers
from tests.bench.attachments import attachments
from tests.bench.cpu_bound import Bench, Repeats
from tests.bench.formats import Rows, formats
from tests.bench.results import results
from tests.bench.workbook_writers import ALL_COLUMNS, result_row


def bench(folder: Path) -> Bench:
    return Bench(folder=folder, repeats=Repeats(most=1, budget_s=0), log=lambda _: None)


def test_each_format_is_compared_with_a_library(tmp_path: Path) -> None:
    """Rejected rows are no failure of the bench; two formats have a goal."""
    found = list(formats(bench(tmp_path), Rows(xlsx=200, workbook=200, text=200)))
    times = [line.what for line in found if line.unit == "s"]
    assert times == [f"{ending}, 200 × 10" for ending in (".xlsx", ".xlsb", ".ods", ".xls", ".jsonl", ".csv.gz")] + [
        "nested .jsonl, 200"
    ]
    assert all(min(line.ours) > 0 < min(line.baseline) for line in found)
    assert [line.what for line in found if line.goal] == [".xlsx, 200 × 10", "nested .jsonl, 200"]


def test_the_cost_of_attachments_is_one_measurement(tmp_path: Path) -> None:
    """A missing file would fail the bench, so every name is looked up."""
    (line,) = attachments(bench(tmp_path), 20, 3)
    assert line.baseline[0] > 0
    next((tmp_path / "attachments").rglob("*.pdf")).unlink()
    with pytest.raises(RuntimeError, match="named"):
        list(attachments(bench(tmp_path), 20, 3))


@pytest.mark.parametrize("client", ["ours", "xlsxwriter", "openpyxl"])
def test_every_writer_writes_the_same_rows(tmp_path: Path, client: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each library writes the same cells, and its CPU seconds are printed."""
    path = tmp_path / "results.xlsx"
    workbook_writers.main(client, str(path), "3")
    assert float(capsys.readouterr().out) > 0
    book = openpyxl.load_workbook(path)
    rows = [tuple(cell or "" for cell in row) for row in book.worksheets[0].iter_rows(values_only=True)]
    assert rows == [ALL_COLUMNS, *map(result_row, range(3))]


def test_a_row_of_results_is_compared_with_two_libraries(tmp_path: Path) -> None:
    """There is a measurement for each library, with our figure in both."""
    first, second = results(bench(tmp_path), 50)
    assert first.ours == second.ours
    assert min(*first.ours, *first.baseline, *second.baseline) > 0
