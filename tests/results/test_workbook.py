"""Results as a workbook: every cell is text and comes back unchanged."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import StoppedEarly
from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions
from importer.results import COLUMNS, check_results, check_results_path, read_result_rows, write_results
from importer.results.cell_limits import MAX_CELL, unwritable_cells
from importer.results.workbook import ResultsWorkbook
from tests.results.making import created, outcomes, write

ROOT = Path(__file__).parents[2]
CELL = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=12
) | st.sampled_from(
    [
        "",
        " ",
        "\r",
        "\n",
        "\r\n",
        "0012",
        "NA",
        "1e5",
        "=1+1",
        "http://example.com",
        "_x000D_",
        "2024-01-01",
        "TRUE",
        "\x00",
    ]
)
TABLES = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=4)
)


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_any_cell_comes_back_as_it_was(cells) -> None:
    """Numbers, dates, formulas, addresses and control characters."""
    columns = [f"column {index}" for index in range(len(cells[0]))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "r.xlsx")
        assert write(path, columns, cells) == len(cells)
        manifest = open_manifest(path, ManifestOptions(), COLUMNS)
        found = [record for chunk in manifest.chunks() for record in chunk.frame.to_numpy(dtype=object).tolist()]
        own = [list(created(at + 2, f"k{at + 2}").cells()) for at in range(len(cells))]
        assert list(manifest.columns) == [*columns, *COLUMNS]
        assert found == [[*record, *mine] for record, mine in zip(cells, own, strict=True)]


def test_every_cell_is_text_and_stays_text(tmp_path) -> None:
    """No cell is a number, a link or a formula, also not one that a user types later."""
    write(tmp_path / "r.xlsx", ["a", "b"], [["0012", ""], ["=1+1", "http://example.com"]])
    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx").active
    assert sheet is not None
    for row in sheet.iter_rows():
        for cell in row:
            assert cell.value is None or (cell.data_type in ("s", "inlineStr") and cell.number_format == "@"), cell
            assert cell.hyperlink is None
    columns = sheet.column_dimensions["A"]
    assert (columns.min, columns.max, columns.number_format) == (1, 2 + len(COLUMNS), "@")
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:O3"


def test_results_are_accepted_again(tmp_path) -> None:
    """`rerun` reads them, and a run may replace them; the previous ones get a number."""
    path = tmp_path / "r.xlsx"
    for cell in ("1", "2"):
        write(path, ["a"], [[cell]])
        check_results(open_manifest(path, ManifestOptions(), COLUMNS), "r", account="tenant", source="old-helpdesk")
        check_results_path(path, account="tenant", source="old-helpdesk", inputs=[])
    assert {each.name for each in tmp_path.iterdir()} == {"r.xlsx", "r.1.xlsx"}


def test_no_rows_are_a_header(tmp_path) -> None:
    """The results of a manifest without rows have only a header."""
    assert write_results(tmp_path / "r.xlsx", ["a"], []) == 0
    assert open_manifest(tmp_path / "r.xlsx", ManifestOptions(), ()).columns == ("a", *COLUMNS)


@pytest.mark.parametrize(
    ("cell", "fits"),
    [
        ("x" * MAX_CELL, True),
        ("x" * (MAX_CELL + 1), False),
        ("😀" * (MAX_CELL // 2), True),
        ("😀" * (MAX_CELL // 2 + 1), False),
        ("a\uffff", False),
    ],
)
def test_unwritable_cell_is_named(cell, fits) -> None:
    """Characters beyond the first 65,536 count twice, as a spreadsheet counts."""
    problems = list(unwritable_cells([6, 7], "b", ["ok", cell]))
    assert (problems == []) is fits
    assert all(row == 7 and problem.startswith("row 7, b: ") for row, problem in problems)


def test_long_server_error_is_cut_with_a_mark(tmp_path) -> None:
    """Long texts in our own columns do not prevent the results."""
    some = outcomes(["a"], [["1"]])
    some.results[0] = created(2, error="😀" * 40_000, hint="h\uffff")
    write_results(tmp_path / "r.xlsx", ["a"], [some])
    (chunk,) = open_manifest(tmp_path / "r.xlsx", ManifestOptions(), COLUMNS).chunks()
    (row,) = read_result_rows(chunk.frame)
    assert row.error.startswith("😀😀")
    assert row.error.endswith("😀… (cut)")
    assert row.hint == "h\ufffd"


def test_a_cell_that_does_not_fit_is_an_error(tmp_path) -> None:
    """It is not cut, and no file appears."""
    with pytest.raises(ValueError, match="row 2, column 1"):
        write(tmp_path / "r.xlsx", ["a"], [["x" * 40_000]])
    assert list(tmp_path.iterdir()) == []


def test_failed_write_leaves_the_previous_results(tmp_path) -> None:
    """No file is changed or left behind, here or in the folder for temporary files."""
    path = tmp_path / "r.xlsx"
    write(path, ["a"], [["former"]])
    before = path.read_bytes()

    def breaks():
        yield outcomes(["a"], [["new"]])
        raise StoppedEarly("the ledger is gone")

    with pytest.raises(StoppedEarly, match="the ledger is gone"):
        write_results(path, ["a"], breaks())
    assert [each.name for each in tmp_path.iterdir()] == ["r.xlsx"]
    assert path.read_bytes() == before


def test_no_other_folder_is_used(tmp_path, monkeypatch) -> None:
    """The folder for temporary files is often small."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with ResultsWorkbook(tmp_path / "whole.xlsx", ["a"], own=1) as file:
        file.add([["1"]])
    with pytest.raises(RuntimeError), ResultsWorkbook(tmp_path / "abandoned", ["a"], own=1):
        raise RuntimeError
    assert openpyxl.load_workbook(tmp_path / "whole.xlsx").active["A2"].value == "1"  # type: ignore[index]


