"""Workbooks of every kind with the same cells: .xlsx by openpyxl, the others written here, record by record.

A cell is a text, a number, a bool, a date, a `Formatted` number, an `Error`, a `Formula` without a value, or None.
"""

from __future__ import annotations

import datetime as dt
import io
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import CALENDAR_MAC_1904

EPOCH = dt.datetime.fromisoformat("1899-12-30")
EPOCH_1904 = dt.datetime.fromisoformat("1904-01-01")
DATE_FORMATS = {
    dt.date: "yyyy-mm-dd",
    dt.datetime: "yyyy-mm-dd hh:mm:ss",
    dt.time: "hh:mm:ss",
    dt.timedelta: "[h]:mm:ss",
}
ERROR_CODES = {"#NULL!": 0, "#DIV/0!": 7, "#VALUE!": 15, "#REF!": 23, "#NAME?": 29, "#NUM!": 36, "#N/A": 42}


@dataclass(frozen=True)
class Formatted:
    number: float
    code: str


@dataclass(frozen=True)
class Error:
    text: str


@dataclass(frozen=True)
class Formula:
    text: str
    value: str | None = None  # that was stored, in an .xls


Cell = str | float | bool | dt.date | dt.time | dt.timedelta | Formatted | Error | Formula | None
Area = tuple[int, int, int, int]
"""First row, first column, last row, last column, from 0."""


@dataclass(kw_only=True)
class Page:
    """One sheet; places count from 0."""

    rows: Sequence[Sequence[Cell]]
    name: str = "Tickets"
    hidden: bool = False
    hidden_rows: Sequence[int] = ()
    hidden_columns: Sequence[int] = ()
    merged: Sequence[Area] = ()


@dataclass(kw_only=True)
class Workbook:
    pages: Sequence[Page]
    is_1904: bool = False
    code_page: int = 1200  # that an .xls names
    codes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        found = (self.code(cell) for page in self.pages for row in page.rows for cell in row)
        self.codes = list(dict.fromkeys(["General", *(code for code in found if code)]))

    def code(self, cell: Cell) -> str | None:
        """The cell's number format."""
        return cell.code if isinstance(cell, Formatted) else DATE_FORMATS.get(type(cell))

    def style(self, cell: Cell) -> int:
        """The place of the cell's format among all."""
        return self.codes.index(self.code(cell) or "General")

    def number(self, cell: Cell) -> float | None:
        """What spreadsheets store for a number, a date or a time."""
        epoch = EPOCH_1904 if self.is_1904 else EPOCH
        number: float | None = None
        match cell:
            case Formatted():
                number = cell.number
            case dt.datetime():
                number = (cell - epoch) / dt.timedelta(days=1)
            case dt.date():
                number = (dt.datetime.combine(cell, dt.time()) - epoch).days
            case dt.time():
                number = (cell.hour * 3600 + cell.minute * 60 + cell.second) / 86400
            case dt.timedelta():
                number = cell / dt.timedelta(days=1)
            case float() | int() if not isinstance(cell, bool):
                number = cell
        return None if number is None else float(number)


def write(path: Path, *pages: Page, is_1904: bool = False, code_page: int = 1200) -> Path:
    """Write a workbook of the kind that the path's ending says."""
    book = Workbook(pages=pages, is_1904=is_1904, code_page=code_page)
    {".xlsx": _write_xlsx, ".xlsb": _write_xlsb, ".xls": _write_xls, ".ods": _write_ods}[path.suffix](path, book)
    return path


# -- .xlsx ------------------------------------------------------------------------------------------------------------


