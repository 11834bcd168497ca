"""A sheet is read once, and every pass yields all rows, even if passes overlap or end early."""

from __future__ import annotations

import gc
import itertools
import pickle
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from importer.errors import ManifestError
from importer.manifest.manifest import open_manifest
from importer.manifest.records import Batch
from importer.manifest.workbooks.number_formats import ZeroPadding
from importer.manifest.workbooks.sheet_facts import SheetFacts
from importer.manifest.workbooks.sheet_rows import BLOCK_ROWS, Grid, SheetRows, TablePosition
from importer.manifest.workbooks.sheet_warnings import PROMISED_ROWS
from importer.manifest.workbooks.workbook_file import RowCache
from importer.models import ManifestOptions
from tests.manifest.reading import read_pass

ROWS = 2 * BLOCK_ROWS + 3


class Counted:
    """Rows like calamine's."""

    def __init__(self, rows: int = ROWS) -> None:
        self._rows = rows

    def iter_rows(self) -> Iterator[list[Any]]:
        """Two rows to the header, and the others."""
        yield ["title", ""]
        yield ["id", "zip"]
        for number in range(self._rows):
            yield [f"T-{number}", float(number)]


class Process:
    """A source of rows like the reading process."""

    def __init__(self, sheet: SheetRows, fails_behind: int | None = None) -> None:
        self.given = 0
        self._blocks = sheet.blocks()
        self._fails_behind = fails_behind

    def next_rows(self) -> bytes | None:
        """The next block, packed."""
        if self.given == self._fails_behind:
            raise ManifestError("the process has ended")
        self.given += 1
        block = next(self._blocks, None)
        return None if block is None else pickle.dumps(Batch(first_row=1, records=block))


def sheet_of(cells: Counted, facts: SheetFacts | None = None) -> SheetRows:
    place = TablePosition(header_row=2, end_row=ROWS + 2, first_column=0, width=2, named=2)
    return SheetRows(cells, facts or SheetFacts(), place)


def kept() -> RowCache:
    return RowCache(Process(sheet_of(Counted())))


EXPECTED = [[f"T-{number}", str(number)] for number in range(ROWS)]


def rows_of(sheet: SheetRows) -> list[list[str]]:
    return [row for block in sheet.blocks() if isinstance(block, Grid) for row in block.texts()]


def all_rows(batches: Iterable[Batch]) -> list[list[str]]:
    return [row for batch in batches if isinstance(batch.records, Grid) for row in batch.records.texts()]


def test_a_sheet_is_read_once_from_its_process() -> None:
    """Later passes read from the cache."""
    process = Process(sheet_of(Counted()))
    rows = RowCache(process)
    assert all_rows(rows) == EXPECTED
    given = process.given
    assert all_rows(rows) == all_rows(rows) == EXPECTED
    assert process.given == given


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_pass_after_an_interrupted_one_is_complete(blocks: int) -> None:
    """It reads cached rows first, and then further rows from the process."""
    rows = kept()
    broken_off = iter(rows)
    gone = [next(broken_off) for _ in range(blocks)]
    assert all_rows(rows) == EXPECTED
    assert all_rows([*gone, *broken_off]) == EXPECTED


def test_error_of_the_process_is_raised_in_every_pass() -> None:
    """Cached rows are never taken for the whole sheet."""
    rows = RowCache(Process(sheet_of(Counted()), fails_behind=2))
    for _ in range(2):
        with pytest.raises(ManifestError, match="the process has ended"):
            all_rows(rows)


def test_overlapping_passes_yield_all_rows() -> None:
    """The passes take blocks in turn, and one starts late."""
    rows = kept()
    first, second = iter(rows), iter(rows)
    one, two = [next(first)], [next(second)]
    one += [next(first)]
    three = list(rows)
    two += list(second)
    one += list(first)
    for blocks in (one, two, three):
        assert all_rows(blocks) == EXPECTED


