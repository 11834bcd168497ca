from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from importer.manifest.workbooks.cell_text import cell_texts
from importer.manifest.workbooks.number_formats import ZeroPadding
from tests.manifest.books import with_part
from tests.manifest.reading import read, read_pass, refusal


def written(
    path: Path,
    rows: list[list[object]],
    *,
    top: int = 0,
    left: int = 0,
    formats: dict[tuple[int, int], str] | None = None,
) -> Path:
    """Write rows to a sheet; ``formats``: (row, column) within the table -> number format."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Tickets")
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                code = (formats or {}).get((r, c))
                sheet.write(top + r, left + c, cell, *([book.add_format({"num_format": code})] if code else []))
    return path


@pytest.mark.parametrize(
    ("stored", "number_format", "text"),
    [
        ("00123", None, "00123"),
        ("=1+1 ", "@", "=1+1 "),
        (5, None, "5"),
        (5.0, "0.00", "5"),
        (-3, None, "-3"),
        (0.5, "0%", "0.5"),
        (1e-07, None, "0.0000001"),
        (123456789012345, None, "123456789012345"),
        (1.5e20, "0.00E+00", "150000000000000000000"),
        (1234.5, "#,##0.00 €", "1234.5"),
        (True, None, "TRUE"),
        (False, None, "FALSE"),
        (dt.date(2024, 3, 8), "dd/mm/yyyy", "2024-03-08"),
        (dt.datetime.fromisoformat("2024-03-08T10:36:23"), "d mmm yyyy hh:mm", "2024-03-08T10:36:23"),
        (dt.datetime.fromisoformat("2024-03-08T10:36:23.250"), "yyyy-mm-dd hh:mm:ss.000", "2024-03-08T10:36:23.250000"),
        (dt.time(10, 36), "hh:mm", "10:36:00"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (123, "00000", "00123"),
        (123456, "00000", "123456"),
        (123, "000-000", "000-123"),
        (1234567, "000\\-00\\-0000", "001-23-4567"),
        (-12, "0000", "-0012"),
        (1.5, "00000", "1.5"),
        ("12", "00000", "12"),
        (0, "00000", "00000"),
    ],
)
def test_cells_become_text(tmp_path: Path, stored: object, number_format: str | None, text: str) -> None:
    """A cell is what was stored: dates in ISO 8601, numbers without exponent or `.0`, zeros where the format pads."""
    path = tmp_path / "tickets.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_string(0, 0, "value")
        cell_format = book.add_format({"num_format": number_format}) if number_format else None
        if isinstance(stored, str):
            sheet.write_string(1, 0, stored, cell_format)
        else:
            sheet.write(1, 0, stored, cell_format)
    assert read(path).cells == [[text]]


def test_other_values_become_text() -> None:
    """Negative durations, fractions of a second and integers."""
    column = [dt.timedelta(hours=-1), dt.timedelta(days=2, microseconds=5), 7, "x"]
    assert list(cell_texts(column)) == ["-01:00:00", "48:00:00.000005", "7", "x"]


def test_text_of_a_workbook_is_exact(tmp_path: Path) -> None:
    """Blanks, line breaks, any script and characters that XML must escape arrive unchanged."""
    cells = ["  x ", "a\nb", "५ हिन्दी 🎫", "<&>\"'", "NA", "1e5", "a\r\nb"]
    path = written(tmp_path / "tickets.xlsx", [[f"c{n}" for n in range(len(cells))]])
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for column, cell in enumerate(cells):
            sheet.write_string(0, column, f"c{column}")
            sheet.write_string(1, column, cell)
    assert read(path).cells == [cells]


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("00000", "00042"),
        ('"SKU-"0000', "SKU-0042"),
        ("[Red]0000;-0000", "0042"),
        ("[$-409]000_)", "042"),
        ("##00", "42"),
        ("0000* ", "0042"),
        ("(000) 000", "(000) 042"),
    ],
)
def test_padding_formats(code: str, shown: str) -> None:
    """A padded number is written as the cell shows it."""
    padding = ZeroPadding.parse(code)
    assert padding is not None
    assert padding.apply(42.0) == shown


@pytest.mark.parametrize(
    "code",
    [
        "General",
        "0",
        "0.00",
        "#,##0",
        "0%",
        "00E+00",
        "00.00",
        "yyyy-mm-dd",
        "hh:mm",
        "@",
        "# ?/?",
        "##0",
        "[$€-407]000",
        "",
    ],
)
def test_other_formats_pad_nothing(code: str) -> None:
    """Formats with points, percentages, exponents, dates or a single zero do not pad."""
    assert ZeroPadding.parse(code) is None


def test_padding_of_a_table_anywhere_on_the_sheet(tmp_path: Path) -> None:
    """Formats are found by the position of the cell."""
    path = tmp_path / "tickets.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    values: dict[str, str | int] = {"C4": "id", "D4": "zip", "C5": 1, "D5": 123, "C7": 2, "D7": 45, "E4": "n"}
    for reference, value in values.items():
        sheet[reference] = value
    sheet["D5"].number_format = sheet["D7"].number_format = "00000"
    sheet["B5"].number_format = sheet["D6"].number_format = sheet["ZZ5"].number_format = "00000"
    book.save(path)
    table = read(path)
    assert table.columns == ["id", "zip", "n"]
    assert table.cells == [["1", "00123", ""], ["2", "00045", ""]]
    assert table.rows == [5, 7]
    assert table.manifest.blank_rows == 1
    assert table.manifest.format.header_row == 4
    assert read_pass(table.manifest, 1).cells == table.cells


def test_padding_without_references(tmp_path: Path) -> None:
    """Some programs write rows and cells without references."""
    path = written(tmp_path / "tickets.xlsx", [["id", "zip"], ["x", 123]], formats={(1, 1): "00000"})

    def strip(content: bytes) -> bytes:
        for reference in (b' r="A1"', b' r="B1"', b' r="A2"', b' r="B2"', b' r="1"', b' r="2"'):
            content = content.replace(reference, b"")
        return content

    assert read(with_part(path, "xl/worksheets/sheet1.xml", strip)).cells == [["x", "00123"]]


def test_styles_part_is_found_by_its_relation(tmp_path: Path) -> None:
    """Absolute targets are allowed; without styles nothing is padded."""
    rows: list[list[object]] = [["zip"], [123]]
    path = written(tmp_path / "tickets.xlsx", rows, formats={(1, 0): "00000"})
    relations = "xl/_rels/workbook.xml.rels"
    with_part(path, relations, lambda content: content.replace(b'"worksheets/', b'"/xl/worksheets/'))
    assert read(path).cells == [["00123"]]
    with_part(path, relations, lambda content: content.replace(b"/styles", b"/other"))
    assert read(path).cells == [["123"]]


def test_unreadable_formats_are_refused(tmp_path: Path) -> None:
    """Otherwise zeros could be lost without notice."""
    path = written(tmp_path / "tickets.xlsx", [["zip"], [123]], formats={(1, 0): "00000"})
    with_part(path, "xl/styles.xml", lambda content: content.replace(b"formatCode", b"formatC0de"))
    assert "zeros such as in 00123 would be lost" in refusal(path)


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml"])
def test_damaged_workbook(tmp_path: Path, part: str) -> None:
    """A workbook with a part that is cut off is reported as damaged."""
    path = written(tmp_path / "tickets.xlsx", [["id"], ["x"]])
    with_part(path, part, lambda content: content[: len(content) // 2])
    assert "damaged" in refusal(path)


def test_row_numbers_and_columns_of_an_offset_table(tmp_path: Path) -> None:
    """Messages name rows and columns as Excel does, with empty rows and columns before the table."""
    path = written(tmp_path / "tickets.xlsx", [["id", None, "n"], ["x", "y", "z"]], top=3, left=2)
    text = refusal(path)
    assert "sheet 'Tickets', row 4" in text
    assert "column D has no name" in text


def test_value_beside_the_table(tmp_path: Path) -> None:
    """A remark in a column without a name is a problem of its row, with the column's letter."""
    path = written(tmp_path / "tickets.xlsx", [["id", "n"], ["x", 1], ["y", 2, None, "remark"]], left=1)
    table = read(path)
    assert table.cells == [["x", "1"], ["y", "2"]]
    (problem,) = table.problems
    assert (problem.code, problem.row, problem.sheet, problem.value) == ("too-many-cells", 3, "Tickets", "remark")
    assert problem.message.startswith("Column E holds a value")


