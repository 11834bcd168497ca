"""Scans a sheet of an .xlsb for the facts that calamine does not report.

Each part is a sequence of records with a type, a length and content ([MS-XLSB], "Excel Binary File Format (.xlsb)
Structure").
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from importer.manifest.workbooks.containers import open_package, read_relations, relations_part
from importer.manifest.workbooks.number_formats import CellStyles, whole_days_text
from importer.manifest.workbooks.sheet_facts import Area, SheetFacts
from importer.manifest.workbooks.xls import error_text, rk_number

_WORKBOOK = "xl/workbook.bin"
_ROW, _RK_NUMBER, _ERROR, _NUMBER, _FORMULA_NUMBER, _FORMULA_ERROR = 0x00, 0x02, 0x03, 0x05, 0x09, 0x0B
_CELLS = frozenset({_RK_NUMBER, _ERROR, _NUMBER, _FORMULA_NUMBER, _FORMULA_ERROR})
_FORMAT, _STYLE, _STYLES_BEGIN, _STYLES_END = 0x2C, 0x2F, 0x269, 0x26A
_COLUMNS, _MERGED, _SHEET, _PROPERTIES = 0x3C, 0xB0, 0x9C, 0x99
_INTEGER = 2  # an RK number that is neither a float nor divided by 100
_STYLE_BITS = 0xFFFFFF
_ROW_HIDDEN_AT, _ROW_HIDDEN = 11, 0x10


def scan_sheet(path: Path, sheet: str) -> SheetFacts:
    """Scan a sheet. Raises DamagedWorkbookError."""
    with open_package(path) as archive:
        try:
            relations = read_relations(archive, relations_part(_WORKBOOK), "xl")
            targets = {each.id: each.target for each in relations}
            workbook = _Workbook(archive)
            part = targets[workbook.relations[sheet]]
            styles = _read_styles(
                archive, next((each.target for each in relations if each.kind.endswith("/styles")), None)
            )
            return _scan_part(archive, part, _CellScan(styles, is_1904=workbook.is_1904))
        except struct.error as error:
            raise ValueError(str(error)) from error


def _records(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the content of each record. The content of the last one may be cut off."""
    data = archive.read(part)
    at, end = 0, len(data)
    while at < end:
        kind = data[at]
        at += 1
        if kind & 0x80:
            kind = kind & 0x7F | data[at] << 7
            at += 1
        size = shift = 0
        more = 0x80
        while more:
            size |= (data[at] & 0x7F) << shift
            more = data[at] & 0x80
            shift += 7
            at += 1
        yield kind, data[at : at + size]
        at += size


def _text(content: bytes, at: int) -> tuple[str, int]:
    """Read a text that begins with its length in characters; return it and the offset of its end."""
    (length,) = struct.unpack_from("<I", content, at)
    end = at + 4 + 2 * length
    return content[at + 4 : end].decode("utf-16-le"), end


class _Workbook:
    """Relations of the sheets by name, and whether days count from 1904."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.relations: dict[str, str] = {}
        self.is_1904 = False
        for kind, content in _records(archive, _WORKBOOK):
            if kind == _SHEET:
                relation, end = _text(content, 8)
                self.relations[_text(content, end)[0]] = relation
            elif kind == _PROPERTIES:
                self.is_1904 = bool(content[0] & 1)


def _read_styles(archive: zipfile.ZipFile, part: str | None) -> CellStyles:
    styles = CellStyles()
    if part is None:
        return styles
    codes: dict[int, str] = {}
    count, is_inside = 0, False
    for kind, content in _records(archive, part):
        if kind == _FORMAT:
            codes[struct.unpack_from("<H", content)[0]] = _text(content, 2)[0]
        elif kind in (_STYLES_BEGIN, _STYLES_END):
            is_inside = kind == _STYLES_BEGIN
        elif kind == _STYLE and is_inside:
            number = struct.unpack_from("<H", content, 2)[0]
            styles.add(count, number, codes.get(number))
            count += 1
    return styles


def _scan_part(archive: zipfile.ZipFile, part: str, cells: _CellScan) -> SheetFacts:
    facts = cells.facts
    row = 0
    for kind, content in _records(archive, part):
        if kind in _CELLS:
            cells.add(row, kind, content)
        elif kind == _ROW:
            (row,) = struct.unpack_from("<I", content)
            if content[_ROW_HIDDEN_AT] & _ROW_HIDDEN:
                facts.hidden_rows.append(row)
        elif kind == _COLUMNS:
            first, last = struct.unpack_from("<II", content)
            if content[16] & 1:
                facts.hide_columns(first, last)
        elif kind == _MERGED:
            top, bottom, left, right = struct.unpack_from("<IIII", content)
            facts.merged.append(Area(top, left, bottom, right))
    return facts


class _CellScan:
    """Scan of cells with a number or an error."""

    def __init__(self, styles: CellStyles, *, is_1904: bool) -> None:
        self.facts = SheetFacts()
        self._styles = styles
        self._is_1904 = is_1904

    def add(self, row: int, kind: int, content: bytes) -> None:
        column, style = struct.unpack_from("<II", content)
        style &= _STYLE_BITS
        if kind in (_ERROR, _FORMULA_ERROR):
            self.facts.errors[row, column] = error_text(content[8])
            return
        padding = self._styles.padding.get(style)
        if padding is not None:
            self.facts.padded[column, padding].append(row)
        if kind == _RK_NUMBER:
            number = rk_number(struct.unpack_from("<I", content, 8)[0])
            # calamine reads dates and durations by their format, except integers stored as RK numbers.
            if style in self._styles.dates and content[8] & 3 == _INTEGER:
                text = whole_days_text(int(number), self._styles.dates[style], is_1904=self._is_1904)
                if text is not None:
                    self.facts.texts[row, column] = text
        else:
            (number,) = struct.unpack_from("<d", content, 8)
        self.facts.check_number((row, column), number, is_date=self._styles.is_date(style))
