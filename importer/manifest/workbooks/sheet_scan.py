"""Scans a sheet of any kind of workbook for the facts that calamine does not report."""

from __future__ import annotations

from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.file_type import FileType
from importer.manifest.workbooks import ods_scan, xls_scan, xlsb_scan, xlsx_scan
from importer.manifest.workbooks.damaged_workbook import DamagedWorkbookError
from importer.manifest.workbooks.sheet_facts import SheetFacts

_SCANS = {
    FileType.WORKBOOK: xlsx_scan.scan_sheet,
    FileType.MACRO_WORKBOOK: xlsx_scan.scan_sheet,
    FileType.BINARY_WORKBOOK: xlsb_scan.scan_sheet,
    FileType.OLD_WORKBOOK: xls_scan.scan_sheet,
    FileType.OPEN_DOCUMENT: ods_scan.scan_sheet,
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