def test_header_row_of_a_sheet(tmp_path: Path) -> None:
    """Titles above the header are ignored, and short rows are accepted."""
    path = written(tmp_path / "tickets.xlsx", [["Export of March"], [], ["id", "n"], ["x"], ["y", 2]])
    table = read(path, header_row=3)
    assert (table.columns, table.cells, table.rows) == (["id", "n"], [["x", ""], ["y", "2"]], [4, 5])
    assert table.how == "Excel .xlsx, sheet 'Tickets', header in row 3"


def book_of_sheets(path: Path, **sheets: list[str]) -> Path:
    """Make a workbook; a sheet named hidden… is hidden, an empty list makes an empty sheet."""
    with xlsxwriter.Workbook(path) as book:
        for name, header in sheets.items():
            sheet = book.add_worksheet(name)
            if name.startswith("hidden"):
                sheet.hide()
            sheet.write_row(0, 0, header)
            if header:
                sheet.write_row(1, 0, [name] * len(header))
        book.worksheets()[-1].activate()
    return path


def test_the_sheet_with_most_known_columns_is_read(tmp_path: Path) -> None:
    """The mapping's columns choose among the visible sheets; without any of them the first with content is read.

    Without a mapping it is the first that holds a table.
    """
    path = book_of_sheets(
        tmp_path / "t.xlsx",
        blank=[],
        Notes=["remark"],
        hidden=["id", "subject", "x"],
        Tickets=["id", "subject"],
        More=["id"],
    )
    assert read(path, ["id", "subject", "x"]).manifest.sheet == "Tickets"
    assert read(path, ["something"]).manifest.sheet == "Notes"
    assert read(path).cells == [["Tickets", "Tickets"]]


