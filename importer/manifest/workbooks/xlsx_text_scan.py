"""Scans the XML of an .xlsx sheet as text, several times as fast as a parser.

All spreadsheet programs write a cell as `<c r="B7" s="3" t="e">`. The result is used only if it is proven complete:
the scan finds as many such cells as there are attributes or elements of the kind that it looks for.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

from importer.manifest.workbooks.cell_styles import CellStyles
from importer.manifest.workbooks.ooxml import column_index, is_true
from importer.manifest.workbooks.sheet_facts import Area, Position, SheetFacts
from importer.manifest.workbooks.xlsx_parser_scan import NUMBER_TYPES, lacks_value

_BLOCK_BYTES = 1 << 22
_DECLARATION = b"<?xml "
_ASCII_STARTS = (_DECLARATION, b"<worksheet", b"\xef\xbb\xbf<")  # of every encoding but UTF-16 and UTF-32

_REFERENCE = rb'<c r="([A-Z]++)([0-9]++)"'
_FORMULA = rb"<f(?:[ /][^<>]*+)?>(?:([^<]*+)</f>)?"
_ERROR = re.compile(rb"=\s*[\"']e[\"']")
_ERROR_CELL = re.compile(_REFERENCE + rb'(?: s="[0-9]++")? t="e"[^<>]*+>(?:' + _FORMULA + rb")?<v>([^<]++)</v>")
_FORMULA_START = re.compile(rb"<f[ />]")
_FORMULA_OR_MARKUP = re.compile(rb"<[!?f]")  # a formula, or markup other than an element
_FORMULA_CELL = re.compile(_REFERENCE + rb"([^<>]*+)>" + _FORMULA + rb"(<v>[^<]|<v[ />]|)")
_HIDDEN_ROW = re.compile(rb"<row [^<>]*?hidden\s*=\s*[\"'](?:1|true)[\"']")
_ROW = re.compile(rb'<row r="([0-9]++)"')
_COLUMNS = re.compile(rb"<col [^<>]*+>")
_MERGED = re.compile(rb'<mergeCell ref="([A-Z]++)([0-9]++):([A-Z]++)([0-9]++)"')
_LONG_NUMBER = re.compile(rb"<v>-?+(?:[0-9]{16}|[0-9.]++[eE]\+?[0-9])[^<]*+</v>")
_LONG_OR_NEGATIVE = re.compile(rb"<v>(?:-|[0-9]{16}|[0-9.]++[eE]\+?[0-9])[^<]*+</v>")
_CELL_START = re.compile(_REFERENCE + rb"([^<>]*+)>")
_TYPE = re.compile(rb' t="([a-zA-Z]*+)"')
_ATTRIBUTES = re.compile(rb'(?: [a-z]++="[^"]*+")*+')
_STYLE = re.compile(rb' s="([0-9]++)"')


def scan_text(
    archive: zipfile.ZipFile, part: str, styles: CellStyles, block_bytes: int = _BLOCK_BYTES
) -> SheetFacts | None:
    """Scan a sheet; None if its XML may be unusual, so that facts could be missed."""
    scan = _TextScan(styles)
    for number, block in enumerate(row_blocks(archive, part, block_bytes)):
        if number == 0 and (not block.startswith(_ASCII_STARTS) or b"<worksheet" not in block):
            return None
        start = 0 if number else len(_DECLARATION)
        # One search instead of three, because each reads the whole text.
        may_have_formulas = _FORMULA_OR_MARKUP.search(block, start) is not None
        # In a comment, CDATA or the like, text may look like a cell.
        if may_have_formulas and (b"<!" in block or block.find(b"<?", start) >= 0):
            return None
        if not scan.add(block, may_have_formulas=may_have_formulas):
            return None
    return scan.facts


def row_blocks(archive: zipfile.ZipFile, part: str, block_bytes: int = _BLOCK_BYTES) -> Iterator[bytes]:
    """Read a part in blocks that end before a row, so that no cell is split."""
    with archive.open(part) as file:
        rest = b""
        while more := file.read(block_bytes):
            rest += more
            end = max(rest.rfind(b"<row "), 0)
            if end:
                yield rest[:end]
                rest = rest[end:]
        yield rest


class _TextScan:
    """Scan of blocks of whole rows. Each method returns False if it may have missed something."""

    def __init__(self, styles: CellStyles) -> None:
        self.facts = SheetFacts()
        self._padding = {_style_bytes(style): padding for style, padding in styles.padding.items()}
        self._dates = frozenset(_style_bytes(style) for style in styles.dates if styles.is_date(style))
        self._numbers = _LONG_OR_NEGATIVE if self._dates else _LONG_NUMBER
        numbers = b"|".join(self._padding)
        # The pattern begins with a letter, so it matches any attribute that ends with `s`; with a blank or \b in front
        # the search is many times slower.
        attribute = rb"s\s*=\s*[\"'](?:" + numbers + rb")[\"']"
        self._style, self._style_of_row = re.compile(attribute), re.compile(rb"<row\s[^<>]*?" + attribute)
        self._padded = re.compile(_REFERENCE + rb'(?: t="[a-zA-Z]*+")? s="(' + numbers + rb')"')

    def add(self, block: bytes, *, may_have_formulas: bool) -> bool:
        """Add the facts of a block."""
        return (
            self._add_padding(block)
            and self._add_errors(block)
            and (not may_have_formulas or self._add_formulas(block))
            and self._add_hidden(block)
            and self._add_merged(block)
            and self._add_numbers(block)
        )

    def _add_padding(self, block: bytes) -> bool:
        if not self._padding:
            return True
        cells = self._padded.findall(block)
        for letters, row, style in cells:
            self.facts.padded[column_index(letters.decode()), self._padding[style]].append(int(row) - 1)
        others = len(self._style.findall(block)) - len(cells)
        return not others or others == len(self._style_of_row.findall(block))

    def _add_errors(self, block: bytes) -> bool:
        if _ERROR.search(block) is None:
            return True
        cells = _ERROR_CELL.findall(block)
        for letters, row, _, shown in cells:
            self.facts.errors[_position(letters, row)] = _unescaped(shown.decode())
        return len(cells) == len(_ERROR.findall(block))

    def _add_formulas(self, block: bytes) -> bool:
        if b"<f" not in block:
            return True
        cells = _FORMULA_CELL.findall(block)
        self.facts.is_stale |= bool(cells)
        for letters, row, attributes, formula, value in cells:
            cell_type = _TYPE.search(attributes)
            has_text = len(value) > len(b"<v>")
            if not has_text and lacks_value(cell_type[1].decode() if cell_type else "", has_element=bool(value)):
                self.facts.formulas_without_value[_position(letters, row)] = f"={_unescaped(formula.decode())}"
        return len(cells) == len(_FORMULA_START.findall(block))

    def _add_hidden(self, block: bytes) -> bool:
        if b"hidden" not in block:
            return True
        for element in _COLUMNS.findall(block):
            attributes = dict(re.findall(rb"([a-zA-Z]++)=\"([^\"]*+)\"", element))
            if is_true(attributes.get(b"hidden", b"").decode()):
                first, last = int(attributes.get(b"min", b"1")), int(attributes.get(b"max", b"0"))
                self.facts.hide_columns(first - 1, last - 1)
        for element in _HIDDEN_ROW.findall(block):
            row = _ROW.match(element)
            if row is None:
                return False
            self.facts.hidden_rows.append(int(row[1]) - 1)
        return True

    def _add_merged(self, block: bytes) -> bool:
        if b"mergeCell " not in block:
            return True
        for left, top, right, bottom in _MERGED.findall(block):
            self.facts.merged.append(Area(*_position(left, top), *_position(right, bottom)))
        return True

    def _add_numbers(self, block: bytes) -> bool:
        for match in self._numbers.finditer(block):
            cell = _CELL_START.match(block, block.rfind(b"<c ", 0, match.start()))
            if cell is None or _ATTRIBUTES.fullmatch(cell[3]) is None:
                return False
            cell_type = _TYPE.search(cell[3])
            if cell_type is None or cell_type[1].decode() in NUMBER_TYPES:
                style = _STYLE.search(cell[3])
                is_date = style is not None and style[1] in self._dates
                number = float(match[0][len(b"<v>") : -len(b"</v>")])
                self.facts.check_number(_position(cell[1], cell[2]), number, is_date=is_date)
        return True


def _position(letters: bytes, row: bytes) -> Position:
    return int(row) - 1, column_index(letters.decode())


def _unescaped(text: str) -> str:
    """Unescape the text of an element. The function in `xml.sax.saxutils` would load a library for the web."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _style_bytes(style: int) -> bytes:
    """Return the number of a style as the sheet has it."""
    return str(style).encode()
