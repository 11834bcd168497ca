"""Cases like those of csv-spectrum, a collection of CSV files that readers get wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.reading import read_bytes, refusal_of_bytes

ABC = ["a", "b", "c"]
CASES: dict[str, tuple[bytes, list[list[str]]]] = {
    "comma_in_quotes": (
        b'first,last,address,city,zip\nJohn,Doe,120 any st.,"Anytown, WW",08123',
        [["first", "last", "address", "city", "zip"], ["John", "Doe", "120 any st.", "Anytown, WW", "08123"]],
    ),
    "empty": (b'a,b,c\n1,"",""\n2,3,4', [ABC, ["1", "", ""], ["2", "3", "4"]]),
    "empty_crlf": (b'a,b,c\r\n1,"",""\r\n2,3,4', [ABC, ["1", "", ""], ["2", "3", "4"]]),
    "escaped_quotes": (b'a,b\n1,"ha ""ha"" ha"\n3,4\n', [["a", "b"], ["1", 'ha "ha" ha'], ["3", "4"]]),
    "json": (
        b'key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n',
        [["key", "val"], ["1", '{"type": "Point", "coordinates": [102.0, 0.5]}']],
    ),
    "newlines": (
        b'a,b,c\n1,2,3\n"Once upon \na time",5,6\n7,8,9\n',
        [ABC, ["1", "2", "3"], ["Once upon \na time", "5", "6"], ["7", "8", "9"]],
    ),
    "newlines_crlf": (
        b'a,b,c\r\n1,2,3\r\n"Once upon \r\na time",5,6\r\n7,8,9\r\n',
        [ABC, ["1", "2", "3"], ["Once upon \r\na time", "5", "6"], ["7", "8", "9"]],
    ),
    "quotes_and_newlines": (
        b'a,b\n1,"ha \n""ha"" \nha"\n3,4\n',
        [["a", "b"], ["1", 'ha \n"ha" \nha'], ["3", "4"]],
    ),
    "simple": (b"a,b,c\n1,2,3\n", [ABC, ["1", "2", "3"]]),
    "simple_crlf": (b"a,b,c\r\n1,2,3\r\n", [ABC, ["1", "2", "3"]]),
    "utf8": ("a,b,c\n1,2,3\n4,5,ʤ".encode(), [ABC, ["1", "2", "3"], ["4", "5", "ʤ"]]),
}
COORDINATES = "Contact Phone Number,Location Coordinates,Cities,Counties\n2095257564,37{0}36'37.8\"N 121{0}2'17.9\"W,Modesto,Stanislaus"


@pytest.mark.parametrize("name", CASES)
def test_files_are_read_exactly(tmp_path: Path, name: str) -> None:
    """Quotes, line breaks and empty cells are as the collection documents them."""
    content, expected = CASES[name]
    table = read_bytes(tmp_path, content)
    assert [table.columns, *table.cells] == expected
    assert table.problems == []


def test_unquoted_coordinates_are_read(tmp_path: Path) -> None:
    """Degrees, with a quote inside a cell. Lost characters are reported."""
    for degree, codec in (("°", "utf-8"), ("°", "cp1252")):
        table = read_bytes(tmp_path, COORDINATES.format(degree).encode(codec))
        assert table.cells == [["2095257564", "37°36'37.8\"N 121°2'17.9\"W", "Modesto", "Stanislaus"]]
    table = read_bytes(tmp_path, COORDINATES.format("\ufffd").encode() + b"\n")
    assert table.cells[0][1] == "37\ufffd36'37.8\"N 121\ufffd2'17.9\"W"
    (warning,) = table.manifest.format.warnings
    assert "contains the character \ufffd 2 times" in warning


MORE: dict[str, tuple[bytes, list[list[str]]]] = {
    "mixed line ends": (b'a,b\r\n1,2\n3,"x\ry\nz"\r5,6\r\n', [["a", "b"], ["1", "2"], ["3", "x\ry\nz"], ["5", "6"]]),
    "no line end at the end": (b"a,b\n1,2", [["a", "b"], ["1", "2"]]),
    "an end that DOS programs write": (b"a,b\n1,x\x1a", [["a", "b"], ["1", "x"]]),
    "only quotes": (b'a,b\n"""""",""""\n', [["a", "b"], ['""', '"']]),
    "delimiters in quotes": (b'a;b\n"1;2,3\t4|5:6";x\n', [["a", "b"], ["1;2,3\t4|5:6", "x"]]),
    "blanks kept": (b'a,b\n " 1",2 \n\t3 ,\xc2\xa04\n', [["a", "b"], [' " 1"', "2 "], ["\t3 ", "\xa04"]]),
    "zero width and right to left": (
        "a,b\n\u200bx\u200d,שלום עולם\n\u202bمرحبا\u202c,e\u0301\n".encode(),
        [["a", "b"], ["\u200bx\u200d", "שלום עולם"], ["\u202bمرحبا\u202c", "e\u0301"]],
    ),
    "line ends of Unicode are none": (
        "a,b\nx\u2028y\x85z\x0b\x0c,2\n".encode(),
        [["a", "b"], ["x\u2028y\x85z\x0b\x0c", "2"]],
    ),
    "a mark in the middle": ("\ufeffa,b\n1,2\n\ufeff3,4\n".encode(), [["a", "b"], ["1", "2"], ["\ufeff3", "4"]]),
    "a quoted name behind a mark": ('\ufeff"a","b"\n1,2\n'.encode(), [["a", "b"], ["1", "2"]]),
    "a line for Excel in quotes": (b'"sep=|"\na|b\n1|2\n', [["a", "b"], ["1", "2"]]),
    "a line for Excel with a tab": (b"sep=\t\r\na,x\tb\r\n1\t2\r\n", [["a,x", "b"], ["1", "2"]]),
    "one column with commas in its texts": (b"note\nhello, you\nx\ny, z, w\n", [["note"], ["hello, you"], ["x"], ["y, z, w"]]),
    "a totals row": (b"id,n\n1,2\n,2\n", [["id", "n"], ["1", "2"], ["", "2"]]),
}  # fmt: skip


@pytest.mark.parametrize("name", MORE)
def test_further_cases(tmp_path: Path, name: str) -> None:
    """Cases of real exports that the collection lacks."""
    content, expected = MORE[name]
    table = read_bytes(tmp_path, content)
    assert [table.columns, *table.cells] == expected
    assert table.problems == []


def test_cells_of_a_megabyte_are_read(tmp_path: Path) -> None:
    """With quotes in them and without."""
    long = 'Zeile "eins"\r\nwith, comma; ' * 40_000
    quoted = long.replace('"', '""')
    table = read_bytes(tmp_path, f'a,b,c\n1,"{quoted}",x\n2,{"y" * 1_000_000},"{quoted}"\n'.encode())
    assert table.cells == [["1", long, "x"], ["2", "y" * 1_000_000, long]]


def test_file_that_ends_inside_a_quote_names_the_row(tmp_path: Path) -> None:
    """Blank rows count; a record with line breaks is one row."""
    text = refusal_of_bytes(tmp_path, b'a,b\n1,"x\ny"\n\n2,"cut of')
    assert "row 4: a quote is opened here and never closed" in text
