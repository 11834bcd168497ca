"""Excel workbooks -> batches of records."""

from __future__ import annotations

import difflib
import functools
import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import python_calamine

from importer.errors import ManifestError
from importer.manifest.cells import texts
from importer.manifest.detected import Detected
from importer.manifest.table import Batch, Header, find_header, make_header, no_header
from importer.manifest.zero_padding import Padding, UnreadableFormatsError, find_padding
from importer.models import ManifestOptions


@dataclass(frozen=True, kw_only=True)
class WorkbookFile:
    """One sheet of a workbook of which everything is known that is needed to read it."""

    path: Path
    shown: str
    sheet: str
    detected: Detected
    header: Header

    def batches(self, size: int) -> Iterator[Batch]:
        """Read the records below the header, ``size`` at a time. Raises ManifestError if the sheet is damaged.

        The sheet is loaded as a whole and let go at the end, so that no pass holds it longer than it lasts.
        """
        padding = self._padding
        records = _Book(self.path, self.shown).records(self.sheet)
        first_row = self.header.row + 1
        records = itertools.islice(records, self.header.row, None)
        while batch := list(itertools.islice(records, size)):
            _pad(batch, padding, first_row - 1, self.header.first_column)
            columns = [texts(column) for column in zip(*batch, strict=True)]
            yield Batch(first_row=first_row, records=list(map(list, zip(*columns, strict=True))))
            first_row += len(batch)

    @functools.cached_property
    def _padding(self) -> Padding:
        try:
            return find_padding(self.path, self.sheet)
        except UnreadableFormatsError as error:
            raise ManifestError(
                f"{self.shown}: the workbook's number formats can't be read, so zeros such as in 00123 would be lost",
                hint="Open the workbook in Excel and save it again, or save the sheet as CSV.",
            ) from error


def _pad(batch: list[list[Any]], padding: Padding, first_index: int, first_column: int) -> None:
    if not padding:
        return
    for index, record in enumerate(batch, start=first_index):
        for column, zeros in padding.get(index, {}).items():
            place = column - first_column
            # A format is applied to numbers alone: Excel shows the text 123 as 123. And empty cells have formats, too.
            if 0 <= place < len(record) and type(record[place]) in (float, int):
                record[place] = zeros.apply(float(record[place]))


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

    def records(self, sheet: str) -> Iterator[list[Any]]:
        """All rows from row 1 on, cut to the columns from ``first_column`` to the last one that holds something.

        An error cell (#N/A) comes as an empty one.
        """
        return self._load(sheet).iter_rows()

    def header(self, sheet: str, wanted_row: int) -> tuple[int, list[str], int] | None:
        """Return a sheet's header row, its cells and how many empty columns stand before them; None without one."""
        loaded = self._load(sheet)
        found = find_header((texts(record) for record in loaded.iter_rows()), wanted_row)
        if found is None or loaded.start is None:
            return None
        row, record = found
        return row, list(record), loaded.start[1]

    def _load(self, sheet: str) -> python_calamine.CalamineSheet:
        try:
            return self._workbook.get_sheet_by_name(sheet)
        except python_calamine.CalamineError as error:
            raise self._damaged(sheet) from error

    def _damaged(self, sheet: str | None = None) -> ManifestError:
        where = self._shown if sheet is None else f"{self._shown}, sheet {sheet!r}"
        return ManifestError(
            f"{where}: the workbook is damaged and can't be read",
            hint="Open it in Excel and save it again, or export it again.",
        )


def open_workbook(path: Path, options: ManifestOptions, expected: Collection[str], shown: str) -> WorkbookFile:
    """Choose the sheet and find its header. Raises ManifestError if there is none."""
    book = _Book(path, shown)
    sheet = _named_sheet(book, options.sheet, shown) if options.sheet is not None else None
    if sheet is None:
        sheet = _best_sheet(book, options.header_row, frozenset(expected), shown)
    found = book.header(sheet, options.header_row)
    if found is None:
        raise no_header(f"{shown}, sheet {sheet!r}", options.header_row)
    row, cells, first_column = found
    header = make_header(cells, row=row, shown=shown, first_column=first_column, sheet=sheet)
    detected = Detected(format="Excel .xlsx", sheet=sheet, header_row=row)
    return WorkbookFile(path=path, shown=shown, sheet=sheet, detected=detected, header=header)


def _named_sheet(book: _Book, wanted: str, shown: str) -> str:
    if wanted in book.sheets:
        return wanted
    close = difflib.get_close_matches(wanted.casefold(), [name.casefold() for name in book.sheets], n=1)
    meant = next((name for name in book.sheets if name.casefold() in close), None)
    raise ManifestError(
        f"{shown} has no sheet {wanted!r}; it has {', '.join(map(repr, book.sheets)) or 'none'}",
        hint=f"Did you mean {meant!r}?" if meant else "Correct `manifest: {sheet}` in the mapping.",
    )


def _best_sheet(book: _Book, header_row: int, expected: frozenset[str], shown: str) -> str:
    """Return the visible sheet whose header knows most of the mapping's columns; a tie goes to the first."""
    names = book.visible_sheets
    if not names:
        raise ManifestError(
            f"{shown} has no visible sheet", hint="Name one with `manifest: {sheet}` in the mapping, or show one."
        )
    if len(names) == 1:
        return names[0]
    known: dict[str, int] = {}
    for name in names:
        found = book.header(name, header_row)
        # A sheet without anything on it is chosen only if there is no other.
        known[name] = -1 if found is None else len(expected.intersection(found[1]))
    return max(names, key=known.__getitem__)
