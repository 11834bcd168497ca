"""Properties of reading that hold for every table and every file."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from pathlib import Path

import pandas as pd
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from importer.errors import ManifestError
from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions
from tests.manifest.reading import read

# Every character but half surrogates, which no file can hold, the byte order mark, which is no text, and control
# characters, of which a few are text and many make a binary file.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), max_size=12)
TRICKY = st.sampled_from(
    ["", " ", '"', '""', ",", ";", "\t", "\r", "\n", "\r\n", "0012", "NA", "=1", "1e5", "nan", "'"]
)
CELL = TEXT | TRICKY
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]


@st.composite
def tables(draw: st.DrawFn, cell: st.SearchStrategy[str] = CELL) -> list[list[str]]:
    width = draw(st.integers(1, 4))
    header = [f"column {index}" for index in range(width)]
    rows = draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=6))
    return [header, *rows]


def with_content(table: list[list[str]]) -> list[list[str]]:
    return [row for row in table[1:] if any(cell.strip() for cell in row)]


@settings(max_examples=150, deadline=None)
@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|:"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(ENCODINGS),
)
def test_tables_written_by_python_are_read_unchanged(table, delimiter, end, quoting, encoding) -> None:
    """In any dialect and encoding, except for rows without content."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(table)
    # An old Python leaves a lone CR unquoted where lines end otherwise; a reader can't know that it is no line end.
    ours = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=delimiter))
    assume([row for row in ours if row] == table)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tickets.csv")
        path.write_bytes(text.getvalue().encode(encoding))
        options = {"encoding": encoding} if encoding == "utf-16-le" else {}
        got = read(path, table[0], size=2, delimiter=delimiter, **options)
    assert got.columns == table[0]
    assert got.cells == with_content(table)
    assert got.problems == []


@settings(max_examples=40, deadline=None)
@given(table=tables(), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_tables_written_by_pandas_are_read_unchanged(table, encoding) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tickets.csv")
        frame = pd.DataFrame(table[1:], columns=table[0], dtype=object)
        frame.to_csv(path, index=False, encoding=encoding, quoting=csv.QUOTE_ALL)
        got = read(path, table[0])
    assert got.cells == with_content(table)


# What XML can hold, without the escapes that Excel itself writes for what it can't.
SHEET_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="_\ufffe\uffff"), max_size=12)


@settings(max_examples=30, deadline=None)
@given(table=tables(SHEET_TEXT), top=st.integers(0, 3), left=st.integers(0, 3))
def test_workbooks_are_read_unchanged(table, top, left) -> None:
    """With Excel's row numbers, at any position of the table on its sheet."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tickets.xlsx")
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet()
            for index, row in enumerate(table):
                for column, cell in enumerate(row):
                    sheet.write_string(top + index, left + column, cell)
        got = read(path)
    assert got.columns == table[0]
    assert got.cells == with_content(table)
    numbers = enumerate(table[1:], start=top + 2)
    assert got.rows == [number for number, row in numbers if any(cell.strip() for cell in row)]


def refused(content: bytes) -> ManifestError | None:
    """Read the file. Errors other than ManifestError fail the test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tickets.csv")
        path.write_bytes(content)
        try:
            for chunk in open_manifest(path, ManifestOptions()).chunks(3):
                assert len(chunk.rows) == len(chunk.frame)
        except ManifestError as error:
            return error
    return None


def answers(content: bytes) -> None:
    error = refused(content)
    if error is not None:
        assert "tickets.csv" in error.message
        assert error.hint


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Reading yields a table or a ManifestError."""
    answers(content)


def sample_workbook() -> dict[str, bytes]:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Tickets")
        sheet.write_row(0, 0, ["id", "subject"])
        sheet.write(1, 0, 7, book.add_format({"num_format": "00000"}))
        sheet.write(1, 1, "x")
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


WORKBOOK = sample_workbook()
PARTS = [
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/styles.xml",
    "xl/worksheets/sheet1.xml",
    "xl/sharedStrings.xml",
]


@settings(max_examples=150, deadline=None)
@given(part=st.sampled_from(PARTS), at=st.floats(0, 1), cut=st.integers(0, 30), put=st.binary(max_size=10))
def test_damaged_workbooks_are_read_or_refused(part, at, cut, put) -> None:
    """One part of the workbook is damaged."""
    start = int(at * len(WORKBOOK[part]))
    damaged = WORKBOOK[part][:start] + put + WORKBOOK[part][start + cut :]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in WORKBOOK.items():
            archive.writestr(name, damaged if name == part else content)
    answers(buffer.getvalue())


@settings(max_examples=100, deadline=None)
@given(
    at=st.floats(0, 1),
    cut=st.integers(0, 30),
    put=st.binary(max_size=10),
    codec=st.sampled_from(["cp1252", "utf-16", "utf-8"]),
)
def test_damaged_texts_are_read_or_refused(at, cut, put, codec) -> None:
    """Some bytes are missing or added."""
    content = 'Name;Ort\nMüller;"Zürich\nSüd"\nGrößer;Köln\n'.encode(codec)
    start = int(at * len(content))
    answers(content[:start] + put + content[start + cut :])
