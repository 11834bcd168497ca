"""Results as a workbook: every cell is text and comes back unchanged."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from importer.errors import StoppedEarly
from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions, Status
from importer.results import COLUMNS, RowResults, check_results, check_results_path, read_result_rows, write_results
from importer.results.cell_limits import MAX_CELL, MAX_COLUMNS, unwritable_cells
from importer.results.columns import CellChoices
from importer.results.workbook import ResultsWorkbook, WorkbookOptions
from tests.cli.spreadsheets import column
from tests.results.making import created, outcomes, write

RESULTS = ManifestOptions().for_results()
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


def write_some(
    path: Path,
    statuses: Sequence[Status] = (Status.CREATED, Status.REJECTED, Status.FAILED, Status.PENDING),
    choices: CellChoices | None = None,
) -> None:
    """Write a row for each status; two cells of the second row are wrong."""
    results = [created(at + 2, f"k{at}", status=status) for at, status in enumerate(statuses)]
    problems = [(), ((0, "ID: the key is empty\nFill it."), (1, "State: 'nwe' is not one of Open, Closed"))]
    some = RowResults(
        cells=[("" if at == 1 else f"k{at}", "nwe") for at in range(len(statuses))],
        results=results,
        problems=[*problems, *[()] * len(statuses)][: len(statuses)],
    )
    write_results(path, ["ID", "State"], [some], choices=choices)


def opened(path: Path) -> Worksheet:
    sheet = openpyxl.load_workbook(path).active
    assert isinstance(sheet, Worksheet)
    return sheet


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_any_cell_comes_back_as_it_was(cells) -> None:
    """Numbers, dates, formulas, addresses and control characters."""
    columns = [f"column {index}" for index in range(len(cells[0]))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "r.xlsx")
        assert write(path, columns, cells) == len(cells)
        manifest = open_manifest(path, RESULTS, COLUMNS)
        found = [record for chunk in manifest.chunks() for record in chunk.frame.to_numpy(dtype=object).tolist()]
        own = [dict(zip(COLUMNS, created(at + 2, f"k{at + 2}").cells(), strict=True)) for at in range(len(cells))]
        assert set(manifest.columns) == {*columns, *COLUMNS}
        expected = [dict(zip(columns, record, strict=True)) | mine for record, mine in zip(cells, own, strict=True)]
        assert found == [[record[column] for column in manifest.columns] for record in expected]


def test_every_cell_is_text_and_stays_text(tmp_path) -> None:
    """No cell is a number, a link or a formula, also not one that a user types later."""
    write(tmp_path / "r.xlsx", ["a", "b"], [["0012", ""], ["=1+1", "http://example.com"]])
    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx").active
    assert sheet is not None
    for row in sheet.iter_rows():
        for cell in row:
            assert cell.value is None or (cell.data_type in ("s", "inlineStr") and cell.number_format == "@"), cell
            assert cell.hyperlink is None
    formats = sheet.column_dimensions.values()
    assert {each.number_format for each in formats} == {"@"}
    assert max(each.max or 0 for each in formats) == 2 + len(COLUMNS)


def test_a_user_sees_first_what_to_do(tmp_path) -> None:
    """State, problem and advice are beside the key; the header and the key stay when the sheet is scrolled."""
    write_some(tmp_path / "r.xlsx")
    sheet = opened(tmp_path / "r.xlsx")
    header = [str(cell.value) for cell in sheet[1]]
    assert header[:7] == ["import_row", "import_key", "import_status", "import_error", "import_hint", "ID", "State"]
    assert sorted(header[7:]) == sorted(set(COLUMNS) - set(header[:5]))
    assert sheet.freeze_panes == "D2"
    assert (sheet.print_title_rows, sheet.print_title_cols) == ("$1:$1", "$A:$C")
    assert sheet.auto_filter.ref == "A1:O5"


def test_only_rows_to_work_on_are_shown_at_first(tmp_path) -> None:
    """The filter of the state hides tickets and rows that only have to be sent; there is none if all rows are alike."""
    write_some(tmp_path / "r.xlsx")
    sheet = opened(tmp_path / "r.xlsx")
    assert [number for number in range(1, 6) if sheet.row_dimensions[number].hidden] == [2, 5]
    (column,) = sheet.auto_filter.filterColumn
    assert (column.colId, set(column.filters.filter)) == (2, {"failed", "rejected", "unknown", "undone"})
    for statuses in ([Status.CREATED, Status.PENDING], [Status.REJECTED, Status.FAILED]):
        write_some(tmp_path / "r.xlsx", statuses)
        sheet = opened(tmp_path / "r.xlsx")
        assert not sheet.auto_filter.filterColumn
        assert not [number for number in range(1, 6) if sheet.row_dimensions[number].hidden]


def test_wrong_cells_are_marked_with_the_reason(tmp_path) -> None:
    """Also an empty one. The mark is a border, too, as not every printer has colours."""
    write_some(tmp_path / "r.xlsx")
    sheet = opened(tmp_path / "r.xlsx")
    assert {cell.coordinate: cell.comment.text for row in sheet.iter_rows() for cell in row if cell.comment} == {
        "F3": "ID: the key is empty\nFill it.",
        "G3": "State: 'nwe' is not one of Open, Closed",
    }
    wrong, right = sheet["F3"], sheet["F4"]
    assert (wrong.border.top.style, wrong.number_format) == ("medium", "@")
    assert right.border.top.style is None
    assert wrong.fill.fgColor.rgb == sheet["C3"].fill.fgColor.rgb != right.fill.fgColor.rgb


def test_problems_of_an_earlier_run_are_still_marked(tmp_path) -> None:
    """A row that keeps its result has only the text of its error."""
    some = outcomes(["ID", "State"], [["", "nwe"], ["2", "ID: odd"]])
    error = "ID: the key is empty; State: 'nwe' is not one of Open; Closed: odd"
    some.results[0] = created(2, status=Status.REJECTED, error=error)
    write_results(tmp_path / "r.xlsx", ["ID", "State"], [some])
    sheet = opened(tmp_path / "r.xlsx")
    assert {cell.coordinate: cell.comment.text for row in sheet.iter_rows() for cell in row if cell.comment} == {
        "F2": "ID: the key is empty",
        "G2": "State: 'nwe' is not one of Open",
    }


def test_columns_with_configured_values_offer_them(tmp_path) -> None:
    """Whatever is in a value; other values are possible after a warning."""
    values = ("Open", 'Waiting, "third" party', "=Closed", *(f"State {number}" for number in range(100)))
    write_some(tmp_path / "r.xlsx", choices={1: values})
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    (offered,) = book["Results"].data_validations.dataValidation
    assert (str(offered.sqref), offered.type, offered.errorStyle) == ("G2:G5", "list", "warning")
    assert offered.formula1 == "Lists!$A$1:$A$103"
    assert [cell.value for cell in book["Lists"]["A"]] == list(values)
    assert book["Lists"].sheet_state == "hidden"


def test_columns_are_as_wide_as_their_content_up_to_a_bound(tmp_path) -> None:
    """A long text is wrapped, and a row is at most eight lines high."""
    rows = outcomes(["short", "long", "lines"], [["a", "word " * 30, "b\nc"], ["a", "word " * 900, ""]])
    write_results(tmp_path / "r.xlsx", ["short", "long", "lines"], [rows])
    sheet = opened(tmp_path / "r.xlsx")
    assert [sheet.column_dimensions[name].width for name in "FGH"] == pytest.approx([10, 45, 10], abs=1)
    assert [sheet.row_dimensions[number].height for number in (2, 3)] == [4 * 15, 8 * 15]
    assert sheet["G2"].alignment.wrap_text


def test_a_sheet_explains_columns_and_states(tmp_path) -> None:
    """Every one of them; it is not read as rows."""
    write_some(tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert book.active is not None
    assert (book.sheetnames, book.active.title) == (["Results", "Explanation"], "Results")
    names = [cell.value for cell in book["Explanation"]["A"]]
    assert set(COLUMNS) | set(Status) <= set(names)
    manifest = open_manifest(tmp_path / "r.xlsx", RESULTS, COLUMNS)
    assert (manifest.sheet, manifest.format.warnings) == ("Results", ())


def test_results_are_accepted_again(tmp_path) -> None:
    """`rerun` reads them, and a run may replace them; the previous ones get a number."""
    path = tmp_path / "r.xlsx"
    for cell in ("1", "2"):
        write(path, ["a"], [[cell]])
        check_results(open_manifest(path, RESULTS, COLUMNS), "r", account="tenant", source="old-helpdesk")
        check_results_path(path, account="tenant", source="old-helpdesk", inputs=[])
    assert {each.name for each in tmp_path.iterdir()} == {"r.xlsx", "r.1.xlsx"}


def test_a_workbook_may_have_the_greatest_number_of_columns(tmp_path) -> None:
    """What the check before the first call accepts can be written."""
    columns = [f"c{number}" for number in range(MAX_COLUMNS - len(COLUMNS))]
    write(tmp_path / "r.xlsx", columns, [["1"] * len(columns)])
    assert (tmp_path / "r.xlsx").stat().st_size > MAX_COLUMNS


def test_no_rows_are_a_header(tmp_path) -> None:
    """The results of a manifest without rows have only a header."""
    assert write_results(tmp_path / "r.xlsx", ["a"], []) == 0
    assert set(open_manifest(tmp_path / "r.xlsx", RESULTS, ()).columns) == {"a", *COLUMNS}


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
    (chunk,) = open_manifest(tmp_path / "r.xlsx", RESULTS, COLUMNS).chunks()
    (row,) = read_result_rows(chunk.frame)
    assert row.error.startswith("😀😀")
    assert row.error.endswith("😀… (cut)")
    assert row.hint == "h\ufffd"


def test_a_cell_that_does_not_fit_is_an_error(tmp_path) -> None:
    """It is not cut, and no file appears."""
    with pytest.raises(ValueError, match="row 2, column 6"):
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
    with ResultsWorkbook(tmp_path / "whole.xlsx", ["a"]) as file:
        file.add(outcomes(["a"], [["1"]]))
    with pytest.raises(RuntimeError), ResultsWorkbook(tmp_path / "abandoned", ["a"]):
        raise RuntimeError
    assert column(tmp_path / "whole.xlsx", "a") == ["1"]


def test_too_large_workbook_is_an_error(tmp_path) -> None:
    """Spreadsheets call a sheet beyond the limit damaged. The limit counts bytes."""
    rows = outcomes(["a"], [["ü" * 1_000]] * 100)
    with ResultsWorkbook(tmp_path / "fits", ["a"], WorkbookOptions(max_bytes=300_000)) as file:
        file.add(rows)
    with (
        pytest.raises(OSError, match="as CSV"),
        ResultsWorkbook(tmp_path / "not", ["a"], WorkbookOptions(max_bytes=200_000)) as file,
    ):
        file.add(rows)


def test_readers_that_trust_a_sheets_size_find_every_row(tmp_path) -> None:
    """The sheet has no dimension, because the number of rows is unknown at first."""
    write(tmp_path / "r.xlsx", ["a", "b"], [[str(n), ""] for n in range(50)])
    book = openpyxl.load_workbook(tmp_path / "r.xlsx", read_only=True)
    assert book.active is not None
    assert [row[5] for row in book.active.iter_rows(values_only=True)] == ["a", *map(str, range(50))]
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
    assert column(path, "a") == ["former"]
