"""What must hold for every table and every file."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from importer.errors import ManifestError
from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions
from tests.manifest.reading import ForkedReader, read

# Every character but half surrogates, which no file can hold, the byte order mark, which is no text, and control
# characters, of which a few are text and many make a binary file.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), max_size=12)
TRICKY = st.sampled_from(
    ["", " ", '"', '""', ",", ";", "\t", "\r", "\n", "\r\n", "0012", "NA", "=1", "1e5", "nan", "'"]
)
CELL = TEXT | TRICKY
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]


@pytest.fixture(scope="module", autouse=True)
def read_here() -> Iterator[None]:
    """Read workbooks in forked processes: `tests/manifest/workbooks/test_hostile.py` tests real ones."""
    with ForkedReader.used():
        yield


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
def test_what_python_writes_is_read_cell_by_cell(table, delimiter, end, quoting, encoding) -> None:
    """Any table in any dialect and encoding comes back equal, but for rows without content."""
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
def test_what_pandas_writes_is_read_cell_by_cell(table, encoding) -> None:
    """The export of the most usual tool comes back equal."""
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
def test_what_excel_holds_is_read_cell_by_cell(table, top, left) -> None:
    """Texts in a workbook come back equal, with the row numbers that Excel shows, wherever the table stands."""
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
    """Read it all, or be refused; any other exception is a fault."""
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
def test_any_bytes_get_an_answer(content: bytes) -> None:
    """Whatever a file holds, the end is a table or a ManifestError."""
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
def test_damaged_workbooks_get_an_answer(part, at, cut, put) -> None:
    """A workbook with one part damaged is read or refused."""
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
def test_damaged_texts_get_an_answer(at, cut, put, codec) -> None:
    """A text with some bytes cut out or put in is read or refused."""
    content = 'Name;Ort\nMüller;"Zürich\nSüd"\nGrößer;Köln\n'.encode(codec)
    start = int(at * len(content))
    answers(content[:start] + put + content[start + cut :])
