"""Delimited texts that are not plain CSV, from MySQL, PostgreSQL and other programs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.manifest.delimited.dialect import Dialect
from importer.manifest.delimited.dialect_reader import parse_text
from tests.manifest.reading import read_bytes, refusal_of_bytes

MYSQL = rb"""Id,Text,Mail
"1","He said \"hi, you\"","C:\\temp"
"2",\N,"a ""b"" c"
3,one\,two,line\
break
"""
CELLS = [["1", 'He said "hi, you"', "C:\\temp"], ["2", "", 'a "b" c'], ["3", "one,two", "line\nbreak"]]


@pytest.mark.parametrize("options", [{}, {"escape": "\\"}])
def test_mysql_dump_is_read(tmp_path: Path, options: dict[str, str]) -> None:
    r"""Quotes are \" and empty values \N; a backslash before a line break keeps it."""
    table = read_bytes(tmp_path, MYSQL, ("Id", "Text", "Mail"), **options)
    assert table.cells == CELLS
    assert table.rows == [2, 3, 4]
    assert table.how == "CSV, UTF-8, comma-separated, escaped with \\"


def test_backslash_letters_need_an_option(tmp_path: Path) -> None:
    r"""Some programs mean a line break by \n, others two characters."""
    content = rb'"Id","Text"' + b"\n" + rb'"1","a \"b\""' + b"\n" + rb'"2","x\ty\nz\q\0"' + b"\n"
    assert "escape: '\\'" in refusal_of_bytes(tmp_path, content, ("Id", "Text"))
    assert read_bytes(tmp_path, content, ("Id", "Text"), escape="\\").cells[1] == ["2", "x\ty\nzq\0"]


@pytest.mark.parametrize("options", [{}, {"dialect": "postgres-copy"}])
def test_postgresql_text_format_is_read(tmp_path: Path, options: dict[str, str]) -> None:
    r"""Tabs and line breaks are \t and \n, empty values \N, and the end is \."""
    content = "\nid\ttext\tmail\n1\tl1\\nl2\\t\\\\ \\x41\\303\\274\ta@b\n2\t\\N\t\\\\N\n\\.\n\n \n"
    table = read_bytes(tmp_path, content.encode(), ("id",), **options)
    assert table.cells == [["1", "l1\nl2\t\\ Aü", "a@b"], ["2", "", "\\N"]]
    assert not table.problems
    assert "PostgreSQL's COPY" in table.how


def test_text_below_the_end_mark_is_an_error(tmp_path: Path) -> None:
    """No row is lost."""
    content = b"id\ttext\n1\ta\n\\.\n2\tb\n"
    assert "below the end mark" in refusal_of_bytes(tmp_path, content, dialect="postgres-copy")


@pytest.mark.parametrize(
    "row", [b'1,"C:\\"', b"1,'x'", b"1,\\N", b'1,"' + b"x" * 200_000 + b'"', b'1," a "', b"1,#", b"1,a|b~c"]
)
def test_plain_csv_is_not_read_as_another_dialect(tmp_path: Path, row: bytes) -> None:
    (cells,) = csv.reader([row.decode()])
    table = read_bytes(tmp_path, b"Id,Text\n" + row + b"\n", ("Id", "Text"), delimiter=",")
    assert (table.cells, table.how) == ([cells], "CSV, UTF-8, comma-separated")


def test_single_quotes_around_known_names_are_found(tmp_path: Path) -> None:
    content = b"'Id','Text'\n'1','it''s, \"so\"'\n"
    assert read_bytes(tmp_path, content, ("Id", "Text")).cells == [["1", 'it\'s, "so"']]
    assert read_bytes(tmp_path, content, quote="'").cells == [["1", 'it\'s, "so"']]


@pytest.mark.parametrize("delimiter", ["||", "^|^", "\x01", "~", "<>"])
def test_other_delimiters_are_read(tmp_path: Path, delimiter: str) -> None:
    """With quotes and without."""
    content = delimiter.join(["Id", "Text"]) + "\n" + delimiter.join(["1", f'"a {delimiter} ""b"""']) + "\n"
    assert read_bytes(tmp_path, content.encode(), delimiter=delimiter).cells == [["1", f'a {delimiter} "b"']]


