"""Reading records in blocks yields the same as Python's strict reader, for any text."""

from __future__ import annotations

import contextlib
import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.errors import ManifestError
from importer.manifest.chunks import Chunk, RowCounter, make_chunks
from importer.manifest.delimited.block_parser import BlockRecords, parse_block
from importer.manifest.delimited.encoding import Encoding
from importer.manifest.delimited.record_reader import RecordReader
from importer.manifest.delimited.utf8_text import Utf8Text
from importer.manifest.header import make_header
from importer.manifest.records import Batch, BlankRecords, RecordList
from importer.manifest.text_column import Column

# What gives a text its shape, more often than what it only carries.
ANY_TEXT = st.text(st.sampled_from('",,\n\r""a b\0é€\x1a'), max_size=40)
CELL = st.text(st.sampled_from('", \n\rab1é\u00a0'), max_size=5)
LINE_ENDS = ["\n", "\r\n", "\r"]


@contextlib.contextmanager
def records_of(text: str, block_bytes: int, codec: str = "utf-8") -> Iterator[RecordReader]:
    """Return the records of a file that is read in blocks of a few bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tickets.csv")
        path.write_bytes(text.encode(codec))
        source = Utf8Text(path, Encoding(codec=codec), block_bytes=block_bytes)
        with contextlib.closing(RecordReader(source, ",", "tickets.csv")) as records:
            yield records


def one_by_one(text: str, codec: str = "utf-8") -> list[list[str]] | list[str]:
    """Return the records of Python's strict reader, or its error."""
    with records_of(text, 1 << 10, codec) as records:
        try:
            return list(records)
        except ManifestError as error:
            return error.lines()


def at_once(text: str, block_bytes: int, codec: str = "utf-8") -> list[list[str]] | list[str]:
    """Return the same, read in blocks where possible."""
    with records_of(text, block_bytes, codec) as records:
        try:
            return [
                record for some in records.blocks() if not isinstance(some, BlankRecords) for record in some.texts()
            ]
        except ManifestError as error:
            return error.lines()


@settings(max_examples=400, deadline=None)
@given(text=ANY_TEXT, block_bytes=st.integers(1, 12) | st.just(1 << 10))
@example(text='a,"b\nc,d\n', block_bytes=1 << 10)
@example(text='"a"b\n', block_bytes=1 << 10)
@example(text='a"b,c"\n"",""""\n', block_bytes=1 << 10)
@example(text="a\r\r\n\n\rb", block_bytes=2)
@example(text='"\r', block_bytes=1)
@example(text="a\r\n\x1a", block_bytes=1)
@example(text="a\n\x1a", block_bytes=3)
@example(text="a\x1a", block_bytes=1)
@example(text='5"\n\x1a', block_bytes=2)
def test_blocks_yield_the_records_of_the_strict_reader(text: str, block_bytes: int) -> None:
    """Or the same rows in the same error, for blocks of any size."""
    assert at_once(text, block_bytes) == one_by_one(text)


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.sampled_from('",\n\ra é€😀\ud800'), max_size=25), block_bytes=st.integers(1, 9))
def test_blocks_yield_the_same_in_other_encodings(text: str, block_bytes: int) -> None:
    """A block may cut a character; half surrogates stay unchanged."""
    for codec in ("utf-16-le", "utf-7"):
        with contextlib.suppress(UnicodeEncodeError):
            assert at_once(text, block_bytes, codec) == one_by_one(text, codec)


@settings(max_examples=150, deadline=None)
@given(
    table=st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=6),
    end=st.sampled_from(LINE_ENDS),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_texts_of_programs_are_read_in_blocks(table: list[list[str]], end: str, quoting: int) -> None:
    """Their quotes are unambiguous."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=quoting).writerows(table)  # type: ignore[arg-type]  # one of its own
    block = parse_block(text.getvalue().encode(), ",", last=True)
    assert block is not None
    assert block.texts() == list(csv.reader(io.StringIO(text.getvalue(), newline="")))


@pytest.mark.parametrize(
    "text",
    ['a"b,c\n', '"a"b,c\n', 'a,"b\n', '"a" ,b\n', 'x,"a"b"\n', "a\0,b\n", '"a""\n', "one line"],
)
def test_ambiguous_text_is_not_a_block(text: str) -> None:
    """Stray or unclosed quotes, a NUL, an incomplete record."""
    assert parse_block(text.encode(), ",", last=False) is None


def test_blocks_continue_after_a_stray_quote() -> None:
    """A cell such as 5" affects only its own block."""
    with records_of('5",a\n' + '"b",c\n' * 200, 64) as records:
        first, *others = records.blocks()
    assert isinstance(first, RecordList)
    assert len(others) > 1
    assert all(isinstance(each, BlockRecords) for each in others)


def chunks(batch: Batch, width: int) -> tuple[list[Chunk], int]:
    header = make_header([f"c{index}" for index in range(width)], row=1, file_name="tickets.csv")
    counter = RowCounter()
    return [chunk for chunk in make_chunks([batch], header, counter) if chunk is not None], counter.blank_rows


@example(table=[[""], ["1", "\n\n"]], width=1, end="\r")
@settings(max_examples=200, deadline=None)
@given(
    table=st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=6),
    width=st.integers(1, 3),
    end=st.sampled_from(LINE_ENDS),
)
def test_chunks_from_blocks_and_records_are_equal(table: list[list[str]], width: int, end: str) -> None:
    """Blank rows, rows of a wrong width, numbers, problems and cells."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end).writerows(table)
    block = parse_block(text.getvalue().encode(), ",", last=True)
    assert block is not None
    records = list(csv.reader(io.StringIO(text.getvalue(), newline="")))
    (ours, our_blanks), (theirs, their_blanks) = (
        chunks(Batch(first_row=2, records=source), width) for source in (block, RecordList(records=records))
    )
    assert our_blanks == their_blanks
    assert len(ours) == len(theirs) <= 1
    for one, other in zip(ours, theirs, strict=True):
        assert (one.rows, one.problems, one.columns) == (other.rows, other.problems, other.columns)
        assert one.frame.equals(other.frame)
        last = len(one.rows) - 1
        assert one.part(np.array([last])).equals(other.part(np.array([last])))
        for name in one.columns:
            column = one.column(name)
            assert column is not None
            assert column.texts() == one.texts(name) == other.texts(name) == one.frame[name].tolist()
            assert one.text(name, last) == other.text(name, last) == column.texts()[last]


@given(
    texts=st.lists(st.text(max_size=9) | st.sampled_from(["\0", "\ud800"]), min_size=1, max_size=5),
    width=st.integers(1, 40),
)
def test_column_returns_its_texts(texts: list[str], width: int) -> None:
    """As texts and as bytes; texts that UTF-8 can't encode have no column."""
    column = Column.from_texts(texts)
    if any(each == "\0" or "\ud800" <= each <= "\udfff" for text in texts for each in text):
        assert column is None
        return
    assert column is not None
    assert column.texts() == texts
    rows = [bytes(row) for row in column.matrix(width).T.tolist()]
    assert rows == [text.encode()[:width].ljust(width, b"\0") for text in texts]
