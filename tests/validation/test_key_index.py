"""Identity of rows: the key across runs, the content hash for edits, the first position of a key in a manifest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.manifest.chunks import Chunk
from importer.manifest.records import RecordList
from importer.manifest.text_column import Column
from importer.validation import KeyIndex, RowKeyReader, content_hashes, fingerprints
from tests.validation.checking import mapping_of

COLUMNS = "columns: {Mail: LeadDetail.EmailAddress}\n"
CELLS = st.text('ab12:\x1f\n \x00é,"[]\\', max_size=4)


def keys(key: str, columns: Sequence[str], *rows: Sequence[str]) -> list[str]:
    """Return the keys of rows under a mapping with this `key`."""
    mapping = mapping_of(f"version: 1\nsource: s\nkey: {key}\n{COLUMNS}")
    source = RecordList(records=[list(row) for row in rows])
    chunk = Chunk(columns=tuple(columns), rows=tuple(range(2, len(rows) + 2)), source=source)
    return RowKeyReader(mapping).of_chunk(chunk, columns)


@pytest.mark.parametrize("cell", ["1", "00123", " 7 ", "NA", "1e5", "漢字", "a\nb"])
def test_a_key_is_the_raw_cell(cell: str):
    """Whatever the mapping does with the column, the key stays as written."""
    assert keys("ID", ["ID", "Mail"], [cell, "mina@example.com"]) == [cell]


@pytest.mark.parametrize("cell", ["", " ", "\t\n", "\u00a0"])
def test_blanks_are_no_key(cell: str):
    """A row with a blank key could not be recognised: it has no key, alone or in a list."""
    assert keys("ID", ["ID", "Mail"], [cell, "x"]) == [""]
    assert keys("[ID, Mail]", ["ID", "Mail"], [cell, "x"], ["x", cell]) == ["", ""]


def test_the_content_hash_ignores_the_order_of_columns():
    """Exports change the order of their columns, and of the names of JSON objects."""
    hashes = content_hashes(["B", "A"], [["1", "2"], ["3", ""]])
    assert hashes == content_hashes(["A", "B"], [["2", "1"], ["", "3"]])
    assert hashes != content_hashes(["A", "B"], [["1", "2"], ["3", ""]])


@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
@example(rows=[("a,", "b"), ("a", ",b"), ('a","b', "c"), ("a", 'b","c')])
def test_composite_keys_are_equal_only_if_all_cells_are_equal(rows: list[tuple[str, str]]):
    """Two rows have one composite key exactly if all its cells are equal."""
    made = keys("[A, B]", ["A", "B", "Mail"], *[(*row, "") for row in rows])
    whole = {row: key for row, key in zip(rows, made, strict=True) if key}
    assert len(set(whole.values())) == len(whole)
    assert all(bool(key) == bool(row[0].strip() and row[1].strip()) for row, key in zip(rows, made, strict=True))


def test_a_composite_key_stays_the_same_in_every_version():
    """The ledger knows tickets by it: another form would make every old row look new."""
    assert keys("[A, B]", ["A", "B"], ["Süd", "007"]) == ['["Süd", "007"]']


def test_the_content_key_stays_the_same_in_every_version():
    """The same for `key: row-content`."""
    assert keys("row-content", ["A", "Mail"], ["Süd", "007"]) == content_hashes(["A", "Mail"], [["Süd", "007"]])
    assert content_hashes(["A", "Mail"], [["Süd", "007"]]) == ["f0a1419fb3f1a1242da703a02b362db9"]


@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
@example(rows=[("a\x1fb", "c"), ("a", "b\x1fc"), ("1:a", ""), ("", "1:a")])
def test_rows_have_one_content_hash_only_if_all_cells_are_equal(rows: list[tuple[str, str]]):
    """No character in a cell counts as the border between two cells; else a row could get another's ticket."""
    hashes = content_hashes(["A", "B"], rows)
    assert len(set(hashes)) == len(set(rows))


def test_any_text_has_a_content_hash():
    """Also half a surrogate pair."""
    assert len(content_hashes(["A"], [["\ud800"]])[0]) == 32


def add(index: KeyIndex, keys: list[str], start: int) -> list[int]:
    """Add keys as the first pass over a manifest does."""
    there = np.array([bool(key) for key in keys], dtype=bool)
    return list(map(int, index.add(fingerprints(Column.from_any_texts(keys)), there, start)))


@given(chunks=st.lists(st.lists(st.sampled_from(["", "a", "b", "c", "d", "A", "a "]), max_size=7), max_size=8))
def test_a_repeated_key_gives_its_first_position(chunks: list[list[str]]):
    """Over any number of chunks; empty keys are ignored."""
    index = KeyIndex()
    first: dict[str, int] = {}
    position = 0
    for chunk in chunks:
        expected = []
        for offset, key in enumerate(chunk):
            expected.append(first.get(key, -1) if key else -1)
            if key:
                first.setdefault(key, position + offset)
        assert add(index, chunk, position) == expected
        position += len(chunk)


def test_merging_tables_loses_no_key():
    """Merged tables have lost no key and no position."""
    index = KeyIndex()
    for start in range(0, 20_000, 500):
        assert set(add(index, [f"K{number}" for number in range(start, start + 500)], start)) == {-1}
    again = add(index, [f"K{number}" for number in range(19_999, -1, -1)], 20_000)
    assert again == list(range(19_999, -1, -1))


def test_keys_are_found_in_tables_of_many_sizes():
    """Chunks of shrinking and growing sizes leave several tables; each is searched."""
    index, start = KeyIndex(), 0
    for size in (400, 100, 20, 3, 1, 50, 300, 2):
        assert set(add(index, [f"{number}" for number in range(start, start + size)], start)) == {-1}
        start += size
    assert add(index, [f"{number}" for number in range(start)], start) == list(range(start))
