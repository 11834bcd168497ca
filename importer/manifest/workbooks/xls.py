"""What a sheet of an .xls (Excel 97 to 2003) holds besides its values: a stream of records, a type and a length each.

The records are those of [MS-XLS], "Excel Binary File Format (.xls) Structure".
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from pathlib import Path

from importer.manifest.workbooks.biff import error_text, short_number
from importer.manifest.workbooks.ole2 import read_stream
from importer.manifest.workbooks.sheet_facts import UNTOLD_FORMULA, Area, Place, SheetFacts, UnreadableSheetError
from importer.manifest.workbooks.styles import Styles

_BEGIN, _END, _SHEET, _FORMAT, _STYLE = 0x0809, 0x000A, 0x0085, 0x041E, 0x00E0
_EXTENT, _ROW, _COLUMNS, _MERGED = 0x0200, 0x0208, 0x007D, 0x00E5
_NUMBER, _SHORT_NUMBER, _SHORT_NUMBERS, _BOOLEAN_OR_ERROR, _FORMULA = 0x0203, 0x027E, 0x00BD, 0x0205, 0x0006
_TEXTS = frozenset({0x00FD, 0x0204, 0x00D6})
_CELLS = _TEXTS | {_NUMBER, _SHORT_NUMBER, _SHORT_NUMBERS, _BOOLEAN_OR_ERROR, _FORMULA}
_PASSWORD = 0x002F
_RECORDS_BEFORE_PASSWORD = 8
_ROW_HIDDEN = 0x20
_TEXT_OF_FORMULA, _COMPUTED_BY = 0x0207, 0x01C1
_NO_NUMBER, _TEXT_VALUE, _ERROR_VALUE, _EMPTY_VALUE = 0xFFFF, 0, 2, 3
_LEFT_TO_COMPUTE = 3  # the flags of a formula that is to be computed always, or when the workbook is opened

_Record = tuple[int, bytes]


def find_facts(path: Path) -> dict[str, SheetFacts]:
    """Go through all sheets, by their names. Raises UnreadableSheetError if the workbook is damaged."""
    try:
        stream = read_stream(path, "Workbook")
        book = _Book(stream)
        return {name: _sheet(stream, start, book) for name, start in book.sheets.items()}
    except (struct.error, LookupError, ValueError) as error:
        raise UnreadableSheetError(str(error)) from error


def is_encrypted(path: Path) -> bool:
    """Whether a password is needed: the records of the workbook are unreadable but for their types and lengths.

    Raises UnreadableSheetError if the container is damaged.
    """
    stream = read_stream(path, "Workbook")
    records = itertools.islice(_substream(stream, 0), _RECORDS_BEFORE_PASSWORD)
    try:
        return any(kind == _PASSWORD for kind, _ in records)
    except struct.error as error:
        raise UnreadableSheetError(str(error)) from error


def _sheet(stream: bytes, start: int, book: _Book) -> SheetFacts:
    cells = _Cells(book)
    for kind, content in _substream(stream, start):
        if kind in _CELLS:
            cells.see(kind, content)
        elif kind == _TEXT_OF_FORMULA:
            cells.see_text()
        else:
            _see_layout(cells.facts, kind, content)
    return cells.facts


def _see_layout(facts: SheetFacts, kind: int, content: bytes) -> None:
    if kind == _EXTENT:
        _see_extent(facts, content)
    elif kind == _ROW:
        if content[12] & _ROW_HIDDEN:
            facts.hidden_rows.append(struct.unpack_from("<H", content)[0])
    elif kind == _COLUMNS:
        first, last = struct.unpack_from("<HH", content)
        if content[8] & 1:
            facts.hide_columns(first, last)
    elif kind == _MERGED:
        for top, bottom, left, right in struct.iter_unpack("<HHHH", content[2:]):
            facts.merged.append(Area(top, left, bottom, right))


def _see_extent(facts: SheetFacts, content: bytes) -> None:
    first_row, rows, first_column, columns = struct.unpack_from("<IIHH", content)
    if first_row > rows or first_column > columns:  # calamine takes a length below nothing for a huge one
        raise ValueError("the sheet ends before it begins")
    facts.rows, facts.columns = max(facts.rows, rows), max(facts.columns, columns)


def _substream(stream: bytes, at: int) -> Iterator[_Record]:
    """The records from one that begins a part to the one that ends it, without those of parts within (charts)."""
    depth = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        depth += (kind == _BEGIN) - (kind == _END)
        if not depth:
            return
        if depth == 1:
            yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


class _Book:
    """Where the sheets begin, by their names; the formats of cells; and whether a program has computed the formulas."""

    def __init__(self, stream: bytes) -> None:
        self.sheets: dict[str, int] = {}
        self.styles = Styles()
        self.is_computed = False
        codes: dict[int, str] = {}
        count = 0
        for kind, content in _substream(stream, 0):
            if kind == _SHEET:
                (start,) = struct.unpack_from("<I", content)
                self.sheets[_text(content[7:], content[6])] = start
            elif kind == _FORMAT:
                number, length = struct.unpack_from("<HH", content)
                codes[number] = _text(content[4:], length)
            elif kind == _STYLE:
                (number,) = struct.unpack_from("<H", content, 2)
                self.styles.add(count, number, codes.get(number))
                count += 1
            elif kind == _COMPUTED_BY:
                self.is_computed = True


def _text(content: bytes, length: int) -> str:
    """Read a text of so many characters; its first byte says whether each has one byte or two."""
    return (
        content[1 : 1 + 2 * length].decode("utf-16-le") if content[0] & 1 else content[1 : 1 + length].decode("latin-1")
    )


class _Cells:
    """Takes a sheet's cells one by one."""

    def __init__(self, book: _Book) -> None:
        self.facts = SheetFacts()
        self._styles = book.styles
        self._is_computed = book.is_computed
        self._awaited: Place | None = None  # a formula whose text is to follow

    def see(self, kind: int, content: bytes) -> None:
        row, column, style = struct.unpack_from("<HHH", content)
        self.facts.reach(row, column)
        if kind == _SHORT_NUMBERS:
            for index, (each, packed) in enumerate(struct.iter_unpack("<HI", content[4:-2])):
                self._see_number(row, column + index, each, short_number(packed))
        elif kind == _BOOLEAN_OR_ERROR:
            if content[7]:
                self.facts.errors[row, column] = error_text(content[6])
        elif kind == _SHORT_NUMBER:
            self._see_number(row, column, style, short_number(struct.unpack_from("<I", content, 6)[0]))
        elif kind == _FORMULA and struct.unpack_from("<H", content, 12)[0] == _NO_NUMBER:
            self._see_formula((row, column), content)
        elif kind in (_FORMULA, _NUMBER):
            self._see_number(row, column, style, struct.unpack_from("<d", content, 6)[0])

    def see_text(self) -> None:
        """Take the text that is the value of the formula seen last."""
        if self._awaited is not None:
            self.facts.unvalued.pop(self._awaited, None)
            self._awaited = None

    def _see_formula(self, place: Place, content: bytes) -> None:
        """Look at a formula whose value is no number."""
        value, flags = content[6], content[14]
        if value == _ERROR_VALUE:
            self.facts.errors[place] = error_text(content[8])
        elif value == _TEXT_VALUE:
            self.facts.unvalued[place] = UNTOLD_FORMULA
            self._awaited = place
        # Excel says which Excel computed the workbook, LibreOffice flags each formula. A program that can't compute
        # does neither, and gives each the empty text as its value.
        elif value == _EMPTY_VALUE and not self._is_computed and not flags & _LEFT_TO_COMPUTE:
            self.facts.unvalued[place] = UNTOLD_FORMULA

    def _see_number(self, row: int, column: int, style: int, number: float) -> None:
        self.facts.reach(row, column)
        zeros = self._styles.padding.get(style)
        if zeros is not None:
            self.facts.padded[column, zeros].append(row)
        self.facts.note_number((row, column), number, is_date=self._styles.is_date(style))
