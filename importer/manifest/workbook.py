"""Excel workbooks -> batches of records."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import python_calamine

from importer.errors import ManifestError
from importer.manifest.cells import texts
from importer.manifest.detected import Detected
from importer.manifest.sheet import Sheet
from importer.manifest.table import Batch, Header, find_header, make_header, no_header
from importer.manifest.zero_padding import Padding, UnreadableFormatsError, find_padding
from importer.models import ManifestOptions

PROMISED_ROWS = 200_000  # for so many, memory and time are as the README says


@dataclass(frozen=True, kw_only=True)
class WorkbookFile:
    """One sheet of a workbook of which everything is known that is needed to read it."""

    sheet: Sheet
    detected: Detected
    header: Header

    def batches(self, size: int) -> Iterator[Batch]:
        """Read the records below the header, at most ``size`` at a time. Raises ManifestError if that fails."""
        first_row = self.header.row + 1
        for block in self.sheet.blocks():
            for start in range(0, len(block), size):
                records = block[start : start + size]
                yield Batch(first_row=first_row, records=records)
                first_row += len(records)


@dataclass(frozen=True, kw_only=True)
class _Loaded:
    """A sheet in memory, with its header: the row, its cells and how many empty columns stand before them.

    Rows are counted from 1; ``end_row`` is the last.
    """

    name: str
    cells: python_calamine.CalamineSheet
    row: int
    header: list[str]
    first_column: int
    end_row: int


class _Book:
    """calamine's workbook, with its errors in our terms."""

    def __init__(self, path: Path, shown: str) -> None:
        self._shown = shown
        try:
            self._workbook = python_calamine.CalamineWorkbook.from_path(str(path))
        except python_calamine.CalamineError as error:
            raise self._damaged() from error
        self._sheets = {
            sheet.name: sheet.visible == python_calamine.SheetVisibleEnum.Visible
            for sheet in self._workbook.sheets_metadata
            if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
        }

    @property
    def sheets(self) -> list[str]:
        """The worksheets, hidden ones included, in the workbook's order."""
        return list(self._sheets)

    @property
    def visible_sheets(self) -> list[str]:
        return [name for name, visible in self._sheets.items() if visible]

    def load(self, sheet: str, wanted_row: int) -> _Loaded | None:
        """Load a sheet as a whole, with its header; None without one. An error cell (#N/A) is as an empty one."""
        try:
            cells = self._workbook.get_sheet_by_name(sheet)
        except python_calamine.CalamineError as error:
            raise self._damaged(sheet) from error
        found = find_header((texts(record) for record in cells.iter_rows()), wanted_row)
        if found is None or cells.start is None or cells.end is None:
            return None
        row, header = found
        return _Loaded(
            name=sheet,
            cells=cells,
            row=row,
            header=list(header),
            first_column=cells.start[1],
            end_row=cells.end[0] + 1,
        )

    def _damaged(self, sheet: str | None = None) -> ManifestError:
        where = self._shown if sheet is None else f"{self._shown}, sheet {sheet!r}"
        return ManifestError(
            f"{where}: the workbook is damaged and can't be read",
            hint="Open it in Excel and save it again, or export it again.",
        )


def open_workbook(path: Path, options: ManifestOptions, expected: Collection[str], shown: str) -> WorkbookFile:
    """Choose the sheet and find its header. Raises ManifestError if there is none."""
    book = _Book(path, shown)
    if options.sheet is not None:
        name = _named_sheet(book, options.sheet, shown)
        loaded = book.load(name, options.header_row)
    else:
        name, loaded = _best_sheet(book, options.header_row, frozenset(expected), shown)
    if loaded is None:
        raise no_header(f"{shown}, sheet {name!r}", options.header_row)
    header = make_header(loaded.header, row=loaded.row, shown=shown, first_column=loaded.first_column, sheet=name)
    sheet = Sheet(
        loaded.cells,
        header_row=loaded.row,
        first_column=loaded.first_column,
        padding=functools.partial(_padding, path, name, shown),
    )
    rows = loaded.end_row - loaded.row
    detected = Detected(format="Excel .xlsx", sheet=name, header_row=loaded.row, warnings=_warnings(name, rows))
    return WorkbookFile(sheet=sheet, detected=detected, header=header)


def _padding(path: Path, sheet: str, shown: str) -> Padding:
    try:
        return find_padding(path, sheet)
    except UnreadableFormatsError as error:
        raise ManifestError(
            f"{shown}: the workbook's number formats can't be read, so zeros such as in 00123 would be lost",
            hint="Open the workbook in Excel and save it again, or save the sheet as CSV.",
        ) from error


def _warnings(sheet: str, rows: int) -> tuple[str, ...]:
    if rows <= PROMISED_ROWS:
        return ()
    warning = (
        f"sheet {sheet!r} has {rows:,} rows; a workbook is held in memory as a whole, so more than {PROMISED_ROWS:,} "
        "are better saved as CSV (UTF-8), which is read in a fraction of the time and memory"
    )
    return (warning,)


def _named_sheet(book: _Book, wanted: str, shown: str) -> str:
    if wanted in book.sheets:
        return wanted
    close = difflib.get_close_matches(wanted.casefold(), [name.casefold() for name in book.sheets], n=1)
    meant = next((name for name in book.sheets if name.casefold() in close), None)
    raise ManifestError(
        f"{shown} has no sheet {wanted!r}; it has {', '.join(map(repr, book.sheets)) or 'none'}",
        hint=f"Did you mean {meant!r}?" if meant else "Correct `manifest: {sheet}` in the mapping.",
    )


def _best_sheet(book: _Book, header_row: int, expected: frozenset[str], shown: str) -> tuple[str, _Loaded | None]:
    """Return the visible sheet whose header knows most of the mapping's columns; a tie goes to the first.

    A sheet without anything on it is chosen only if there is no other. No more than two are in memory at once.
    """
    names = book.visible_sheets
    if not names:
        raise ManifestError(
            f"{shown} has no visible sheet", hint="Name one with `manifest: {sheet}` in the mapping, or show one."
        )
    best, known = None, -1
    for name in names:
        loaded = book.load(name, header_row)
        if loaded is not None and len(expected.intersection(loaded.header)) > known:
            best, known = loaded, len(expected.intersection(loaded.header))
    return (names[0] if best is None else best.name), best
