"""The text scan and the parser scan find the same facts, or the text scan returns None."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.manifest.workbooks.number_formats import CellStyles
from importer.manifest.workbooks.sheet_facts import Area, SheetFacts
from importer.manifest.workbooks.xlsx import scan_elements, scan_text
from tests.manifest.reading import read

SHEET = "xl/worksheets/sheet1.xml"
START = '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="urn:x"><sheetData>'
END = "</sheetData></worksheet>"


def archive(folder: Path, content: bytes) -> zipfile.ZipFile:
    path = folder / "sheet.zip"
    with zipfile.ZipFile(path, "w") as new:
        new.writestr(SHEET, content)
    return zipfile.ZipFile(path)


def styled(*numbers: str) -> CellStyles:
    """Styles that pad with as many zeros as their number says; 9 and 10 are those of a time and of a duration."""
    styles = CellStyles()
    for number in numbers:
        styles.add(int(number), 164, {"9": "hh:mm", "10": "[h]:mm"}.get(number, "0" * int(number)))
    return styles


def both_ways(folder: Path, content: bytes, styles: list[str]) -> tuple[SheetFacts | None, SheetFacts]:
    with archive(folder, content) as sheet:
        return scan_text(sheet, SHEET, styled(*styles)), scan_elements(sheet, SHEET, styled(*styles))


def padded_of(facts: SheetFacts) -> dict[tuple[int, int], list[int]]:
    """(Column, zeros) -> rows."""
    return {(column, len(padding.pieces)): list(rows) for (column, padding), rows in facts.padded.items()}


def xml(cells: str) -> str:
    """A sheet with some cells in its row 2."""
    return f'{START}<row r="2" spans="1:3">{cells}</row>{END}'


@pytest.mark.parametrize(
    "cells",
    [
        '<c r="A2" s="3"><v>1</v></c><c r="AB2" s="30"/><c r="C2"/>',
        '<c r="A2" t="s" s="3"><v>1</v></c><c r="C2" s="4" t="n"><v>2</v></c>',
        '<c r="A2" s="7" t="inlineStr"><is><t>as="7"</t></is></c>',
        '<c r="A2" s="3" cm="1"/>',
        "",
    ],
)
def test_text_scan_finds_usual_cells(tmp_path: Path, cells: str) -> None:
    """It finds the same as the parser."""
    scanned, parsed = both_ways(tmp_path, xml(cells).encode(), ["3", "4"])
    assert scanned == parsed


@pytest.mark.parametrize(
    ("cells", "columns"),
    [
        ("<c r='A2' s='3'/>", [0]),
        ('<c s="3" r="A2"/>', [0]),
        ('<c r="A2"  s="3"/>', [0]),
        ('<c\nr="A2"\ts = "3"/>', [0]),
        ('<c r="A2" cm="1" s="3"/>', [0]),
        ('<x:c xmlns:x="urn:x" r="A2" s="3"/>', [0]),
        ('<c s="3"/><c r="C2" s="3"/>', [0, 2]),
        ('<!-- <c r="A2" s="3"/> -->', []),
        ('<c r="B2"><is><t><![CDATA[<c r="A2" s="3"/>]]></t></is></c>', []),
        ('<?note <c r="A2" s="3"/> ?>', []),
        ("""<c r="B2" t="inlineStr"><is><t>set s = '3'</t></is></c>""", []),
    ],
)
def test_text_scan_leaves_unusual_cells_to_the_parser(tmp_path: Path, cells: str, columns: list[int]) -> None:
    """Quotes, blanks, the order of attributes, prefixes, and text that is no element."""
    scanned, parsed = both_ways(tmp_path, xml(cells).encode(), ["3"])
    assert scanned is None
    assert padded_of(parsed) == {(column, 3): [1] for column in columns}


FOUND_ALIKE = [
    '<c r="B2" t="e"><v>#N/A</v></c>',
    '<c r="B2" s="1" t="e"><v>#DIV/0!</v></c><c r="C2" s="1" t="e"><f>1/0</f><v>#REF!</v></c>',
    '<c r="B2" t="e"><f t="shared" ref="B2:B3" si="0">A2/0</f><v>#N/A</v></c><c r="C2" t="e"><f t="shared" si="0"/><v>#N/A</v></c>',
    '<c r="B2"><f>1+1</f><v>2</v></c><c r="C2"><f>1+1</f></c><c r="D2"><f>A1&lt;2</f><v/></c><c r="E2"><f>2</f><v /></c>',
    '<c r="B2"><f>1+1</f><v></v></c><c r="C2" t="str"><f>""</f><v></v></c><c r="D2"><f/></c><c r="E2"><f ca="1"/><v>3</v></c>',
    '<c r="B2"><f t="shared" si="0"/></c><c r="C2" s="3" t="b"><f>TRUE()</f><v>1</v></c>',
    '<c r="B2"><v>1234567890123456</v></c><c r="C2"><v>999999999999999</v></c><c r="D2"><v>-1.5E+18</v></c><c r="E2"><v>1e15</v></c>',
    '<c r="B2" t="str"><f>"9"</f><v>1234567890123456</v></c><c r="C2" t="n"><v>1234567890123456.5</v></c><c r="D2"><v>1E-20</v></c>',
    '<c r="B2" t="inlineStr"><is><t>t="e" hidden="1" 1234567890123456</t></is></c>',
    '<c r="B2" t="inlineStr"><is><t>"e"</t></is></c>',
    '<c r="B2" t="n"><f>1+1</f></c><c r="C2" t="str"><f>1+1</f></c><c r="D2" t="str"><f>""</f><v/></c><c r="E2" t="b"><f>1</f><v></v></c>',
    '<c r="B2" t="str"><f>A1</f><v xml:space="preserve"> a</v></c><c r="C2" t="e"><f>1/0</f></c><c r="D2" t="e"><f>1/0</f><v/></c>',
    "",
]


@pytest.mark.parametrize("cells", FOUND_ALIKE)
def test_text_scan_finds_errors_formulas_and_long_numbers(tmp_path: Path, cells: str) -> None:
    """It finds the same as the parser."""
    scanned, parsed = both_ways(tmp_path, xml(cells).encode(), [])
    assert scanned is None or alike(scanned, parsed)
    assert scanned is not None or "t=" in cells


def alike(one: SheetFacts, other: SheetFacts) -> bool:
    return one == other


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ('<c r="A2" s="9"><v>-0.25</v></c><c r="B2" s="10"><v>-0.25</v></c><c r="C2"><v>-1</v></c>', {(1, 0): "-0.25"}),
        ('<c r="A2" s="9" t="n"><f>1-2</f><v>-1</v></c><c r="B2" t="n" s="9"><v>-5E-1</v></c>', {(1, 0): "-1", (1, 1): "-0.5"}),
        ('<c r="A2" s="9" t="str"><f>"-1"</f><v>-1</v></c><c r="B2" s="9"><v>0.5</v></c><c r="C2" s="9"/>', {}),
        ("<c r=\"A2\" s='9'><v>-7</v></c>", {(1, 0): "-7"}),
    ],
)  # fmt: skip
def test_text_scan_finds_dates_below_zero(tmp_path: Path, cells: str, found: dict[tuple[int, int], str]) -> None:
    """There are no such dates, so the number is read."""
    scanned, parsed = both_ways(tmp_path, xml(cells).encode(), ["9", "10"])
    assert (scanned is None) == ("'" in cells)
    assert scanned is None or alike(scanned, parsed)
    assert (parsed.texts, parsed.negative_dates) == (found, list(found))


def test_both_scans_find_the_values_that_a_spreadsheet_shows(tmp_path: Path) -> None:
    """With escaped characters."""
    cells = """<c r="A2" t="e"><f>1&lt;0</f><v>#N/A</v></c><c r="B2"><f>A1&lt;2</f></c><c r="AA2"><v>1234567890123456</v></c>"""
    for facts in both_ways(tmp_path, xml(cells).encode(), []):
        assert facts is not None
        assert facts.errors == {(1, 0): "#N/A"}
        assert facts.formulas_without_value == {(1, 1): "=A1<2"}
        assert facts.rounded == [(1, 26)]
        assert facts.is_stale


