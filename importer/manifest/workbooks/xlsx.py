"""Reads what calamine does not report of a sheet of an .xlsx or .xlsm.

The XML is scanned as text, several times as fast as with a parser. All spreadsheet programs write a cell as
`<c r="B7" s="3" t="e">`. The result is used only if it is proven complete: the scan finds as many such cells as there
are attributes or elements of the kind that it looks for. Otherwise a parser reads the sheet.
"""

from __future__ import annotations

import re
import xml.parsers.expat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from importer.manifest.workbooks.containers import (
    column_index,
    each_element,
    is_true,
    open_package,
    read_relations,
    relations_part,
)
from importer.manifest.workbooks.number_formats import CellStyles
from importer.manifest.workbooks.sheet_facts import Area, Position, SheetFacts

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


_BLOCK_BYTES = 1 << 22
_DECLARATION = b"<?xml "
_ASCII_STARTS = (_DECLARATION, b"<worksheet", b"\xef\xbb\xbf<")  # of every encoding but UTF-16 and UTF-32

_REFERENCE = rb'<c r="([A-Z]++)([0-9]++)"'
_FORMULA = rb"<f(?:[ /][^<>]*+)?>(?:([^<]*+)</f>)?"
_ERROR_TYPE = re.compile(rb"=\s*[\"']e[\"']")
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
        if _ERROR_TYPE.search(block) is None:
            return True
        cells = _ERROR_CELL.findall(block)
        for letters, row, _, shown in cells:
            self.facts.errors[_position_of(letters, row)] = _unescaped(shown.decode())
        return len(cells) == len(_ERROR_TYPE.findall(block))

    def _add_formulas(self, block: bytes) -> bool:
        if b"<f" not in block:
            return True
        cells = _FORMULA_CELL.findall(block)
        self.facts.is_stale |= bool(cells)
        for letters, row, attributes, formula, value in cells:
            cell_type = _TYPE.search(attributes)
            has_text = len(value) > len(b"<v>")
            if not has_text and _lacks_value(cell_type[1].decode() if cell_type else "", has_element=bool(value)):
                self.facts.formulas_without_value[_position_of(letters, row)] = f"={_unescaped(formula.decode())}"
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
            self.facts.merged.append(Area(*_position_of(left, top), *_position_of(right, bottom)))
        return True

    def _add_numbers(self, block: bytes) -> bool:
        for match in self._numbers.finditer(block):
            cell = _CELL_START.match(block, block.rfind(b"<c ", 0, match.start()))
            if cell is None or _ATTRIBUTES.fullmatch(cell[3]) is None:
                return False
            cell_type = _TYPE.search(cell[3])
            if cell_type is None or cell_type[1].decode() in _NUMBER_TYPES:
                style = _STYLE.search(cell[3])
                is_date = style is not None and style[1] in self._dates
                number = float(match[0][len(b"<v>") : -len(b"</v>")])
                self.facts.check_number(_position_of(cell[1], cell[2]), number, is_date=is_date)
        return True


def _position_of(letters: bytes, row: bytes) -> Position:
    return int(row) - 1, column_index(letters.decode())


def _unescaped(text: str) -> str:
    """Unescape the text of an element. The function in `xml.sax.saxutils` would load a library for the web."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _style_bytes(style: int) -> bytes:
    """Return the number of a style as the sheet has it."""
    return str(style).encode()


_NUMBER_TYPES = frozenset({"n", ""})
_TEXT_TYPES = frozenset({"str", "inlineStr"})  # with the text in the cell itself
_NO_STYLE = -1


def scan_elements(archive: zipfile.ZipFile, part: str, styles: CellStyles) -> SheetFacts:
    """Scan a sheet. Raises ExpatError, LookupError or ValueError if it is damaged."""
    sheet = _SheetElements(styles)
    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = sheet.start
    parser.EndElementHandler = sheet.end
    parser.CharacterDataHandler = sheet.text
    with archive.open(part) as file:
        parser.ParseFile(file)
    return sheet.facts


def _lacks_value(cell_type: str, *, has_element: bool) -> bool:
    """Whether a formula has no value, if the text of its value is empty; ``has_element``: there is a `<v>`."""
    return cell_type not in _TEXT_TYPES or (cell_type == "str" and not has_element)


class _SheetElements:
    """Handlers of the elements of a sheet."""

    def __init__(self, styles: CellStyles) -> None:
        self.facts = SheetFacts()
        self._styles = styles
        self._row, self._column = -1, -1
        self._style = _NO_STYLE
        self._cell: dict[str, str] = {}
        self._inside = ""  # the element whose text is collected
        self._texts: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "c":
                self._start_cell(attributes)
            case "f" | "v" as inside:
                self._inside = inside
                self._texts[inside] = ""
            case "row":
                self._row = int(attributes["r"]) - 1 if "r" in attributes else self._row + 1
                self._column = -1
                if is_true(attributes.get("hidden")):
                    self.facts.hidden_rows.append(self._row)
            case "col" if is_true(attributes.get("hidden")):
                self.facts.hide_columns(int(attributes["min"]) - 1, int(attributes["max"]) - 1)
            case "mergeCell":
                first, _, last = attributes["ref"].partition(":")
                self.facts.merged.append(Area(*_position(first), *_position(last or first)))

    def text(self, text: str) -> None:
        if self._inside:
            self._texts[self._inside] += text

    def end(self, name: str) -> None:
        match name.rpartition(":")[2]:
            case "c":
                self._end_cell()
            case "f" | "v":
                self._inside = ""

    def _start_cell(self, attributes: dict[str, str]) -> None:
        # A cell without a reference follows the cell before it.
        reference = attributes.get("r")
        self._column = self._column + 1 if reference is None else _position(reference)[1]
        self._cell, self._texts = attributes, {}
        self._style = int(attributes.get("s", _NO_STYLE))
        padding = self._styles.padding.get(self._style)
        if padding is not None:
            self.facts.padded[self._column, padding].append(self._row)

    def _end_cell(self) -> None:
        position, cell_type, value = (self._row, self._column), self._cell.get("t", ""), self._texts.get("v", "")
        if cell_type == "e" and value:
            self.facts.errors[position] = value
        elif "f" in self._texts and not value and _lacks_value(cell_type, has_element="v" in self._texts):
            self.facts.formulas_without_value[position] = f"={self._texts['f']}"
        elif cell_type in _NUMBER_TYPES and value:
            self.facts.check_number(position, float(value), is_date=self._styles.is_date(self._style))
        self.facts.is_stale |= "f" in self._texts


def _position(reference: str) -> Position:
    """Return the row and the column of a reference such as B7."""
    letters = reference.rstrip("0123456789")
    return int(reference[len(letters) :]) - 1, column_index(letters)