def test_comment_lines_are_skipped(tmp_path: Path) -> None:
    """Row numbers count them; the sign inside a cell is text."""
    table = read_bytes(tmp_path, b'# export\nId,Text\n1,#a\n# 2,b\n\n3,"x\n# y"\n', comment="#")
    assert (table.cells, table.rows) == ([["1", "#a"], ["3", "x\n# y"]], [3, 6])
    assert (table.manifest.comments, table.manifest.blank_rows) == (1, 1)


def test_strip_removes_blanks_around_cells(tmp_path: Path) -> None:
    """Blanks around quotes are never part of a cell."""
    content = b'"Id" ,"Text" , Mail\n"1" ,"A, b" , x \n'
    assert read_bytes(tmp_path, content).cells == [["1", "A, b", " x "]]
    table = read_bytes(tmp_path, content, ("Id", "Mail"), strip=True)
    assert (table.columns, table.cells) == (["Id", "Text", "Mail"], [["1", "A, b", "x"]])


def test_strip_applies_to_json(tmp_path: Path) -> None:
    table = read_bytes(tmp_path, b'[{"Id ": " 1 ", "Text": "a b "}]', ("Id",), strip=True)
    assert (table.columns, table.cells) == (["Id", "Text"], [["1", "a b"]])


@pytest.mark.parametrize("size", [1, 2, 10_000])
def test_footer_is_skipped_with_a_warning(tmp_path: Path, size: int) -> None:
    """Short rows above complete rows stay problems."""
    content = b"id,text,mail\n1,a,b\n2,c\n3,d,e\n\nCases by owner\nCopyright,x\n\n"
    table = read_bytes(tmp_path, content, size=size, footer="skip")
    assert table.rows == [2, 3, 4]
    assert [problem.row for problem in table.problems] == [3]
    assert table.manifest.skipped == ("2 rows, 6 to 7, are skipped as the footer: 'Cases by owner'",)


@pytest.mark.parametrize("content", [b"id,text\n1,a\n2", b"id,text\n1,a\n" + b"x\n" * 21])
def test_possible_rows_are_not_a_footer(tmp_path: Path, content: bytes) -> None:
    """A row that may be cut off, and very many rows, are problems."""
    assert read_bytes(tmp_path, content, footer="skip").problems


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"'a','b'\n'1','x' y\n'2','z'w\n", "row 2: text follows a closing quote"),
        (b"'a','b'\n'1','x\n", "row 2: a quote is opened here and never closed"),
    ],
)
def test_broken_rows_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    """Nothing is guessed."""
    assert said in refusal_of_bytes(tmp_path, content, quote="'")


TEXTS = st.text(st.sampled_from("a\"'\\,;~|\r\n \tNnü"), max_size=6)


@given(
    rows=st.lists(st.lists(TEXTS, min_size=2, max_size=3), min_size=1, max_size=4),
    delimiter=st.sampled_from(",;~"),
    escape=st.sampled_from(["", "^"]),
)
def test_dialects_of_the_csv_module_are_read(rows: list[list[str]], delimiter: str, escape: str) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(
        written,
        quoting=csv.QUOTE_ALL,
        delimiter=delimiter,
        quotechar="'",
        escapechar=escape or None,
        doublequote=not escape,
    )
    writer.writerows(rows)
    dialect = Dialect(delimiter=delimiter, quote="'", escape=escape)
    assert parse_text(written.getvalue(), dialect, last=True).records == rows


@given(text=st.text(st.sampled_from("ab',\\|\r\n"), max_size=30), cut=st.integers(min_value=0, max_value=30))
def test_parts_of_a_text_yield_the_same_records(text: str, cut: int) -> None:
    """An incomplete record is left for the next part."""
    dialect = Dialect(delimiter="||", quote="'", escape="\\", comment="b")
    whole = parse_text(text, dialect, last=True)
    head = text[:cut]
    end = max(head.rfind("\n"), head.rfind("\r", 0, -1)) + 1
    first = parse_text(text[:end], dialect, last=False)
    rest = parse_text(text[first.size :], dialect, last=True)
    if not (whole.broken or first.broken or rest.broken):
        assert first.records + rest.records == whole.records
    else:
        assert whole.broken
        assert first.broken or rest.broken
