"""Workbooks of all kinds -> blocks of rows, read in the process that was started for it."""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from importer.error_codes import ERROR_CODES
from importer.errors import ManifestError
from importer.manifest.file_type import FileType
from importer.manifest.header import Header, column_letter, make_header, missing_header_error, number_repeated
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.records import BlankRecords
from importer.manifest.title_rows import refuse_title_rows
from importer.manifest.workbooks.calamine_book import Book, LoadedWorkbook, reading
from importer.manifest.workbooks.grid import Grid
from importer.manifest.workbooks.scan import Scan
from importer.manifest.workbooks.sheet import Sheet, TablePlace
from importer.manifest.workbooks.sheet_facts import UNTOLD_FORMULA, Place, SheetFacts
from importer.manifest.workbooks.sheet_notes import SheetChoice, notes
from importer.models import ManifestOptions, Problem

_NAMES = {
    FileType.WORKBOOK: "Excel .xlsx",
    FileType.MACRO_WORKBOOK: "Excel .xlsm",
    FileType.BINARY_WORKBOOK: "Excel .xlsb",
    FileType.OLD_WORKBOOK: "Excel .xls",
    FileType.OPEN_DOCUMENT: "OpenDocument .ods",
}


@dataclass(frozen=True, kw_only=True)
class WorkbookFile:
    """One sheet of a workbook of which everything is known that is needed to read it."""

    where: str  # file and sheet, for errors
    sheet: Sheet
    format: ManifestFormat
    header: Header
    faults: tuple[tuple[Place, Problem], ...]  # in the sheet's order, below the header and in its columns

    def blocks(self) -> Iterator[tuple[Grid | BlankRecords, tuple[Problem, ...]]]:
        """Read the rows below the header once, with what is wrong with them. Raises ManifestError if that fails."""
        first_row = self.header.row + 1
        with reading(self.where):
            for block in self.sheet.blocks():
                yield block, self._problems(first_row, len(block))
                first_row += len(block)

    def _problems(self, first_row: int, size: int) -> tuple[Problem, ...]:
        start = bisect.bisect_left(self.faults, first_row, key=_row_of)
        end = bisect.bisect_left(self.faults, first_row + size, key=_row_of)
        return tuple(problem for _, problem in self.faults[start:end])


def _row_of(fault: tuple[Place, Problem]) -> int:
    return fault[1].row


def load_workbook(
    path: Path, kind: FileType, options: ManifestOptions, expected: Collection[str], shown: str
) -> WorkbookFile:
    """Choose the sheet and find its header. Raises ManifestError if there is none."""
    scan = Scan(path, kind, shown)
    book = Book(path, shown)
    candidates = book.candidates(options.sheet)
    for candidate in candidates:
        scan.check(candidate)
    # calamine and the scan both take long, and leave Python free meanwhile.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sheet-facts") as thread:
        early = thread.submit(scan.facts, candidates[0]) if len(candidates) == 1 else None
        name, loaded = book.best(candidates, options.header_row, expected)
        where = f"{shown}, sheet {name!r}"
        if loaded is None:
            raise missing_header_error(where, options.header_row)
        if options.header_row == 1:
            refuse_title_rows(loaded.header, loaded.row, loaded.below, expected, where)
        facts = scan.facts(name) if early is None else early.result()
    _check_header(loaded, facts, expected, where)
    loaded = loaded.without_front(facts)
    numbered = number_repeated(loaded.header, options.may_repeat)
    header = make_header(numbered.names, row=loaded.row, shown=shown, first_column=loaded.first_column, sheet=name)
    header = numbered.apply_to(header)
    choice = None
    if options.sheet is None:
        hidden = [sheet for sheet in book.sheets if sheet not in candidates]
        choice = SheetChoice(others=[sheet for sheet in candidates if sheet != name], hidden=hidden)
    manifest_format = ManifestFormat(
        name=_NAMES[kind],
        sheet=name,
        header_row=loaded.row,
        warnings=notes(header, loaded.end_row, facts, choice),
    )
    return WorkbookFile(
        where=where,
        sheet=_sheet(loaded, facts, header),
        format=manifest_format,
        header=header,
        faults=tuple(_faults(facts, header)),
    )


def _check_header(loaded: LoadedWorkbook, facts: SheetFacts, expected: Collection[str], where: str) -> None:
    """Raise ManifestError if there is an error or the like where a name is needed: to calamine it is an empty cell."""
    names = [name for name in loaded.header if name.strip()]
    end = loaded.first_column + max(at for at, name in enumerate(loaded.header, start=1) if name.strip())
    is_complete = bool(expected) and set(expected) <= set(names)
    details = [
        f"cell {column_letter(column)}{row + 1} holds {_fault(code, facts.shown((row, column)))}"
        for (row, column), code in facts.faults()
        if row == loaded.row - 1 and (column < end or not is_complete)
    ]
    if details:
        raise ManifestError(
            f"{where}, row {loaded.row}: the header can't be used, because not every cell of it holds a name:",
            details=details,
            hint="Write the columns' names as text, or mend the formulas, and save the workbook in Excel.",
        )


def _sheet(loaded: LoadedWorkbook, facts: SheetFacts, header: Header) -> Sheet:
    place = TablePlace(
        header_row=loaded.row,
        end_row=loaded.end_row,
        first_column=loaded.first_column,
        width=header.width,
        named=len(header.columns),
    )
    return Sheet(loaded.cells, facts, place)


def _faults(facts: SheetFacts, header: Header) -> Iterator[tuple[Place, Problem]]:
    for (row, column), code in facts.faults():
        index = column - header.first_column
        if row >= header.row and 0 <= index < len(header.columns):
            name, shown = header.columns[index], facts.shown((row, column))
            yield (
                (row, column),
                Problem(
                    code=code,
                    row=row + 1,
                    sheet=header.sheet,
                    column=name,
                    message=f"{name}: cell {column_letter(column)}{row + 1} holds {_fault(code, shown)}",
                    hint=ERROR_CODES[code].advice,
                    value=shown,
                ),
            )


def _fault(code: str, shown: str) -> str:
    """What a cell holds that is no value; not every kind of workbook tells a formula's text."""
    if code == "cell-error":
        return f"the error {shown}"
    return f"{'a formula' if shown == UNTOLD_FORMULA else f'the formula {shown}'} and no value of it"
