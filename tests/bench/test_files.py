"""Lines of files: every format, names of attachments, and results as a workbook."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from tests.bench import writers
from tests.bench.attachments import attachments
from tests.bench.costs import Bench, Repeats
from tests.bench.formats import Rows, formats
from tests.bench.results import results
from tests.bench.writers import ALL_COLUMNS, result_row


def bench(folder: Path) -> Bench:
    return Bench(folder=folder, repeats=Repeats(most=1, budget_s=0), tell=lambda _: None)


def test_each_format_stands_beside_a_library(tmp_path: Path) -> None:
    """Wrong rows are no failure of the bench; one format has a goal."""
    found = list(formats(bench(tmp_path), Rows(xlsx=200, workbook=200, text=200)))
    times = [line.what for line in found if line.unit == "s"]
    assert times == [f"{ending}, 200 × 10" for ending in (".xlsx", ".xlsb", ".ods", ".xls", ".jsonl", ".csv.gz")]
    assert all(min(line.ours) > 0 < min(line.otherwise) for line in found)
    assert [line.what for line in found if line.goal] == [".xlsx, 200 × 10"]


def test_names_of_files_are_looked_for(tmp_path: Path) -> None:
    """One line: what the names add; a file that is missing is a failure, so every name was looked for."""
    (line,) = attachments(bench(tmp_path), 20, 3)
    assert line.otherwise[0] > 0
    next((tmp_path / "attachments").rglob("*.pdf")).unlink()
    with pytest.raises(RuntimeError, match="named"):
        list(attachments(bench(tmp_path), 20, 3))


@pytest.mark.parametrize("who", ["ours", "xlsxwriter", "openpyxl"])
def test_every_writer_writes_the_same_rows(tmp_path: Path, who: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is compared has the same cells, and tells its seconds."""
    path = tmp_path / "results.xlsx"
    writers.main(who, str(path), "3")
    assert float(capsys.readouterr().out) > 0
    book = openpyxl.load_workbook(path)
    rows = [tuple(cell or "" for cell in row) for row in book.worksheets[0].iter_rows(values_only=True)]
    assert rows == [ALL_COLUMNS, *map(result_row, range(3))]


def test_a_row_of_results_beside_two_libraries(tmp_path: Path) -> None:
    """A line for each, with our figure in both."""
    first, second = results(bench(tmp_path), 50)
    assert first.ours == second.ours
    assert min(*first.ours, *first.otherwise, *second.otherwise) > 0
