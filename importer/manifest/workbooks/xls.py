"""Reads what calamine does not report of an .xls (Excel 97 to 2003), and corrects code pages that mislead it.

The workbook is a stream of records with a type, a length and content ([MS-XLS], "Excel Binary File Format (.xls)
Structure"). A text in it is UTF-16, or the lower half of it, whatever the code page says. calamine decodes by the code
page instead, and puts a NUL after each letter in files by Perl's and PEAR's writers.
"""

from __future__ import annotations

import itertools
import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from importer.manifest.workbooks.containers import OLE2_SIGNATURE, DamagedWorkbookError, read_stream, replace_stream
from importer.manifest.workbooks.number_formats import CellStyles
from importer.manifest.workbooks.sheet_facts import UNKNOWN_FORMULA, Area, Position, SheetFacts

_ERRORS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}


def error_text(code: int) -> str:
    """Return the text of an error code; `#ERROR!` for an unknown one."""
    return _ERRORS.get(code, "#ERROR!")


def rk_number(packed: int) -> float:
    """Decode an RK number: 32 bits, an integer or half of a float, perhaps divided by 100."""
    if packed & 2:
        number = float((packed - (1 << 32) if packed >> 31 else packed) >> 2)
    else:
        number = struct.unpack("<d", struct.pack("<II", 0, packed & 0xFFFFFFFC))[0]
    return number / 100 if packed & 1 else number


_BEGIN, _END, _SHEET, _FORMAT, _STYLE = 0x0809, 0x000A, 0x0085, 0x041E, 0x00E0
_ROW, _COLUMNS, _MERGED = 0x0208, 0x007D, 0x00E5
_NUMBER, _RK_NUMBER, _RK_NUMBERS, _BOOLEAN_OR_ERROR, _FORMULA = 0x0203, 0x027E, 0x00BD, 0x0205, 0x0006
_CELLS = frozenset({_NUMBER, _RK_NUMBER, _RK_NUMBERS, _BOOLEAN_OR_ERROR, _FORMULA})
_PASSWORD = 0x002F
_RECORDS_BEFORE_PASSWORD = 8
_ROW_HIDDEN = 0x20
_TEXT_OF_FORMULA, _COMPUTED_BY = 0x0207, 0x01C1
_NOT_A_NUMBER, _TEXT_VALUE, _ERROR_VALUE, _EMPTY_VALUE = 0xFFFF, 0, 2, 3
_COMPUTED_LATER = 3  # the flags of a formula that is computed always, or when the workbook is opened

_Record = tuple[int, bytes]


def scan_sheet(path: Path, sheet: str) -> SheetFacts:
    """Scan a sheet. Raises DamagedWorkbookError."""
    try:
        stream = read_stream(path, "Workbook")
        workbook = _Workbook(stream)
        return _scan_records(_substream(stream, workbook.sheets[sheet]), workbook)
    except (struct.error, LookupError, ValueError) as error:
        raise DamagedWorkbookError(str(error)) from error


def is_encrypted(path: Path) -> bool:
    """Whether the content of the records is encrypted with a password. Raises DamagedWorkbookError."""
    stream = read_stream(path, "Workbook")
    records = itertools.islice(_substream(stream, 0), _RECORDS_BEFORE_PASSWORD)
    try:
        return any(kind == _PASSWORD for kind, _ in records)
    except struct.error as error:
        raise DamagedWorkbookError(str(error)) from error


def _scan_records(records: Iterator[_Record], workbook: _Workbook) -> SheetFacts:
    cells = _CellScan(workbook)
    facts = cells.facts
    for kind, content in records:
        if kind in _CELLS:
            cells.add(kind, content)
        elif kind == _TEXT_OF_FORMULA:
            cells.add_text_of_formula()
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
    return facts


def _substream(stream: bytes, at: int) -> Iterator[_Record]:
    """Yield the records of the part at ``at``, without those of parts inside it (charts)."""
    depth = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        depth += (kind == _BEGIN) - (kind == _END)
        if not depth:
            return
        if depth == 1:
            yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


class _Workbook:
    """Offsets of sheets by name, cell styles, and whether a program computed the formulas."""

    def __init__(self, stream: bytes) -> None:
        self.sheets: dict[str, int] = {}
        self.styles = CellStyles()
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
    """Read a text of ``length`` characters; its first byte sets one or two bytes for each."""
    return (
        content[1 : 1 + 2 * length].decode("utf-16-le") if content[0] & 1 else content[1 : 1 + length].decode("latin-1")
    )