@pytest.mark.parametrize(
    ("cell", "lacks_value"),
    [
        ("<c{}><f>1+1</f></c>", True),
        ("<c{}><f>1+1</f><v></v></c>", True),
        ('<c{} t="n"><f>1+1</f></c>', True),
        ('<c{} t="n"><f>1+1</f><v/></c>', True),
        ('<c{} t="b"><f>1+1</f><v></v></c>', True),
        ('<c{} t="e"><f>1+1</f></c>', True),
        ('<c{} t="e"><f>1+1</f><v></v></c>', True),
        ('<c{} t="str"><f>1+1</f></c>', True),
        ('<c{} t="str"><f>1+1</f><v></v></c>', False),
        ('<c{} t="str"><f>1+1</f><v/></c>', False),
        ('<c{} t="str"><f>1+1</f><v xml:space="preserve"> x</v></c>', False),
        ('<c{} t="inlineStr"><f>1+1</f><is><t>x</t></is></c>', False),
        ('<c{} t="b"><f>1+1</f><v>0</v></c>', False),
        ('<c{} t="n"><v></v></c>', False),
    ],
)
def test_formula_of_any_type_may_lack_its_value(tmp_path: Path, cell: str, *, lacks_value: bool) -> None:
    for facts in both_ways(tmp_path, xml(cell.format(' r="B2"')).encode(), []):
        assert facts is None or facts.formulas_without_value == ({(1, 1): "=1+1"} if lacks_value else {})


