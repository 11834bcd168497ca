"""A workbook of any kind through calamine: its sheets, and the one that is meant."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import python_calamine

from importer.errors import ManifestError
from importer.manifest.header import find_header
from importer.manifest.title_rows import TITLE_ROWS, count_known_columns
from importer.manifest.workbooks.cells import texts
from importer.manifest.workbooks.codepage import copy_in_unicode
from importer.manifest.workbooks.sheet import Cells
from importer.manifest.workbooks.sheet_facts import SheetFacts
from importer.manifest.workbooks.unknown_errors import without_foreign_errors

_COLUMNS_OF_TABLE = 3
_SAVE_WITHOUT = "Open it in Excel, take the password off (File > Info > Protect Workbook) and save it again."


@dataclass(frozen=True, kw_only=True)
class LoadedWorkbook:
    """A sheet in memory, with its header: the row, its cells and how many empty columns stand before them.

    Rows are counted from 1; ``end_row`` is the last. ``below``: the first rows behind the header.
    """

    name: str
    cells: Cells
    row: int
    header: Sequence[str]
    first_column: int
    end_row: int
    below: tuple[Sequence[str], ...]

    def known(self, expected: Collection[str]) -> int:
        """How many of some names the header has, or a row below it if that has more; without names, how wide it is."""
        if not expected:
            return self._columns_of_table
        return count_known_columns(expected, self.header, *self.below)

    @property
    def _columns_of_table(self) -> int:
        """How many columns several of the first rows have, up to a few: a cover has one or two."""
        widths = sorted((sum(bool(cell.strip()) for cell in row) for row in (self.header, *self.below)), reverse=True)
        return min(widths[1], _COLUMNS_OF_TABLE) if len(widths) > 1 else 0

    def without_front(self, facts: SheetFacts) -> LoadedWorkbook:
        """The same without columns in front that have neither a name nor anything below it: a title stood in them."""
        named = next(at for at, name in enumerate(self.header) if name.strip())
        faults = (max(column - self.first_column, 0) for (row, column), _ in facts.faults() if row >= self.row)
        front = min((named, *faults))
        if front:
            for record in itertools.islice(self.cells.iter_rows(), self.row, None):
                front = next((at for at, text in enumerate(texts(record[:front])) if text.strip()), front)
        if not front:
            return self
        first = self.first_column + front
        return replace(self, cells=_Behind(self.cells, front), header=self.header[front:], first_column=first)


@dataclass(frozen=True)
class _Behind:
    """Cells without the first so many columns."""

    cells: Cells
    front: int

    def iter_rows(self) -> Iterator[list[Any]]:
        return (record[self.front :] for record in self.cells.iter_rows())


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Let calamine read: whatever it makes of a damaged file is raised as ManifestError."""
    try:
        yield
    except OverflowError as error:
        raise ManifestError(
            f"{where}: a cell with the format of a duration holds more days than can be read",
            hint="Give the cells that show #### the format of a number, such as 0, and save the workbook.",
        ) from error
    except BaseException as error:
        # Of some damaged files it panics, and that is no Exception.
        if isinstance(error, python_calamine.CalamineError) or type(error).__name__ == "PanicException":
            raise ManifestError(
                f"{where}: the workbook is damaged and can't be read",
                hint="Open it in Excel and save it again, or export it again.",
            ) from error
        raise


def _opened(path: Path) -> python_calamine.CalamineWorkbook:
    copy = copy_in_unicode(path)
    if copy is None:
        return python_calamine.CalamineWorkbook.from_path(str(path))
    with copy:  # calamine has read all of an .xls once it is open
        return python_calamine.CalamineWorkbook.from_filelike(copy)


class Book:
    """calamine's workbook, with its errors in our terms."""

    def __init__(self, path: Path, shown: str) -> None:
        self._path = path
        self._shown = shown
        try:
            with reading(shown):
                self._workbook = _opened(path)
        except ManifestError as error:
            if isinstance(error.__cause__, python_calamine.PasswordError):
                raise ManifestError(f"{shown} is protected by a password", hint=_SAVE_WITHOUT) from error
            raise
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
        """Those of them that are not hidden."""
        return [name for name, visible in self._sheets.items() if visible]

    def candidates(self, wanted: str | None) -> list[str]:
        """The sheets of which one is to be read. Raises ManifestError if there is none such as is wanted."""
        if wanted is not None:
            return [self._named(wanted)]
        if not self.visible_sheets:
            raise ManifestError(
                f"{self._shown} has no visible sheet",
                hint="Name one with `manifest: {sheet}` in the mapping, or show one.",
            )
        return self.visible_sheets

    def load(self, sheet: str, wanted_row: int) -> LoadedWorkbook | None:
        """Load a sheet as a whole, with its header; None without one. An error cell (#N/A) is as an empty one."""
        with reading(f"{self._shown}, sheet {sheet!r}"):
            cells = self._cells(sheet)
            if cells.start is None or cells.end is None:
                return None
            found = find_header((texts(record) for record in cells.iter_rows()), wanted_row)
            if found is None:
                return None
            below = tuple(map(texts, itertools.islice(cells.iter_rows(), found[0], found[0] + TITLE_ROWS)))
        row, header = found
        return LoadedWorkbook(
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
        except python_calamine.CalamineError:
            copy = without_foreign_errors(self._path, sheet)
            if copy is None:
                raise
            with copy:
                return python_calamine.CalamineWorkbook.from_filelike(copy).get_sheet_by_name(sheet)

    def best(
        self, names: Sequence[str], header_row: int, expected: Collection[str]
    ) -> tuple[str, LoadedWorkbook | None]:
        """Return the sheet of some that knows most of the mapping's columns; a tie goes to the first.

        A sheet without anything on it is chosen only if there is no other. No more than two are in memory at once.
        """
        best, known = None, -1
        for name in names:
            loaded = self.load(name, header_row)
            if loaded is not None and loaded.known(expected) > known:
                best, known = loaded, loaded.known(expected)
        return (names[0] if best is None else best.name), best

    def _named(self, wanted: str) -> str:
        if wanted in self._sheets:
            return wanted
        close = difflib.get_close_matches(wanted.casefold(), [name.casefold() for name in self.sheets], n=1)
        meant = next((name for name in self.sheets if name.casefold() in close), None)
        raise ManifestError(
            f"{self._shown} has no sheet {wanted!r}; it has {', '.join(map(repr, self.sheets)) or 'none'}",
            hint=f"Did you mean {meant!r}?" if meant else "Correct `manifest: {sheet}` in the mapping.",
        )