class _CellScan:
    """Scan of cells with a number, an error or a formula."""

    def __init__(self, workbook: _Workbook) -> None:
        self.facts = SheetFacts()
        self._styles = workbook.styles
        self._is_computed = workbook.is_computed
        self._formula_before_text: Position | None = None  # its text is in the next record

    def add(self, kind: int, content: bytes) -> None:
        row, column, style = struct.unpack_from("<HHH", content)
        if kind == _RK_NUMBERS:
            for index, (each_style, packed) in enumerate(struct.iter_unpack("<HI", content[4:-2])):
                self._add_number(row, column + index, each_style, rk_number(packed))
        elif kind == _BOOLEAN_OR_ERROR:
            if content[7]:
                self.facts.errors[row, column] = error_text(content[6])
        elif kind == _RK_NUMBER:
            self._add_number(row, column, style, rk_number(struct.unpack_from("<I", content, 6)[0]))
        elif kind == _FORMULA and struct.unpack_from("<H", content, 12)[0] == _NOT_A_NUMBER:
            self._add_formula((row, column), content)
        elif kind in (_FORMULA, _NUMBER):
            self._add_number(row, column, style, struct.unpack_from("<d", content, 6)[0])

    def add_text_of_formula(self) -> None:
        """Note that the last formula has a text as its value."""
        if self._formula_before_text is not None:
            self.facts.formulas_without_value.pop(self._formula_before_text, None)
            self._formula_before_text = None

    def _add_formula(self, position: Position, content: bytes) -> None:
        """Check a formula whose value is not a number."""
        value, flags = content[6], content[14]
        if value == _ERROR_VALUE:
            self.facts.errors[position] = error_text(content[8])
        elif value == _TEXT_VALUE:
            self.facts.formulas_without_value[position] = UNKNOWN_FORMULA
            self._formula_before_text = position
        # Excel records which Excel computed the workbook, LibreOffice flags each formula. A program that can't compute
        # does neither, and stores the empty text as each value.
        elif value == _EMPTY_VALUE and not self._is_computed and not flags & _COMPUTED_LATER:
            self.facts.formulas_without_value[position] = UNKNOWN_FORMULA

    def _add_number(self, row: int, column: int, style: int, number: float) -> None:
        padding = self._styles.padding.get(style)
        if padding is not None:
            self.facts.padded[column, padding].append(row)
        self.facts.check_number((row, column), number, is_date=self._styles.is_date(style))


_STREAM = "Workbook"
_CODE_PAGE, _END_OF_PART = 0x0042, 0x000A
_UNICODE = struct.pack("<H", 1200)


def copy_with_unicode_code_page(path: Path) -> IO[bytes] | None:
    """Copy an .xls, with UTF-16 as its code page, to a temporary file that the caller closes.

    Return None if the workbook needs no copy, or cannot be read: calamine then says why.
    """
    with path.open("rb") as file:
        if file.read(len(OLE2_SIGNATURE)) != OLE2_SIGNATURE:
            return None
    try:
        stream = read_stream(path, _STREAM)
        offsets = [offset for offset in _code_page_offsets(stream) if stream[offset : offset + 2] != _UNICODE]
        if not offsets:
            return None
        content = bytearray(stream)
        for offset in offsets:
            content[offset : offset + 2] = _UNICODE
        return _copy(path, bytes(content))
    except DamagedWorkbookError:
        return None


def _code_page_offsets(stream: bytes) -> list[int]:
    """Find the code pages in the first part of the stream, which is about the whole workbook."""
    offsets = []
    offset = 0
    while offset + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, offset)
        if kind == _END_OF_PART:
            break
        if kind == _CODE_PAGE and size >= len(_UNICODE):
            offsets.append(offset + 4)
        offset += 4 + size
    return offsets


def _copy(path: Path, stream: bytes) -> IO[bytes]:
    copy = tempfile.TemporaryFile(prefix="ticket-importer-")  # noqa: SIM115 - the caller closes it
    try:
        with path.open("rb") as file:
            shutil.copyfileobj(file, copy)
        replace_stream(copy, _STREAM, stream)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return copy
