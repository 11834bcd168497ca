"""Which cells of a sheet pad is found in its text, or by an XML parser; both find the same, or the first says it can't."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.manifest import zero_padding
from importer.manifest.zero_padding import _parsed, _Places, _scanned
from tests.manifest.reading import read
from tests.manifest.test_workbook import with_part, written

SHEET = "xl/worksheets/sheet1.xml"
START = '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="urn:x"><sheetData>'
END = "</sheetData></worksheet>"


def archive(folder: Path, content: bytes) -> zipfile.ZipFile:
    path = folder / "sheet.zip"
    with zipfile.ZipFile(path, "w") as new:
        new.writestr(SHEET, content)
    return zipfile.ZipFile(path)


def both_ways(folder: Path, content: bytes, styles: list[str]) -> tuple[_Places | None, _Places]:
    with archive(folder, content) as sheet:
        return _scanned(sheet, SHEET, styles), _parsed(sheet, SHEET, set(styles))


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
def test_cells_as_all_spreadsheets_write_them_are_found_in_the_text(tmp_path: Path, cells: str) -> None:
    """The short way is taken where it matters, and finds what a parser finds."""
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
def test_cells_that_are_written_otherwise_are_left_to_the_parser(
    tmp_path: Path, cells: str, columns: list[int]
) -> None:
    """Quotes, blanks, the order of attributes, prefixes and what is no element: the text alone doesn't tell."""
    scanned, parsed = both_ways(tmp_path, xml(cells).encode(), ["3"])
    assert scanned is None
    assert {place: list(rows) for place, rows in parsed.items()} == {(column, "3"): [1] for column in columns}


def test_another_encoding_is_left_to_the_parser(tmp_path: Path) -> None:
    """In UTF-16 nothing would be found, and nothing be missed."""
    text = xml('<c r="A2" s="3"/>').replace("UTF-8", "UTF-16")
    scanned, parsed = both_ways(tmp_path, text.encode("utf-16"), ["3"])
    assert scanned is None
    assert {place: list(rows) for place, rows in parsed.items()} == {(0, "3"): [1]}


def test_a_format_of_whole_rows_is_none_of_their_cells(tmp_path: Path) -> None:
    """A row may have a style for its empty cells; those that are there have their own."""
    rows = '<row r="2" s="3" customFormat="1"><c r="A2" s="3"/></row><row r="3" s="3"><c r="A3"/></row>'
    scanned, parsed = both_ways(tmp_path, f"{START}{rows}{END}".encode(), ["3"])
    assert scanned == parsed
    assert {place: list(found) for place, found in parsed.items()} == {(0, "3"): [1]}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(st.tuples(st.integers(1, 40), st.sampled_from(["A", "Z", "AA", "XFD"]), st.sampled_from(["", *"1234"]))),
    block_bytes=st.integers(64, 400),
)  # fmt: skip
def test_blocks_of_any_size_tear_no_cell(tmp_path: Path, cells: list[tuple[int, str, str]], block_bytes: int) -> None:
    """The text is read in blocks; where one ends is of no account."""
    styled = ((f"{letters}{row}", f' s="{style}"' if style else "") for row, letters, style in cells)
    written_cells = (f'<c r="{reference}"{style}/>' for reference, style in styled)
    content = f"{START}<row>{''.join(written_cells)}</row>{END}".encode()
    with archive(tmp_path, content) as sheet:
        scanned = _scanned(sheet, SHEET, ["1", "3"], block_bytes)
        assert scanned is not None
        expected: dict[tuple[int, str], list[int]] = {}
        columns = {"A": 0, "Z": 25, "AA": 26, "XFD": 16_383}
        for row, letters, style in cells:
            if style in ("1", "3"):
                expected.setdefault((columns[letters], style), []).append(row - 1)
        assert {place: list(rows) for place, rows in scanned.items()} == expected


def test_a_sheet_is_not_looked_at_without_a_padding_format(tmp_path: Path) -> None:
    """Where no used format pads, the sheet's text costs nothing: it may even be unreadable to a parser."""
    path = written(tmp_path / "tickets.xlsx", [["id", "n"], ["x", 123]], formats={(1, 1): "0.00"})
    with_part(path, SHEET, lambda content: content.replace(b"</worksheet>", b"</worksheet><!--"))
    assert zero_padding.find_padding(path, "Tickets") == ()


def test_many_padded_cells_of_several_formats(tmp_path: Path) -> None:
    """Each column and format by itself, in the order of the rows, through a whole workbook."""
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
