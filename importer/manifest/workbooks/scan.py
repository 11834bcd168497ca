"""The scan of a workbook for what calamine doesn't tell of it, of whatever kind it is."""

from __future__ import annotations

from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.file_type import FileType
from importer.manifest.workbooks import ods, xls, xlsb, xlsx
from importer.manifest.workbooks.sheet_facts import SheetFacts, UnreadableSheetError

_XML_KINDS = (FileType.WORKBOOK, FileType.MACRO_WORKBOOK)


class Scan:
    """Goes through each sheet that is asked for, once. Every method raises ManifestError if it can't be read."""

    def __init__(self, path: Path, kind: FileType, shown: str) -> None:
        self._path = path
        self._kind = kind
        self._shown = shown
        self._found: dict[str, SheetFacts] = {}
        try:
            self._found = self._find_all()
        except UnreadableSheetError as error:
            raise self._unreadable(None) from error
        for sheet in self._found:
            self.check(sheet)

    def check(self, sheet: str) -> None:
        """Refuse a sheet that can't be loaded: with a stray cell at its far end it needs more memory than there is."""
        if self._kind in _XML_KINDS and self._is_small(sheet):
            return
        if self.facts(sheet).is_too_large:
            found = self._found[sheet]
            raise ManifestError(
                f"{self._shown}, sheet {sheet!r} reaches to row {found.rows:,} and column {found.columns:,}: "
                "too many cells to hold in memory",
                hint="Delete the stray cells far below or far right (Ctrl+End goes there), or save the table as CSV.",
            )

    def facts(self, sheet: str) -> SheetFacts:
        """What the sheet holds besides its values."""
        if sheet not in self._found:
            try:
                self._found[sheet] = self._find(sheet)
            except UnreadableSheetError as error:
                raise self._unreadable(sheet) from error
        return self._found[sheet]

    def _find_all(self) -> dict[str, SheetFacts]:
        """All sheets of the kinds of which calamine loads all at once."""
        if self._kind is FileType.OPEN_DOCUMENT:
            return ods.find_facts(self._path)
        return xls.find_facts(self._path) if self._kind is FileType.OLD_WORKBOOK else {}

    def _find(self, sheet: str) -> SheetFacts:
        if self._kind in _XML_KINDS:
            return xlsx.find_facts(self._path, sheet)
        if self._kind is FileType.BINARY_WORKBOOK:
            return xlsb.find_facts(self._path, sheet)
        raise UnreadableSheetError(f"calamine finds a sheet {sheet!r}, and the scan none")

    def _is_small(self, sheet: str) -> bool:
        try:
            return xlsx.is_surely_small(self._path, sheet)
        except UnreadableSheetError as error:
            raise self._unreadable(sheet) from error

    def _unreadable(self, sheet: str | None) -> ManifestError:
        where = self._shown if sheet is None else f"{self._shown}, sheet {sheet!r}"
        return ManifestError(
            f"{where}: the workbook is damaged: its formats can't be read, so zeros such as in 00123 would be lost",
            hint="Open the workbook in Excel and save it again, or save the sheet as CSV.",
        )