def test_hidden_and_merged_cells_are_found(tmp_path: Path) -> None:
    content = (
        '<worksheet xmlns="urn:x"><cols><col min="1" max="2" width="9"/><col min="3" max="4" hidden="1"/></cols><sheetData>'
        '<row r="2" hidden="1"><c r="A2"><v>1</v></c></row><row r="3" spans="1:2" hidden="true"/><row r="4" hidden="0"/>'
        '</sheetData><mergeCells count="2"><mergeCell ref="A2:B3"/><mergeCell ref="C9:AA9"/></mergeCells></worksheet>'
    )
    scanned, parsed = both_ways(tmp_path, content.encode(), [])
    assert scanned is not None
    assert alike(scanned, parsed)
    assert (parsed.hidden_rows, parsed.hidden_columns) == ([1, 2], {2, 3})
    assert parsed.merged == [Area(1, 0, 2, 1), Area(8, 2, 8, 26)]


@pytest.mark.parametrize(
    "cells",
    [
        "<c r='B2' t='e'><v>#N/A</v></c>",
        '<c t="e"><v>#N/A</v></c>',
        '<c r="B2" t="e" s="1"><v xml:space="preserve">#N/A</v></c>',
        '<c r="B2"><f>1+1</f><!-- --><v>2</v></c>',
        "<c r='B2'><f>1+1</f></c>",
        "<c s='1'><v>1234567890123456</v></c>",
        '</row><row s="1" hidden="1" r="3">',
    ],
)
def test_text_scan_leaves_unusual_markup_to_the_parser(tmp_path: Path, cells: str) -> None:
    scanned, _ = both_ways(tmp_path, xml(cells).encode(), [])
    assert scanned is None


def test_text_scan_leaves_utf16_to_the_parser(tmp_path: Path) -> None:
    text = xml('<c r="A2" s="3"/>').replace("UTF-8", "UTF-16")
    scanned, parsed = both_ways(tmp_path, text.encode("utf-16"), ["3"])
    assert scanned is None
    assert padded_of(parsed) == {(0, 3): [1]}


def test_format_of_a_row_does_not_apply_to_its_cells(tmp_path: Path) -> None:
    """The style of a row is for empty cells; existing cells have their own."""
    rows = '<row r="2" s="3" customFormat="1"><c r="A2" s="3"/></row><row r="3" s="3"><c r="A3"/></row>'
    scanned, parsed = both_ways(tmp_path, f"{START}{rows}{END}".encode(), ["3"])
    assert scanned == parsed
    assert padded_of(parsed) == {(0, 3): [1]}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(st.tuples(st.integers(1, 40), st.sampled_from(["A", "Z", "AA", "XFD"]), st.sampled_from(["", *"1234"]))),
    block_bytes=st.integers(64, 400),
)  # fmt: skip
def test_blocks_of_any_size_split_no_cell(tmp_path: Path, cells: list[tuple[int, str, str]], block_bytes: int) -> None:
    """The size of a block does not change the result."""
    with_style = ((f"{letters}{row}", f' s="{style}"' if style else "") for row, letters, style in cells)
    rows = "".join(f'<row r="9"><c r="{reference}"{style}/></row>' for reference, style in with_style)
    content = f"{START}{rows}{END}".encode()
    with archive(tmp_path, content) as sheet:
        found = scan_text(sheet, SHEET, styled("2", "3"), block_bytes)
        assert found is not None
        expected: dict[tuple[int, int], list[int]] = {}
        columns = {"A": 0, "Z": 25, "AA": 26, "XFD": 16_383}
        for row, letters, style in cells:
            if style in ("2", "3"):
                expected.setdefault((columns[letters], int(style)), []).append(row - 1)
        assert padded_of(found) == expected


def test_many_padded_cells_of_several_formats(tmp_path: Path) -> None:
    """Each column and format has its own rows."""
    path = tmp_path / "tickets.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "zip", "phone"])
    for number in range(1, 60):
        sheet.append([number, number, number])
        sheet.cell(number + 1, 2).number_format = "00000" if number % 2 else "General"
        sheet.cell(number + 1, 3).number_format = "000-000" if number % 3 else "0000"
    book.save(path)
    assert read(path).cells == [
        [str(n), f"{n:05d}" if n % 2 else str(n), f"000-{n:03d}" if n % 3 else f"{n:04d}"] for n in range(1, 60)
    ]
