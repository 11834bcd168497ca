"""Lists and loads the sheets of a workbook with calamine, and chooses the one to import."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import python_calamine

from importer.errors import ManifestError
from importer.manifest.header import TITLE_ROWS, find_header, missing_sheet_error, table_score
from importer.manifest.workbooks.cell_text import cell_texts
from importer.manifest.workbooks.containers import DamagedWorkbookError
from importer.manifest.workbooks.sheet_facts import SheetFacts
from importer.manifest.workbooks.sheet_rows import Cells
from importer.manifest.workbooks.xls import copy_with_unicode_code_page
from importer.manifest.workbooks.xlsx_copies import without_unknown_errors
from importer.models import RESULTS_SHEETS, ManifestOptions


@dataclass(frozen=True, kw_only=True)
class LoadedSheet:
    """A sheet in memory with its header: its row, its cells, and empty columns before them.

    Rows count from 1; ``end_row`` is the last. ``below``: the first rows below the header.
    """

    name: str
    cells: Cells
    row: int
    header: Sequence[str]
    first_column: int
    end_row: int
    below: tuple[Sequence[str], ...]

    def score(self, expected: Collection[str]) -> int:
        """Rate the sheet by the header and the first rows below it."""
        return table_score(expected, (self.header, *self.below))

    def without_empty_columns(self, facts: SheetFacts) -> LoadedSheet:
        """Return the sheet without first columns that have only a title above the header."""
        named = next(at for at, name in enumerate(self.header) if name.strip())
        faults = (max(column - self.first_column, 0) for (row, column), _ in facts.faults() if row >= self.row)
        empty = min((named, *faults))
        if empty:
            for record in itertools.islice(self.cells.iter_rows(), self.row, None):
                empty = next((at for at, text in enumerate(cell_texts(record[:empty])) if text.strip()), empty)
        if not empty:
            return self
        first = self.first_column + empty
        return replace(self, cells=_LaterColumns(self.cells, empty), header=self.header[empty:], first_column=first)


@dataclass(frozen=True)
class _LaterColumns:
    """Cells without the first ``skipped`` columns."""

    cells: Cells
    skipped: int

    def iter_rows(self) -> Iterator[list[Any]]:
        return (record[self.skipped :] for record in self.cells.iter_rows())


@contextmanager
def calamine_errors(where: str) -> Iterator[None]:
    """Raise every error of calamine in the block as ManifestError."""
    try:
        yield
    except OverflowError as error:
        raise ManifestError(
            f"{where}: a cell with the format of a duration holds more days than can be read",
            hint="Give the cells that show #### a number format such as 0, and save the workbook.",
        ) from error
    except BaseException as error:
        if "Cell limit exceeded" in str(error):
            raise ManifestError(
                f"{where}: a sheet has too many cells to hold in memory",
                hint="In each sheet, delete stray cells far below or far to the right of the table, or save the table "
                "as CSV.",
            ) from error
        # calamine panics at some damaged files, and a panic is not an Exception.
        if isinstance(error, python_calamine.CalamineError) or type(error).__name__ == "PanicException":
            raise ManifestError(
                f"{where}: the workbook is damaged and can't be read",
                hint="Open it in Excel and save it again, or export it again.",
            ) from error
        raise


def _open(path: Path) -> python_calamine.CalamineWorkbook:
    copy = copy_with_unicode_code_page(path)
    if copy is None:
        return python_calamine.CalamineWorkbook.from_path(str(path))
    with copy:  # calamine reads all of an .xls when it opens it
        return python_calamine.CalamineWorkbook.from_filelike(copy)


class WorkbookSheets:
    """Worksheets of one workbook."""

    def __init__(self, path: Path, file_name: str) -> None:
        self._path = path
        self._file_name = file_name
        try:
            with calamine_errors(file_name):
                self._workbook = _open(path)
        except ManifestError as error:
            if isinstance(error.__cause__, python_calamine.PasswordError):
                raise ManifestError(
                    f"{file_name} is protected by a password",
                    hint="Open it in Excel, remove the password (File > Info > Protect Workbook) and save it again.",
                ) from error
            raise
        self._is_visible = {
            sheet.name: sheet.visible == python_calamine.SheetVisibleEnum.Visible
            for sheet in self._workbook.sheets_metadata
            if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
        }

    @property
    def names(self) -> list[str]:
        """All worksheets, including hidden ones, in the order of the workbook."""
        return list(self._is_visible)

    def candidates(self, options: ManifestOptions) -> list[str]:
        """List the sheet that is named, or the one with results, or all visible ones.

        Raises ManifestError if there is none.
        """
        if options.sheet is not None:
            if options.sheet not in self._is_visible:
                raise missing_sheet_error(self._file_name, options.sheet, self.names)
            return [options.sheet]
        visible = [name for name, is_visible in self._is_visible.items() if is_visible]
        if options.is_results and len(ours := [name for name in visible if name in RESULTS_SHEETS]) == 1:
            return ours
        if not visible:
            raise ManifestError(
                f"{self._file_name} has no visible sheet",
                hint="Name one with `manifest: {sheet}` in the mapping, or show one.",
            )
        return visible

    def load_best(
        self, names: Sequence[str], header_row: int, expected: Collection[str]
    ) -> tuple[str, LoadedSheet | None]:
        """Load the sheet with most of the mapping's columns, the first one of several; None if all are empty.

        At most two sheets are in memory at once.
        """
        best, best_score = None, -1
        for name in names:
            loaded = self._load(name, header_row)
            if loaded is not None and loaded.score(expected) > best_score:
                best, best_score = loaded, loaded.score(expected)
        return (names[0] if best is None else best.name), best

    def _load(self, sheet: str, wanted_row: int) -> LoadedSheet | None:
        """Load a sheet; None if it has no header. An error cell (#N/A) is like an empty one."""
        with calamine_errors(f"{self._file_name}, sheet {sheet!r}"):
            cells = self._cells(sheet)
            if cells.start is None or cells.end is None:
                return None
            found = find_header((cell_texts(record) for record in cells.iter_rows()), wanted_row)
            if found is None:
                return None
            below = tuple(map(cell_texts, itertools.islice(cells.iter_rows(), found[0], found[0] + TITLE_ROWS)))
        row, header = found
        return LoadedSheet(
            name=sheet,
            cells=cells,
            row=row,
            header=list(header),
            first_column=cells.start[1],
            end_row=cells.end[0] + 1,
            below=below,
        )

    def _cells(self, sheet: str) -> python_calamine.CalamineSheet:
        try:
            return self._workbook.get_sheet_by_name(sheet)
        except python_calamine.CalamineError as error:
            folder = None if str(self._path) == self._file_name else self._path.parent
            try:
                with without_unknown_errors(self._path, folder, sheet) as copy:
                    return python_calamine.CalamineWorkbook.from_path(str(copy)).get_sheet_by_name(sheet)
            except DamagedWorkbookError:
                raise error from None
