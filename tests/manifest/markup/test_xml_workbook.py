"""Workbooks of Excel 2003 in XML, also with the ending `.xls`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.manifest.reading import Table, read, refusal_of_bytes

HEAD = (
    '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
    '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet" '
    'xmlns:html="http://www.w3.org/TR/REC-html40">'
)


def data(text: str, kind: str = "String", cell: str = "") -> str:
    return f'<Cell{cell}><Data ss:Type="{kind}">{text}</Data></Cell>'


def row(*cells: str, **attributes: str) -> str:
    inner = "".join(cell if cell.startswith("<") else data(cell) for cell in cells)
    return f"<Row{''.join(f' ss:{name}={chr(34)}{value}{chr(34)}' for name, value in attributes.items())}>{inner}</Row>"


def sheet(*rows: str, name: str = "S", more: str = "") -> str:
    return f'<Worksheet ss:Name="{name}"><Table>{"".join(rows)}</Table>{more}</Worksheet>'


def read_book(folder: Path, *sheets: str, expected: tuple[str, ...] = (), **options: Any) -> Table:
    path = folder / "export.xls"
    path.write_text(f"{HEAD}{''.join(sheets)}</Workbook>", encoding="utf-8")
    return read(path, expected, **options)


def test_rows_and_columns_may_have_gaps(tmp_path: Path) -> None:
    table = read_book(
        tmp_path,
        sheet(
            row("Id", "Text", "Mail", "Note"),
            row("00123", data("a&#10;b &lt;x&gt;"), data("a@example.com", cell=' ss:Index="4"')),
            row("2", data("merged", cell=' ss:MergeAcross="1"'), "after", Index="5"),
            row("3", "<Cell/>", "m", Span="2"),
            row("4"),
        ),
    )
    assert table.columns == ["Id", "Text", "Mail", "Note"]
    assert table.cells == [
        ["00123", "a\nb <x>", "", "a@example.com"],
        ["2", "merged", "", "after"],
        ["3", "", "m", ""],
        ["4", "", "", ""],
    ]
    assert table.rows == [2, 5, 6, 9]
    assert table.manifest.blank_rows == 4
    assert table.how == "Excel 2003 XML, sheet 'S'"
    assert table.manifest.format.stored_types


@pytest.mark.parametrize(
    ("kind", "written", "text"),
    [
        ("Number", "1.10", "1.10"),
        ("Number", "12345678901234567890", "12345678901234567890"),
        ("Number", "1.1000000000000001", "1.1"),
        ("Number", "1.5E+3", "1500"),
        ("Boolean", "1", "TRUE"),
        ("DateTime", "2024-08-29T10:36:23.000", "2024-08-29T10:36:23"),
        ("DateTime", "2024-08-29T00:00:00.000", "2024-08-29"),
        ("DateTime", "1899-12-31T10:30:00.000", "10:30:00"),
        ("String", "  x  ", "  x  "),
        ("String", '<html:B>bold</html:B><html:Font html:Color="#FF0000"> red</html:Font>', "bold red"),
    ],
)
def test_cell_types_are_read_as_in_other_workbooks(tmp_path: Path, kind: str, written: str, text: str) -> None:
    assert read_book(tmp_path, sheet(row("A"), row(data(written, kind)))).cells == [[text]]


def test_comments_are_ignored(tmp_path: Path) -> None:
    cell = '<Cell><Data ss:Type="String">x</Data><Comment ss:Author="A"><ss:Data>a remark</ss:Data></Comment></Cell>'
    assert read_book(tmp_path, sheet(row("A"), row(cell))).cells == [["x"]]


def test_errors_and_uncomputed_formulas_are_problems(tmp_path: Path) -> None:
    table = read_book(
        tmp_path,
        sheet(
            row("A", "B"),
            row("1", data("#N/A", "Error", ' ss:Formula="=x"')),
            row("2", '<Cell ss:Formula="=1+1"/>'),
            row("3", data("5", "Number", ' ss:Formula="=2+3"')),
        ),
    )
    found = [(problem.row, problem.code, problem.column, problem.sheet) for problem in table.problems]
    assert found == [(2, "cell-error", "B", "S"), (3, "formula-without-value", "B", "S")]
    assert table.cells == [["1", ""], ["2", ""], ["3", "5"]]


def test_sheet_is_chosen(tmp_path: Path) -> None:
    hidden = '<WorksheetOptions xmlns="urn:schemas-microsoft-com:office:excel"><Visible>SheetHidden</Visible></WorksheetOptions>'
    sheets = [
        sheet(row("Cover"), name="Cover"),
        sheet(row("A", "B"), row("h", "h"), name="Hidden", more=hidden),
        sheet(row("A", "B"), row("1", "2", Hidden="1"), name="Data"),
        sheet(name="Empty"),
    ]
    table = read_book(tmp_path, *sheets, expected=("A", "B"))
    assert (table.cells, table.how) == ([["1", "2"]], "Excel 2003 XML, sheet 'Data'")
    assert any("1 hidden row" in warning for warning in table.manifest.format.warnings)
    assert any("to read 'Cover', 'Hidden' instead" in warning for warning in table.manifest.format.warnings)
    assert read_book(tmp_path, *sheets, sheet="Hidden").cells == [["h", "h"]]
    text = refusal_of_bytes(tmp_path, f"{HEAD}{sheets[0]}</Workbook>".encode(), sheet="Dat")
    assert "has no sheet 'Dat'; it has 'Cover'" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (row("A", data("x", cell=' ss:Index="1"')), "the position '1' is impossible in line 3"),
        (row("A", data("x", cell=' ss:Index="99999"')), "the position '99999' is impossible"),
        (row("A", Index="99999999"), "the position '99999999' is impossible"),
        (row("A") + "<Row>", "mismatched tag in line 3"),
        ("", "has no table with rows"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: str, said: str) -> None:
    assert said in refusal_of_bytes(tmp_path, f"{HEAD}{sheet(content)}</Workbook>".encode())


def test_entities_are_refused(tmp_path: Path) -> None:
    book = HEAD.replace("<Workbook", '<!DOCTYPE Workbook [<!ENTITY x SYSTEM "file:///etc/passwd">]><Workbook')
    assert "defines the entity 'x'" in refusal_of_bytes(tmp_path, f"{book}{sheet(row('&x;'))}</Workbook>".encode())


def test_any_namespace_prefix_is_accepted(tmp_path: Path) -> None:
    book = f"{HEAD}{sheet(row('A'), row('1'))}</Workbook>".replace('<?mso-application progid="Excel.Sheet"?>\n', "")
    for name in ("Workbook", "Worksheet", "Table", "Row", "Cell", "Data"):
        book = book.replace(f"<{name}", f"<ss:{name}").replace(f"</{name}", f"</ss:{name}")
    path = tmp_path / "export.xml"
    path.write_text(book)
    assert read(path).cells == [["1"]]
