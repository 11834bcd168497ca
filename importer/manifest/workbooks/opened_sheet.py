"""Opens a workbook: chooses the sheet, finds its header and its problems. Runs in the reading process."""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from importer.error_codes import ERROR_CODES
from importer.errors import ManifestError
from importer.manifest.file_type import FileType
from importer.manifest.header import Header, column_letter, make_header, missing_header_error, refuse_title_rows
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.records import Batch
from importer.manifest.workbooks import ods, xls, xlsb, xlsx
from importer.manifest.workbooks.containers import DamagedWorkbookError
from importer.manifest.workbooks.sheet_facts import UNKNOWN_FORMULA, SheetFacts
from importer.manifest.workbooks.sheet_rows import SheetRows, TablePosition
from importer.manifest.workbooks.sheet_warnings import OtherSheets, sheet_warnings
from importer.manifest.workbooks.workbook_sheets import LoadedSheet, WorkbookSheets, calamine_errors
from importer.models import ManifestOptions, Problem

_SCANS = {
    FileType.WORKBOOK: xlsx.scan_sheet,
    FileType.MACRO_WORKBOOK: xlsx.scan_sheet,
    FileType.BINARY_WORKBOOK: xlsb.scan_sheet,
    FileType.OLD_WORKBOOK: xls.scan_sheet,
    FileType.OPEN_DOCUMENT: ods.scan_sheet,
}


def scan_sheet(path: Path, kind: FileType, sheet: str, file_name: str) -> SheetFacts:
    """Scan a sheet. Raises ManifestError if the workbook is damaged."""
    try:
        return _SCANS[kind](path, sheet)
    except DamagedWorkbookError as error:
        raise ManifestError(
            f"{file_name}, sheet {sheet!r}: the workbook is damaged: its number formats can't be read, so zeros such "
            "as in 00123 would be lost",
            hint="Open the workbook in Excel and save it again, or save the sheet as CSV.",
        ) from error


_FORMAT_NAMES = {
    FileType.WORKBOOK: "Excel .xlsx",
    FileType.MACRO_WORKBOOK: "Excel .xlsm",
    FileType.BINARY_WORKBOOK: "Excel .xlsb",
    FileType.OLD_WORKBOOK: "Excel .xls",
    FileType.OPEN_DOCUMENT: "OpenDocument .ods",
}


@dataclass(frozen=True, kw_only=True)
class OpenedSheet:
    """One sheet of a workbook, ready to be read."""

    where: str  # file and sheet, for errors
    rows: SheetRows
    format: ManifestFormat
    header: Header
    problems: tuple[Problem, ...]  # of cells below the header, in the order of the rows

    def batches(self) -> Iterator[Batch]:
        """Read the rows below the header. Raises ManifestError."""
        first_row = self.header.row + 1
        with calamine_errors(self.where):
            for block in self.rows.blocks():
                start = bisect.bisect_left(self.problems, first_row, key=_row)
                end = bisect.bisect_left(self.problems, first_row + len(block), key=_row)
                yield Batch(first_row=first_row, records=block, problems=self.problems[start:end])
                first_row += len(block)


def _row(problem: Problem) -> int:
    return problem.row


def open_sheet(
    path: Path, kind: FileType, options: ManifestOptions, expected: Collection[str], file_name: str
) -> OpenedSheet:
    """Choose the sheet and find its header. Raises ManifestError if there is none."""
    sheets = WorkbookSheets(path, file_name)
    candidates = sheets.candidates(options)
    # calamine and the scan both take long, and calamine runs without Python's lock.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sheet-scan") as thread:
        scan = thread.submit(scan_sheet, path, kind, candidates[0], file_name) if len(candidates) == 1 else None
        name, loaded = sheets.load_best(candidates, options.header_row, expected)
        where = f"{file_name}, sheet {name!r}"
        if loaded is None:
            raise missing_header_error(where, options.header_row)
        if options.header_row == 1:
            refuse_title_rows(loaded.header, loaded.row, loaded.below, expected, where)
        facts = scan_sheet(path, kind, name, file_name) if scan is None else scan.result()
    _check_header(loaded, facts, expected, where)
    loaded = loaded.without_empty_columns(facts)
    header = make_header(
        loaded.header, row=loaded.row, file_name=file_name, first_column=loaded.first_column, sheet=name
    )
    others = None
    if options.sheet is None and not options.is_results:
        hidden = [sheet for sheet in sheets.names if sheet not in candidates]
        others = OtherSheets(visible=[sheet for sheet in candidates if sheet != name], hidden=hidden)
    manifest_format = ManifestFormat(
        name=_FORMAT_NAMES[kind],
        sheet=name,
        header_row=loaded.row,
        warnings=sheet_warnings(header, loaded.end_row, facts, others, hides_rows=options.is_results),
    )
    return OpenedSheet(
        where=where,
        rows=SheetRows(loaded.cells, facts, _table_position(loaded, header)),
        format=manifest_format,
        header=header,
        problems=tuple(_problems(facts, header)),
    )


def _table_position(loaded: LoadedSheet, header: Header) -> TablePosition:
    return TablePosition(
        header_row=loaded.row,
        end_row=loaded.end_row,
        first_column=loaded.first_column,
        width=header.width,
        named=len(header.columns),
    )


def _check_header(loaded: LoadedSheet, facts: SheetFacts, expected: Collection[str], where: str) -> None:
    """Raise ManifestError for errors and formulas without value: calamine reads them as empty."""
    names = [name for name in loaded.header if name.strip()]
    end = loaded.first_column + max(at for at, name in enumerate(loaded.header, start=1) if name.strip())
    is_complete = bool(expected) and set(expected) <= set(names)
    details = [
        f"cell {column_letter(column)}{row + 1} holds {_fault(code, facts.text_of_fault((row, column)))}"
        for (row, column), code in facts.faults()
        if row == loaded.row - 1 and (column < end or not is_complete)
    ]
    if details:
        raise ManifestError(
            f"{where}, row {loaded.row}: the header can't be used, because some of its cells hold no name:",
            details=details,
            hint="Write the names of the columns as text, or correct the formulas, and save the workbook in Excel.",
        )


def _problems(facts: SheetFacts, header: Header) -> Iterator[Problem]:
    for (row, column), code in facts.faults():
        index = column - header.first_column
        if row >= header.row and 0 <= index < len(header.columns):
            name, text = header.columns[index], facts.text_of_fault((row, column))
            yield Problem(
                code=code,
                row=row + 1,
                sheet=header.sheet,
                column=name,
                message=f"{name}: cell {column_letter(column)}{row + 1} holds {_fault(code, text)}",
                hint=ERROR_CODES[code].advice,
                value=text,
            )


def _fault(code: str, text: str) -> str:
    """Describe a cell without a value. Some kinds of workbook hide the text of a formula."""
    if code == "cell-error":
        return f"the error {text}"
    return f"{'a formula' if text == UNKNOWN_FORMULA else f'the formula {text}'} without a stored value"