def _write_xlsx(path: Path, book: Workbook) -> None:
    made = openpyxl.Workbook()
    if book.is_1904:
        made.epoch = CALENDAR_MAC_1904
    del made["Sheet"]
    for page in book.pages:
        sheet = made.create_sheet(page.name)
        sheet.sheet_state = "hidden" if page.hidden else "visible"
        for r, row in enumerate(page.rows, start=1):
            for c, cell in enumerate(row, start=1):
                _fill(sheet.cell(r, c), cell, book.code(cell))
        for number in page.hidden_rows:
            sheet.row_dimensions[number + 1].hidden = True
        for number in page.hidden_columns:
            sheet.column_dimensions[get_column_letter(number + 1)].hidden = True
        for top, left, bottom, right in page.merged:
            sheet.merge_cells(start_row=top + 1, start_column=left + 1, end_row=bottom + 1, end_column=right + 1)
    made.save(path)


def _fill(place: Any, cell: Cell, code: str | None) -> None:
    place.value = cell.number if isinstance(cell, Formatted) else getattr(cell, "text", cell)
    if isinstance(cell, str | Error):
        place.data_type = "s" if isinstance(cell, str) else "e"
    if code:
        place.number_format = code


# -- .xlsb ------------------------------------------------------------------------------------------------------------


