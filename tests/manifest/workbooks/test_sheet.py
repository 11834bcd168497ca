"""A sheet is parsed once: whatever passes are made, broken off or run side by side, each gives all rows."""

from __future__ import annotations

import gc
import tempfile
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from importer.manifest import open_manifest
from importer.manifest.workbooks.sheet import BLOCK_ROWS, Sheet, TablePlace
from importer.manifest.workbooks.sheet_facts import SheetFacts
from importer.manifest.workbooks.sheet_notes import PROMISED_ROWS
from importer.manifest.workbooks.zero_padding import ZeroPadding
from importer.models import ManifestOptions
from tests.manifest.reading import read_pass

ROWS = 2 * BLOCK_ROWS + 3


class Counted:
    """Rows as calamine gives them, that know how often they were gone through."""

    def __init__(self, rows: int = ROWS) -> None:
        self.passes = 0
        self._rows = rows

    def iter_rows(self) -> Iterator[list[Any]]:
        """Two rows to the header, and the others."""
        self.passes += 1
        yield ["title", ""]
        yield ["id", "zip"]
        for number in range(self._rows):
            yield [f"T-{number}", float(number)]


def sheet_of(cells: Counted, facts: SheetFacts | None = None) -> Sheet:
    place = TablePlace(header_row=2, end_row=ROWS + 2, first_column=0, width=2, named=2)
    return Sheet(cells, facts or SheetFacts(), place)


EXPECTED = [[f"T-{number}", str(number)] for number in range(ROWS)]


def rows_of(sheet: Sheet) -> list[list[str]]:
    return [row for block in sheet.blocks() for row in block.texts()]


def test_a_sheet_is_parsed_once_and_then_let_go() -> None:
    """The first pass to come to the end is the last that needs the sheet; from then on memory is free of it."""
    cells = Counted()
    sheet, gone = sheet_of(cells), weakref.ref(cells)
    assert rows_of(sheet) == EXPECTED
    assert cells.passes == 1
    del cells
    gc.collect()
    assert gone() is None
    assert rows_of(sheet) == rows_of(sheet) == EXPECTED


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_a_pass_that_is_broken_off_leaves_nothing_out(blocks: int) -> None:
    """The next one takes what was kept, and goes on in the sheet from there."""
    sheet = sheet_of(Counted())
    broken_off = sheet.blocks()
    for _ in range(blocks):
        next(broken_off)
    assert rows_of(sheet) == EXPECTED
    assert [row for block in broken_off for row in block.texts()] == EXPECTED[blocks * BLOCK_ROWS :]


def test_passes_side_by_side_do_not_disturb_one_another() -> None:
    """Block by block in turn, one of them begun late: each gives all rows, once."""
    sheet = sheet_of(Counted())
    first, second = sheet.blocks(), sheet.blocks()
    one, two = [next(first)], [next(second)]
    one += [next(first)]
    three = list(sheet.blocks())
    two += list(second)
    one += list(first)
    for blocks in (one, two, three):
        assert [row for block in blocks for row in block.texts()] == EXPECTED


def test_passes_in_several_threads() -> None:
    """The rows to be sent are read in a thread, and the file with what was kept has one position."""
    sheet = sheet_of(Counted())
    found: list[list[list[str]]] = []
    threads = [threading.Thread(target=lambda: found.append(rows_of(sheet))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [EXPECTED] * 4


def test_without_room_for_a_copy_the_sheet_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes no temporary files costs memory and time, and no rows."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    cells = Counted()
    sheet = sheet_of(cells)
    assert rows_of(sheet) == rows_of(sheet) == EXPECTED
    assert cells.passes == 2


def test_padding_holds_across_blocks() -> None:
    """The formats say which rows; they are counted from the sheet's first, and not from the block's."""
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


def test_what_a_scan_knows_better_stands_in_its_cell() -> None:
    """An error, a formula, a duration: each in its row, in the first block and in a later one."""
    facts = SheetFacts(
        errors={(2, 0): "#N/A", (BLOCK_ROWS + 2, 1): "#REF!", (0, 0): "#NAME?"},
        unvalued={(3, 1): "=1+1"},
        others={(ROWS + 1, 1): "36:00:00", (4, 7): "beyond"},
    )
    expected = [list(row) for row in EXPECTED]
    expected[0][0], expected[BLOCK_ROWS][1], expected[1][1], expected[-1][1] = "#N/A", "#REF!", "=1+1", "36:00:00"
    sheet = sheet_of(Counted(), facts)
    assert rows_of(sheet) == expected
    assert rows_of(sheet) == expected


def test_nothing_of_it_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was kept has no name while it is there, and its file is closed with the sheet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sheet = sheet_of(Counted())
    rows_of(sheet)
    assert list(tmp_path.iterdir()) == []
    file = sheet._kept._file  # type: ignore[union-attr]
    del sheet
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
    """A pass may ask for less at a time than is parsed at once; rows keep their numbers."""
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


def test_a_sheet_of_more_rows_than_promised_works_and_is_warned_of(tmp_path: Path) -> None:
    """It is read all the same; the plan and `validate` say what would be better."""
    small = open_manifest(book_of(tmp_path / "small.xlsx", 3), ManifestOptions())
    assert small.detected.warnings == ()
    large = open_manifest(book_of(tmp_path / "large.xlsx", PROMISED_ROWS + 1), ManifestOptions())
    (warning,) = large.detected.warnings
    assert "sheet 'Tickets' has 200,001 rows" in warning
    assert "CSV" in warning
    assert sum(len(chunk.rows) for chunk in large.chunks()) == PROMISED_ROWS + 1
