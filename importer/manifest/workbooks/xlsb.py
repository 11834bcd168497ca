"""What a sheet of an .xlsb holds besides its values. Its parts are rows of records: a type, a length, and the content.

The records are those of [MS-XLSB], "Excel Binary File Format (.xlsb) Structure".
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from importer.manifest.workbooks.biff import error_text, short_number
from importer.manifest.workbooks.date_formats import days_text
from importer.manifest.workbooks.ooxml import Relations, open_package
from importer.manifest.workbooks.sheet_facts import Area, SheetFacts
from importer.manifest.workbooks.styles import Styles

_WORKBOOK = "xl/workbook.bin"
_ROW, _SHORT_NUMBER, _ERROR, _NUMBER, _FORMULA_NUMBER, _FORMULA_ERROR = 0x00, 0x02, 0x03, 0x05, 0x09, 0x0B
_CELLS = frozenset({_SHORT_NUMBER, _ERROR, _NUMBER, _FORMULA_NUMBER, _FORMULA_ERROR})
_OTHER_CELLS = frozenset({0x04, 0x06, 0x07, 0x08, 0x0A})  # texts, and truths
_FORMAT, _STYLE, _STYLES_BEGIN, _STYLES_END = 0x2C, 0x2F, 0x269, 0x26A
_COLUMNS, _MERGED, _SHEET, _PROPERTIES = 0x3C, 0xB0, 0x9C, 0x99
_WHOLE = 2  # of a short number: neither a float nor a hundredth
_STYLE_BITS = 0xFFFFFF
_ROW_HIDDEN_AT, _ROW_HIDDEN = 11, 0x10


def find_facts(path: Path, sheet: str) -> SheetFacts:
    """Go through a sheet. Raises UnreadableSheetError if a part of the workbook is missing or damaged."""
    with open_package(path) as archive:
        try:
            relations = Relations(archive, _WORKBOOK)
            book = _Book(archive)
            part = relations.targets[book.relations[sheet]]
            styles = _read_styles(archive, relations.styles)
            return _go_through(archive, part, _Cells(styles, is_1904=book.is_1904))
        except struct.error as error:
            raise ValueError(str(error)) from error


def _records(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[int, bytes]]:
    """Every record's type and content; one that the part is cut off in is left out."""
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
    """Read a text that begins with its length in characters, and where it ends."""
    (length,) = struct.unpack_from("<I", content, at)
    end = at + 4 + 2 * length
    return content[at + 4 : end].decode("utf-16-le"), end


class _Book:
    """The sheets' relations by their names, and from when on days are counted."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.relations: dict[str, str] = {}
        self.is_1904 = False
        for kind, content in _records(archive, _WORKBOOK):
            if kind == _SHEET:
                relation, end = _text(content, 8)
                self.relations[_text(content, end)[0]] = relation
            elif kind == _PROPERTIES:
                self.is_1904 = bool(content[0] & 1)


def _read_styles(archive: zipfile.ZipFile, part: str | None) -> Styles:
    styles = Styles()
    if part is None:
        return styles
    codes: dict[int, str] = {}
    count, inside = 0, False
    for kind, content in _records(archive, part):
        if kind == _FORMAT:
            codes[struct.unpack_from("<H", content)[0]] = _text(content, 2)[0]
        elif kind in (_STYLES_BEGIN, _STYLES_END):
            inside = kind == _STYLES_BEGIN
        elif kind == _STYLE and inside:
            number = struct.unpack_from("<H", content, 2)[0]
            styles.add(count, number, codes.get(number))
            count += 1
    return styles


def _go_through(archive: zipfile.ZipFile, part: str, cells: _Cells) -> SheetFacts:
    facts = cells.facts
    row = 0
    for kind, content in _records(archive, part):
        if kind in _CELLS:
            cells.see(row, kind, content)
        elif kind in _OTHER_CELLS:
            facts.reach(row, struct.unpack_from("<I", content)[0])
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


class _Cells:
    """Takes the cells that are numbers or errors, one by one."""

    def __init__(self, styles: Styles, *, is_1904: bool) -> None:
        self.facts = SheetFacts()
        self._styles = styles
        self._is_1904 = is_1904

    def see(self, row: int, kind: int, content: bytes) -> None:
        column, style = struct.unpack_from("<II", content)
        style &= _STYLE_BITS
        self.facts.reach(row, column)
        if kind in (_ERROR, _FORMULA_ERROR):
            self.facts.errors[row, column] = error_text(content[8])
            return
        zeros = self._styles.padding.get(style)
        if zeros is not None:
            self.facts.padded[column, zeros].append(row)
        if kind == _SHORT_NUMBER:
            number = short_number(struct.unpack_from("<I", content, 8)[0])
            # calamine knows dates by their format, but for whole numbers of this short kind.
            if style in self._styles.days and content[8] & 3 == _WHOLE:
                text = days_text(int(number), self._styles.days[style], is_1904=self._is_1904)
                if text is not None:
                    self.facts.others[row, column] = text
        else:
            (number,) = struct.unpack_from("<d", content, 8)
        self.facts.note_number((row, column), number, is_date=self._styles.is_date(style))
