"""Scans a sheet of an .xlsx or .xlsm for the facts that calamine does not report."""

from __future__ import annotations

import zipfile
from pathlib import Path

from importer.manifest.workbooks.cell_styles import CellStyles
from importer.manifest.workbooks.ooxml import each_element, is_true, open_package, read_relations, relations_part
from importer.manifest.workbooks.sheet_facts import SheetFacts
from importer.manifest.workbooks.xlsx_parser_scan import scan_elements
from importer.manifest.workbooks.xlsx_text_scan import scan_text

_WORKBOOK = "xl/workbook.xml"


def scan_sheet(path: Path, sheet: str) -> SheetFacts:
    """Scan a sheet: quickly as text if possible, else with a parser. Raises DamagedWorkbookError."""
    with open_package(path) as archive:
        workbook = _Workbook(archive)
        styles = _read_styles(archive, workbook.styles_part)
        part = workbook.sheets[sheet]
        facts = scan_text(archive, part, styles) or scan_elements(archive, part, styles)
        facts.is_stale = facts.is_stale and workbook.computes_on_load
        return facts


def sheet_part(archive: zipfile.ZipFile, sheet: str) -> str:
    """Return the name of the part with a sheet. Raises LookupError if there is none."""
    return _Workbook(archive).sheets[sheet]


class _Workbook:
    """Parts of sheets by name, part of the styles; whether formulas are computed on opening."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        relations = read_relations(archive, relations_part(_WORKBOOK), "xl")
        self.sheets: dict[str, str] = {}
        self.styles_part = next((each.target for each in relations if each.kind.endswith("/styles")), None)
        self.computes_on_load = False
        self._targets = {each.id: each.target for each in relations}
        each_element(archive, _WORKBOOK, self._visit)

    def _visit(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            # A sheet without a relation raises KeyError: the workbook is damaged.
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self.sheets[attributes["name"]] = self._targets[relation]
        elif name == "calcPr":
            self.computes_on_load = is_true(attributes.get("fullCalcOnLoad"))


def _read_styles(archive: zipfile.ZipFile, part: str | None) -> CellStyles:
    styles = CellStyles()
    if part is None:
        return styles
    codes: dict[int, str] = {}
    section, count = "", 0

    def visit(name: str, attributes: dict[str, str]) -> None:
        nonlocal section, count
        # Elements of the same names are in several sections, with different meanings.
        if name in {"numFmts", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"}:
            section = name
        elif (section, name) == ("numFmts", "numFmt"):
            codes[int(attributes["numFmtId"])] = attributes["formatCode"]
        elif (section, name) == ("cellXfs", "xf"):
            number = int(attributes.get("numFmtId", "0"))
            styles.add(count, number, codes.get(number))
            count += 1

    each_element(archive, part, visit)
    return styles