def _record(kind: int, content: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size, length = len(content), b""
    while True:
        length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
        size >>= 7
        if not size:
            return head + length + content


def _wide(text: str) -> bytes:
    encoded = text.encode("utf-16-le")
    return struct.pack("<I", len(encoded) // 2) + encoded


def _short(number: float) -> int | None:
    """A number in 32 bits, where it fits."""
    for factor, flag in ((1, 0), (100, 1)):
        scaled = number * factor
        if scaled.is_integer() and abs(scaled) < 1 << 29 and (scaled / factor) == number:
            return (int(scaled) << 2 | 2 | flag) & 0xFFFFFFFF
    return None


def _xlsb_cell(book: Workbook, column: int, cell: Cell) -> bytes:
    place = struct.pack("<II", column, book.style(cell))
    number = book.number(cell)
    match cell:
        case None:
            return _record(0x01, place)
        case bool():
            return _record(0x04, place + bytes([cell]))
        case str():
            return _record(0x06, place + _wide(cell))
        case Error():
            return _record(0x03, place + bytes([ERROR_CODES[cell.text]]))
    assert number is not None
    short = _short(number) if column % 2 else None
    if short is not None:
        return _record(0x02, place + struct.pack("<I", short))
    return _record(0x05, place + struct.pack("<d", number))


def _xlsb_sheet(book: Workbook, page: Page) -> Iterator[bytes]:
    width = max(map(len, page.rows), default=1)
    yield _record(0x81)
    yield _record(0x94, struct.pack("<IIII", 0, max(len(page.rows) - 1, 0), 0, width - 1))
    yield _record(0x186)
    for column in page.hidden_columns:
        yield _record(0x3C, struct.pack("<IIIIH", column, column, 2048, 0, 1))
    yield _record(0x187)
    yield _record(0x91)
    for number, row in enumerate(page.rows):
        flags = 0x10 if number in page.hidden_rows else 0
        yield _record(0x00, struct.pack("<IIHBBBI", number, 0, 300, 0, flags, 0, 0))
        yield from (_xlsb_cell(book, column, cell) for column, cell in enumerate(row))
    yield _record(0x92)
    yield _record(0xB1, struct.pack("<I", len(page.merged)))
    for top, left, bottom, right in page.merged:
        yield _record(0xB0, struct.pack("<IIII", top, bottom, left, right))
    yield _record(0xB2) + _record(0x82)


def _write_xlsb(path: Path, book: Workbook) -> None:
    formats = b"".join(
        _record(0x2C, struct.pack("<H", 164 + number) + _wide(code)) for number, code in enumerate(book.codes)
    )
    styles = b"".join(
        _record(0x2F, struct.pack("<HHIII", 0, 164 + number, 0, 0, 0)) for number in range(len(book.codes))
    )
    with zipfile.ZipFile(path, "w") as archive:
        sheets, relations = b"", ""
        for number, page in enumerate(book.pages, start=1):
            sheets += _record(0x9C, struct.pack("<II", page.hidden, number) + _wide(f"rId{number}") + _wide(page.name))
            relations += f'<Relationship Id="rId{number}" Type="t/worksheet" Target="worksheets/sheet{number}.bin"/>'
            archive.writestr(f"xl/worksheets/sheet{number}.bin", b"".join(_xlsb_sheet(book, page)))
        begin = _record(0x83) + _record(0x99, struct.pack("<III", book.is_1904, 0, 0)) + _record(0x8F)
        archive.writestr("xl/workbook.bin", begin + sheets + _record(0x90) + _record(0x84))
        relations += '<Relationship Id="rId99" Type="t/styles" Target="styles.bin"/>'
        archive.writestr("xl/_rels/workbook.bin.rels", f"<Relationships>{relations}</Relationships>")
        archive.writestr(
            "xl/styles.bin",
            _record(0x267, struct.pack("<I", len(book.codes))) + formats + _record(0x268)
            + _record(0x272) + _record(0x2F, bytes(16)) + _record(0x273)
            + _record(0x269, struct.pack("<I", len(book.codes))) + styles + _record(0x26A),
        )  # fmt: skip
        archive.writestr("[Content_Types].xml", "<Types/>")


# -- .xls -------------------------------------------------------------------------------------------------------------


def _biff(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def _biff_text(text: str, length: str) -> bytes:
    wide = any(ord(character) > 0xFF for character in text)
    encoded = text.encode("utf-16-le" if wide else "latin-1")
    return struct.pack(length, len(encoded) // (1 + wide)) + bytes([wide]) + encoded


def _xls_cell(book: Workbook, row: int, column: int, cell: Cell) -> bytes:
    place = struct.pack("<HHH", row, column, book.style(cell))
    match cell:
        case None:
            return _biff(0x201, place)
        case bool():
            return _biff(0x205, place + bytes([cell, 0]))
        case str():
            return _biff(0x204, place + _biff_text(cell, "<H"))
        case Error():
            code, formula = ERROR_CODES[cell.text], bytes(6) + struct.pack("<H", 2) + b"\x1c\x2a"
            computed = _biff(0x06, place + bytes([2, 0, code, 0, 0, 0, 0xFF, 0xFF]) + formula)
            return _biff(0x205, place + bytes([code, 1])) if column % 2 else computed
        case Formula():
            return _xls_formula(place, cell.value)
    return _xls_number(place, book.number(cell) or 0.0)


def _xls_formula(place: bytes, value: str | None) -> bytes:
    """A formula as xlwt writes it, which computes none, or as LibreOffice does with a text for its value."""
    result = bytes([0 if value else 3, 0, 0, 0, 0, 0, 0xFF, 0xFF]) + struct.pack("<HI", 0 if value is None else 2, 0)
    record = _biff(0x06, place + result + struct.pack("<H", 7) + bytes.fromhex("1e01001e010003"))
    return record + (_biff(0x207, _biff_text(value, "<H")) if value else b"")


def _xls_number(place: bytes, number: float) -> bytes:
    (column,) = struct.unpack_from("<H", place, 2)
    short = _short(number) if column % 2 else None
    if short is None:
        return _biff(0x203, place + struct.pack("<d", number))
    several = column % 4 == 1  # a record that may hold several short numbers
    return _biff(0xBD if several else 0x27E, place + struct.pack("<I", short) + (place[2:4] if several else b""))


def _xls_sheet(book: Workbook, page: Page) -> bytes:
    width = max(map(len, page.rows), default=1)
    parts = [_biff(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))]
    parts += [_biff(0x7D, struct.pack("<HHHHHH", column, column, 2048, 0, 1, 0)) for column in page.hidden_columns]
    parts.append(_biff(0x200, struct.pack("<IIHHH", 0, len(page.rows), 0, width, 0)))
    for number, row in enumerate(page.rows):
        flags = 0x20 if number in page.hidden_rows else 0
        parts.append(_biff(0x208, struct.pack("<HHHHHHHH", number, 0, len(row), 255, 0, 0, 0x100 | flags, 0)))
        parts += [_xls_cell(book, number, column, cell) for column, cell in enumerate(row)]
    areas = b"".join(struct.pack("<HHHH", top, bottom, left, right) for top, left, bottom, right in page.merged)
    parts.append(_biff(0xE5, struct.pack("<H", len(page.merged)) + areas))
    return b"".join(parts) + _biff(0x0A)


def _write_xls(path: Path, book: Workbook) -> None:
    start = _biff(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + _biff(0x42, struct.pack("<H", book.code_page))
    start += _biff(0x22, struct.pack("<H", book.is_1904))
    for number, code in enumerate(book.codes):
        start += _biff(0x41E, struct.pack("<H", 164 + number) + _biff_text(code, "<H"))
    for number in range(len(book.codes)):
        start += _biff(0xE0, struct.pack("<HH", 0, 164 + number) + bytes(16))
    names = [struct.pack("<BB", page.hidden, 0) + _biff_text(page.name, "<B") for page in book.pages]
    at = len(start) + sum(8 + len(name) for name in names) + len(_biff(0x0A))
    sheets = [_xls_sheet(book, page) for page in book.pages]
    for name, sheet in zip(names, sheets, strict=True):
        start += _biff(0x85, struct.pack("<I", at) + name)
        at += len(sheet)
    path.write_bytes(container({"Workbook": start + _biff(0x0A) + b"".join(sheets)}))


def container(streams: dict[str, bytes]) -> bytes:
    """An OLE2 container of some streams, none of them so short that it would go where the short ones go."""
    table, body, entries = [0xFFFFFFFD, 0xFFFFFFFE], b"", [_entry("Root Entry", 5, 0xFFFFFFFE, 0)]
    for name, content in streams.items():
        padded = content.ljust(4096, b"\0")
        sectors = -(-len(padded) // 512)
        first = len(table)
        table += [*range(first + 1, first + sectors), 0xFFFFFFFE]
        body += padded.ljust(sectors * 512, b"\0")
        following = len(entries) + 1 if len(entries) < len(streams) else 0xFFFFFFFF
        entries.append(_entry(name, 2, first, len(padded), following))
    # What the first sector of the table doesn't hold stands at the end, and what the header can't name of it behind.
    tables, lists = 1, 0
    while len(table) + tables - 1 + lists > 128 * tables:
        tables += 1
        lists = -(-max(tables - 109, 0) // 127)
    extra = [len(table) + number for number in range(tables - 1)]
    further = [len(table) + len(extra) + number for number in range(lists)]
    table += [0xFFFFFFFD] * len(extra) + [0xFFFFFFFC] * lists
    packed = struct.pack(f"<{len(table)}I", *table).ljust(tables * 512, b"\xff")
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    first_list = further[0] if further else 0xFFFFFFFE
    header += struct.pack("<IIIIIIIII", 0, tables, 1, 0, 4096, 0xFFFFFFFE, 0, first_list, lists)
    header += struct.pack("<109I", *[0, *extra, *([0xFFFFFFFF] * 109)][:109])
    behind = b""
    for number, following in enumerate([*further[1:], 0xFFFFFFFE][:lists]):
        some = extra[108 + 127 * number : 235 + 127 * number]
        behind += struct.pack("<128I", *[*some, *([0xFFFFFFFF] * 127)][:127], following)
    directory = b"".join(entries).ljust(512, b"\0")
    return header + packed[:512] + directory + body + packed[512:] + behind


def _entry(name: str, kind: int, first: int, size: int, following: int = 0xFFFFFFFF) -> bytes:
    encoded = name.encode("utf-16-le")
    child = 1 if kind == 5 else 0xFFFFFFFF
    places = struct.pack("<IIII", 0xFFFFFFFF, following, child, 0)
    head = encoded.ljust(64, b"\0") + struct.pack("<HBB", len(encoded) + 2, kind, 1) + places
    return (head.ljust(116, b"\0") + struct.pack("<II", first, size)).ljust(128, b"\0")


# -- .ods -------------------------------------------------------------------------------------------------------------

_SPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in {
        "office": "office",
        "table": "table",
        "text": "text",
        "style": "style",
        "number": "datastyle",
    }.items()
)


def _ods_cell(book: Workbook, cell: Cell) -> str:
    shown, value = cell if isinstance(cell, str) else "", ""
    match cell:
        case bool():
            value = f'office:value-type="boolean" office:boolean-value="{str(cell).lower()}"'
        case str():
            value = 'office:value-type="string"'
        case Error():
            value, shown = 'table:formula="of:=1/0" office:value-type="string" office:string-value=""', cell.text
        case Formula():
            value = f"table:formula={quoteattr('of:' + cell.text)}"
        case dt.date():
            value = f'office:value-type="date" office:date-value="{cell.isoformat()}"'
        case dt.time() | dt.timedelta():
            seconds = round((book.number(cell) or 0) * 86400)
            time = f"PT{seconds // 3600:02}H{seconds // 60 % 60:02}M{seconds % 60:02}S"
            value = f'office:value-type="time" office:time-value="{time}"'
        case int() | float() | Formatted():
            value = f'office:value-type="float" office:value="{book.number(cell)!r}"'
    text = "".join(f"<text:p>{escape(line)}</text:p>" for line in shown.split("\n")) if shown else ""
    return f'<table:table-cell table:style-name="c{book.style(cell)}" {value}>{text}</table:table-cell>'


def _ods_table(book: Workbook, page: Page) -> Iterator[str]:
    width = max(map(len, page.rows), default=1)
    yield f'<table:table table:name={quoteattr(page.name)} table:style-name="{"hidden" if page.hidden else "shown"}">'
    for column in range(width):
        yield f"<table:table-column{_visibility(column, page.hidden_columns)}/>"
    for number, row in enumerate(page.rows):
        yield f"<table:table-row{_visibility(number, page.hidden_rows)}>"
        for column, cell in enumerate(row):
            text = _ods_cell(book, cell)
            for top, left, bottom, right in page.merged:
                if (top, left) == (number, column):
                    spans = f'table:number-rows-spanned="{bottom - top + 1}" table:number-columns-spanned="{right - left + 1}"'
                    text = text.replace("<table:table-cell ", f"<table:table-cell {spans} ")
            yield text
        yield '<table:table-cell table:number-columns-repeated="1000"/></table:table-row>'
    yield '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row></table:table>'


def _visibility(number: int, hidden: Sequence[int]) -> str:
    return ' table:visibility="collapse"' if number in hidden else ""


def _ods_styles(codes: Iterable[str]) -> Iterator[str]:
    for number, code in enumerate(codes):
        zeros = code.count("0") if set(code) <= set("0-") else 1
        between = "".join(
            f'<number:embedded-text number:position="{code[at:].count("0")}">-</number:embedded-text>'
            for at, character in enumerate(code) if character == "-"
        )  # fmt: skip
        digits = (
            f'<number:number number:decimal-places="0" number:min-integer-digits="{zeros}">{between}</number:number>'
        )
        yield f'<number:number-style style:name="n{number}">{digits}</number:number-style>'
        yield f'<style:style style:name="c{number}" style:family="table-cell" style:data-style-name="n{number}"/>'


def _write_ods(path: Path, book: Workbook) -> None:
    styles = "".join(
        f'<style:style style:name="{name}" style:family="table"><style:table-properties table:display="{shown}"/></style:style>'
        for name, shown in (("shown", "true"), ("hidden", "false"))
    ) + "".join(_ods_styles(book.codes))
    tables = "".join(part for page in book.pages for part in _ods_table(book, page))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_SPACES}>'
            f"<office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>",
        )


def with_part(path: Path, part: str, change: Callable[[bytes], bytes | None]) -> Path:
    """Rewrite one part of a workbook; a change to None drops it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content: bytes | None = old.read(name)
            if name == part and content is not None:
                content = change(content)
            if content is not None:
                new.writestr(name, content)
    path.write_bytes(buffer.getvalue())
    return path