def test_named_sheet(tmp_path: Path) -> None:
    """A sheet that the mapping names is read even if it is hidden or has no known column."""
    path = book_of_sheets(tmp_path / "t.xlsx", hidden=["a"], Tickets=["id"])
    table = read(path, ["id"], sheet="hidden")
    assert (table.manifest.sheet, table.cells) == ("hidden", [["hidden"]])


def test_unknown_sheet(tmp_path: Path) -> None:
    """The message lists all sheets, and suggests a similar name."""
    path = book_of_sheets(tmp_path / "t.xlsx", Notes=["a"], Tickets=["id"])
    text = refusal(path, sheet="tickets ")
    assert "has no sheet 'tickets '; it has 'Notes', 'Tickets'" in text
    assert "Did you mean 'Tickets'?" in text
    assert "Correct `manifest: {sheet}`" in refusal(path, sheet="zzz")


def test_empty_sheets(tmp_path: Path) -> None:
    """A sheet without content is refused."""
    path = book_of_sheets(tmp_path / "t.xlsx", one=[], two=[])
    assert "sheet 'one' contains only blanks" in refusal(path)
    assert "sheet 'two' contains only blanks" in refusal(path, sheet="two")


def test_only_hidden_sheets(tmp_path: Path) -> None:
    """A hidden sheet is read only if the mapping names it."""
    path = book_of_sheets(tmp_path / "t.xlsx", Tickets=["id"])
    with_part(path, "xl/workbook.xml", lambda content: content.replace(b"<sheet ", b'<sheet state="hidden" '))
    assert "has no visible sheet" in refusal(path)
    assert read(path, sheet="Tickets").columns == ["id"]


def test_a_sheet_without_its_relation(tmp_path: Path) -> None:
    """A sheet without a reference to its part is an error."""
    path = written(tmp_path / "tickets.xlsx", [["id"], ["1"]])
    with_part(path, "xl/workbook.xml", lambda content: content.replace(b'r:id="rId1"', b'id="rId1"'))
    assert "the workbook" in refusal(path)


def test_names_of_parts_with_backslashes(tmp_path: Path) -> None:
    """Some Windows programs write them; formats and unknown errors are found."""
    path = written(tmp_path / "tickets.xlsx", [["zip", "a"], [123, 7]], formats={(1, 0): "00000"})
    cell, error = b'<c r="B2"><v>7</v></c>', b'<c r="B2" t="e"><v>Err:502</v></c>'
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name).replace(cell, error) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in parts.items():
            new.writestr(name.replace("/", "\\"), content)
    assert read(path).cells == [["00123", "Err:502"]]


@pytest.mark.parametrize("error", ["#SPILL!", "#CALC!", "#GETTING_DATA", "Err:502", "#FIELD!"])
@pytest.mark.parametrize(
    "cell", ['<c r="B2" t="e"><v>{}</v></c>', "<c r='B2' s='0' t='e'><f t='array'>X(1)</f><v>{}</v></c>"]
)
def test_an_error_of_any_name_is_a_problem_of_its_row(tmp_path: Path, cell: str, error: str) -> None:
    """An error that calamine does not know affects only its own row."""
    path = written(tmp_path / "tickets.xlsx", [["id", "a"], ["T-1", 7], ["T-2", error]])

    def spoil(content: bytes) -> bytes:
        return content.replace(b'<c r="B2"><v>7</v></c>', cell.format(error).encode())

    table = read(with_part(path, "xl/worksheets/sheet1.xml", spoil))
    assert table.cells == [["T-1", error], ["T-2", error]]
    assert [(problem.code, problem.row, problem.column) for problem in table.problems] == [("cell-error", 2, "a")]
    assert table.problems[0].message == f"a: cell B2 holds the error {error}"