def test_passes_in_several_threads() -> None:
    """Passes may run in threads, and the file of the cache has one position."""
    rows = kept()
    found: list[list[list[str]]] = []
    threads = [threading.Thread(target=lambda: found.append(all_rows(rows))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [EXPECTED] * 4


def test_rows_stay_in_memory_if_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No row is lost."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    rows = kept()
    assert all_rows(rows) == all_rows(rows) == EXPECTED


@pytest.mark.parametrize(("columns", "text", "most"), [(2, "x", BLOCK_ROWS), (500, "x", 400), (2, "x" * 20_000, 1_000)])
def test_blocks_have_a_bounded_size(columns: int, text: str, most: int) -> None:
    """Wide sheets and long texts are read in blocks of fewer rows."""

    class Wide:
        def iter_rows(self) -> Iterator[list[Any]]:
            for _ in range(2_200):
                yield [text] * columns

    place = TablePosition(header_row=0, end_row=2_200, first_column=0, width=columns, named=columns)
    sizes = [len(block) for block in SheetRows(Wide(), SheetFacts(), place).blocks()]
    assert sum(sizes) == 2_200
    assert max(sizes) <= most
    assert len(text) < 100 or max(sizes[1:]) * columns * len(text) <= 9_000_000


def test_padding_holds_across_blocks() -> None:
    """Rows of padded cells count from the first row of the sheet."""
    zeros = ZeroPadding.parse("0000000")
    assert zeros is not None
    facts = SheetFacts()
    for column in (1, 9):  # there are formats beyond the last cell, too
        facts.padded[column, zeros].extend([ROWS + 50, 0, 2, BLOCK_ROWS + 1, BLOCK_ROWS + 2, ROWS + 1])
    sheet = sheet_of(Counted(), facts)
    next(sheet.blocks())
    cells = [row[1] for row in rows_of(sheet)]
    padded = {0, BLOCK_ROWS - 1, BLOCK_ROWS, ROWS - 1}
    assert cells == [f"{number:07d}" if number in padded else str(number) for number in range(ROWS)]


def test_facts_of_the_scan_replace_cells() -> None:
    """Errors, formulas and durations are in their rows, in every block."""
    facts = SheetFacts(
        errors={(2, 0): "#N/A", (BLOCK_ROWS + 2, 1): "#REF!", (0, 0): "#NAME?"},
        formulas_without_value={(3, 1): "=1+1"},
        texts={(ROWS + 1, 1): "36:00:00", (4, 7): "beyond"},
    )
    expected = [list(row) for row in EXPECTED]
    expected[0][0], expected[BLOCK_ROWS][1], expected[1][1], expected[-1][1] = "#N/A", "#REF!", "=1+1", "36:00:00"
    sheet = sheet_of(Counted(), facts)
    assert rows_of(sheet) == expected
    assert rows_of(sheet) == expected


def test_blank_rows_are_only_counted() -> None:
    """A block with an error is not blank, although calamine reads an empty cell."""

    class Sparse:
        def iter_rows(self) -> Iterator[list[Any]]:
            yield ["id", "zip"]
            yield from itertools.repeat(["", ""], 50_000)
            yield ["", 0.0]

    place = TablePosition(header_row=1, end_row=50_002, first_column=0, width=2, named=2)
    blocks = list(SheetRows(Sparse(), SheetFacts(), place).blocks())
    assert sum(map(len, blocks)) == 50_001
    assert [block.texts()[-1] for block in blocks if isinstance(block, Grid)] == [["", "0"]]
    blocks = list(SheetRows(Sparse(), SheetFacts(errors={(25_000, 0): "#N/A"}), place).blocks())
    assert sum(map(len, blocks)) == 50_001
    assert ["#N/A", ""] in [row for block in blocks if isinstance(block, Grid) for row in block.texts()]


def test_cache_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file has no name, and is closed with the cache."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = kept()
    all_rows(rows)
    assert list(tmp_path.iterdir()) == []
    file = rows._file
    del rows
    gc.collect()
    assert file.closed


def book_of(path: Path, rows: int) -> Path:
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Tickets")
        sheet.write_row(0, 0, ["id"])
        for row in range(1, rows + 1):
            sheet.write_string(row, 0, "x")
    return path


def test_chunks_of_any_size_hold_the_same_rows(tmp_path: Path) -> None:
    """Chunks may be smaller than blocks, and rows keep their numbers."""
    path = tmp_path / "tickets.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["id"])
        for row in range(1, 26):
            sheet.write_string(row, 0, f"T-{row}")
    manifest = open_manifest(path, ManifestOptions())
    for size in (1, 7, 25, 26):
        table = read_pass(manifest, size)
        assert table.rows == list(range(2, 27))
        assert table.cells == [[f"T-{row}"] for row in range(1, 26)]


def test_very_long_sheet_is_read_with_a_warning(tmp_path: Path) -> None:
    """The warning recommends CSV."""
    small = open_manifest(book_of(tmp_path / "small.xlsx", 3), ManifestOptions())
    assert small.format.warnings == ()
    large = open_manifest(book_of(tmp_path / "large.xlsx", PROMISED_ROWS + 1), ManifestOptions())
    (warning,) = large.format.warnings
    assert "sheet 'Tickets' has 200,001 rows" in warning
    assert "CSV" in warning
    assert sum(len(chunk.rows) for chunk in large.chunks()) == PROMISED_ROWS + 1