def test_too_large_workbook_is_an_error(tmp_path) -> None:
    """Spreadsheets call a sheet beyond the limit damaged. The limit counts bytes."""
    rows = [["ü" * 100]] * 100
    with ResultsWorkbook(tmp_path / "fits", ["a"], own=1, max_bytes=40_000) as file:
        file.add(rows)
    with (
        pytest.raises(OSError, match="as CSV"),
        ResultsWorkbook(tmp_path / "not", ["a"], own=1, max_bytes=20_000) as file,
    ):
        file.add(rows)


def test_readers_that_trust_a_sheets_size_find_every_row(tmp_path) -> None:
    """The sheet has no dimension, because the number of rows is unknown at first."""
    write(tmp_path / "r.xlsx", ["a", "b"], [[str(n), ""] for n in range(50)])
    book = openpyxl.load_workbook(tmp_path / "r.xlsx", read_only=True)
    assert book.active is not None
    assert [row[0] for row in book.active.iter_rows(values_only=True)] == ["a", *map(str, range(50))]
    book.close()


# A limit on the size of files simulates a full disk; Python ignores the signal, so the write fails.
ON_A_FULL_DISK = """
import random, resource, sys
from pathlib import Path
from importer.errors import StoppedEarly
from tests.results.making import write
path = Path(sys.argv[1])
write(path, ["a"], [["former"]])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    write(path, ["a"], [[f"{random.random()}" * 10] for _ in range(3000)])
except StoppedEarly as error:
    print(error.message, "|", error.hint)
"""


@pytest.mark.parametrize("limit", [30_000, 90_000])
def test_full_disk_leaves_the_previous_results(tmp_path, limit) -> None:
    """The exit code is 3, and there is no incomplete file."""
    path = tmp_path / "r.xlsx"
    command = [sys.executable, "-c", ON_A_FULL_DISK, str(path), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.startswith(f"the results {path} can't be written: ")
    assert "File too large" in done.stdout
    assert "nothing is sent twice" in done.stdout
    assert [each.name for each in tmp_path.iterdir()] == ["r.xlsx"]
    assert openpyxl.load_workbook(path).active["A2"].value == "former"  # type: ignore[index]
