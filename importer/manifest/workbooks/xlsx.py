"""What a sheet of an .xlsx or .xlsm holds besides its values: its XML is gone through as text, or else by a parser.

The text takes a fraction of the parser's time, and is believed only where it proves that nothing was missed: all
spreadsheets write a cell as `<c r="B7" s="3" t="e">`, and of what is looked for there are as many as there are cells
found with it.
"""

from __future__ import annotations

import re
import xml.parsers.expat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from importer.manifest.workbooks.ooxml import Relations, column_index, each_element, is_true, open_package
from importer.manifest.workbooks.sheet_facts import Area, SheetFacts, is_too_large
from importer.manifest.workbooks.styles import Styles

_WORKBOOK = "xl/workbook.xml"
_BLOCK_BYTES = 1 << 22
_DECLARATION = b"<?xml "
_ASCII_INSIDE = (_DECLARATION, b"<worksheet", b"\xef\xbb\xbf<")  # how every encoding but UTF-16 and its kind begins
_BY_NUMBER = frozenset({"n", ""})  # the types of a cell whose value is a number
_TEXTS = frozenset({"str", "inlineStr"})  # those of one whose value is a text of its own

_REFERENCE = rb'<c r="([A-Z]++)([0-9]++)"'
_FORMULA = rb"<f(?:[ /][^<>]*+)?>(?:([^<]*+)</f>)?"
_ERROR = re.compile(rb"=\s*[\"']e[\"']")
_ERROR_CELL = re.compile(_REFERENCE + rb'(?: s="[0-9]++")? t="e"[^<>]*+>(?:' + _FORMULA + rb")?<v>([^<]++)</v>")
_FORMULA_START = re.compile(rb"<f[ />]")
_RARE = re.compile(rb"<[!?f]")  # the beginnings of markup that is no cell, and of a formula
_FORMULA_CELL = re.compile(_REFERENCE + rb"([^<>]*+)>" + _FORMULA + rb"(<v>[^<]|<v[ />]|)")
_HIDDEN_ROW = re.compile(rb"<row [^<>]*?hidden\s*=\s*[\"'](?:1|true)[\"']")
_ROW = re.compile(rb'<row r="([0-9]++)"')
_COLUMNS = re.compile(rb"<col [^<>]*+>")
_MERGED = re.compile(rb'<mergeCell ref="([A-Z]++)([0-9]++):([A-Z]++)([0-9]++)"')
_LONG_NUMBER = re.compile(rb"<v>-?+(?:[0-9]{16}|[0-9.]++[eE]\+?[0-9])[^<]*+</v>")
_LONG_OR_NEGATIVE = re.compile(rb"<v>(?:-|[0-9]{16}|[0-9.]++[eE]\+?[0-9])[^<]*+</v>")
_CELL_START = re.compile(_REFERENCE + rb"([^<>]*+)>")
_FILLED_CELL = re.compile(_REFERENCE + rb"[^<>]*+(?<!/)>")
_DIMENSION = re.compile(rb'<dimension ref="(?:[A-Z]++[0-9]++:)?([A-Z]++)([0-9]++)"')
_HEAD_BYTES = 4096
_NO_STYLE = -1
_TYPE = re.compile(rb' t="([a-zA-Z]*+)"')
_ATTRIBUTES = re.compile(rb'(?: [a-z]++="[^"]*+")*+')
_STYLE = re.compile(rb' s="([0-9]++)"')


def is_surely_small(path: Path, sheet: str) -> bool:
    """Whether a sheet says of itself how large it is, and can be loaded. Raises UnreadableSheetError."""
    with open_package(path) as archive, archive.open(sheet_part(archive, sheet)) as file:
        return _says_small(file.read(_HEAD_BYTES))


def sheet_part(archive: zipfile.ZipFile, sheet: str) -> str:
    """Name the part that a sheet is. Raises LookupError if there is none."""
    return _Book(archive, Relations(archive, _WORKBOOK)).sheets[sheet]


def _says_small(head: bytes) -> bool:
    match = _DIMENSION.search(head, 0, _HEAD_BYTES)
    return match is not None and not is_too_large(int(match[2]), column_index(match[1].decode()) + 1)


def find_facts(path: Path, sheet: str) -> SheetFacts:
    """Go through a sheet. Raises UnreadableSheetError if a part of the workbook is missing or damaged."""
    with open_package(path) as archive:
        relations = Relations(archive, _WORKBOOK)
        book = _Book(archive, relations)
        styles = _read_styles(archive, relations.styles)
        part = book.sheets[sheet]
        facts = scanned(archive, part, styles) or parsed(archive, part, styles)
        facts.stale = facts.stale and book.leaves_computing
        return facts


class _Book:
    """The sheets' parts by their names, and whether formulas are left to the program that opens the workbook next."""

    def __init__(self, archive: zipfile.ZipFile, relations: Relations) -> None:
        self.sheets: dict[str, str] = {}
        self.leaves_computing = False
        self._relations = relations
        each_element(archive, _WORKBOOK, self._see)

    def _see(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            # A sheet without one is damaged; as a missing member is, it is told by a KeyError.
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self.sheets[attributes["name"]] = self._relations.targets[relation]
        elif name == "calcPr":
            self.leaves_computing = is_true(attributes.get("fullCalcOnLoad"))


def _read_styles(archive: zipfile.ZipFile, part: str | None) -> Styles:
    styles = Styles()
    if part is None:
        return styles
    codes: dict[int, str] = {}
    section, count = "", 0

    def see(name: str, attributes: dict[str, str]) -> None:
        nonlocal section, count
        # The same elements stand in other sections, too, with another meaning.
        if name in {"numFmts", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"}:
            section = name
        elif (section, name) == ("numFmts", "numFmt"):
            codes[int(attributes["numFmtId"])] = attributes["formatCode"]
        elif (section, name) == ("cellXfs", "xf"):
            number = int(attributes.get("numFmtId", "0"))
            styles.add(count, number, codes.get(number))
            count += 1

    each_element(archive, part, see)
    return styles


# -- as text ----------------------------------------------------------------------------------------------------------


def scanned(archive: zipfile.ZipFile, part: str, styles: Styles, block_bytes: int = _BLOCK_BYTES) -> SheetFacts | None:
    """Look through a sheet's XML as text; ``None`` if something in it may be written otherwise than is looked for."""
    text = _Text(styles)
    for number, block in enumerate(row_blocks(archive, part, block_bytes)):
        if number == 0 and (not block.startswith(_ASCII_INSIDE) or b"<worksheet" not in block):
            return None
        start = 0 if number else len(_DECLARATION)
        # One search instead of three, each of which goes through the whole text.
        has_rare = _RARE.search(block, start) is not None
        # In a comment, CDATA or the like, what looks like a cell is none.
        if has_rare and (b"<!" in block or block.find(b"<?", start) >= 0):
            return None
        if number == 0:
            text.measures = not _says_small(block)
        if not text.look(block, may_have_formulas=has_rare):
            return None
    return text.facts


def row_blocks(archive: zipfile.ZipFile, part: str, block_bytes: int = _BLOCK_BYTES) -> Iterator[bytes]:
    """Read a part in blocks that end before a row, so that none is torn."""
    with archive.open(part) as file:
        rest = b""
        while more := file.read(block_bytes):
            rest += more
            end = max(rest.rfind(b"<row "), 0)
            if end:
                yield rest[:end]
                rest = rest[end:]
        yield rest


class _Text:
    """Finds what is looked for in blocks of whole rows."""

    def __init__(self, styles: Styles) -> None:
        self.facts = SheetFacts()
        self.measures = True
        self._padding = {_written(style): zeros for style, zeros in styles.padding.items()}
        self._dates = frozenset(_written(style) for style in styles.days if styles.is_date(style))
        self._numbers = _LONG_OR_NEGATIVE if self._dates else _LONG_NUMBER
        numbers = b"|".join(self._padding)
        # Whatever ends so, and not only `s`: a pattern that begins with a letter is searched many times slower.
        attribute = rb"s\s*=\s*[\"'](?:" + numbers + rb")[\"']"
        self._style, self._style_of_row = re.compile(attribute), re.compile(rb"<row\s[^<>]*?" + attribute)
        self._padded = re.compile(_REFERENCE + rb'(?: t="[a-zA-Z]*+")? s="(' + numbers + rb')"')

    def look(self, block: bytes, *, may_have_formulas: bool) -> bool:
        """Note what is in a block; say whether nothing in it can have been missed."""
        if self.measures:
            for letters, row in _FILLED_CELL.findall(block):
                self.facts.reach(int(row) - 1, column_index(letters.decode()))
        return (
            self._look_for_padding(block)
            and self._look_for_errors(block)
            and (not may_have_formulas or self._look_for_formulas(block))
            and self._look_for_hidden(block)
            and self._look_for_merged(block)
            and self._look_for_numbers(block)
        )

    def _look_for_padding(self, block: bytes) -> bool:
        if not self._padding:
            return True
        cells = self._padded.findall(block)
        for letters, row, style in cells:
            self.facts.padded[column_index(letters.decode()), self._padding[style]].append(int(row) - 1)
        others = len(self._style.findall(block)) - len(cells)
        return not others or others == len(self._style_of_row.findall(block))

    def _look_for_errors(self, block: bytes) -> bool:
        if _ERROR.search(block) is None:
            return True
        cells = _ERROR_CELL.findall(block)
        for letters, row, _, shown in cells:
            self.facts.errors[int(row) - 1, column_index(letters.decode())] = _unescaped(shown.decode())
        return len(cells) == len(_ERROR.findall(block))

    def _look_for_formulas(self, block: bytes) -> bool:
        if b"<f" not in block:
            return True
        cells = _FORMULA_CELL.findall(block)
        self.facts.stale |= bool(cells)
        for letters, row, attributes, formula, value in cells:
            kind = _TYPE.search(attributes)
            has_text = len(value) > len(b"<v>")
            if not has_text and _is_unvalued(kind[1].decode() if kind else "", is_there=bool(value)):
                place = int(row) - 1, column_index(letters.decode())
                self.facts.unvalued[place] = f"={_unescaped(formula.decode())}"
        return len(cells) == len(_FORMULA_START.findall(block))

    def _look_for_hidden(self, block: bytes) -> bool:
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

    def _look_for_merged(self, block: bytes) -> bool:
        if b"mergeCell " not in block:
            return True
        for left, top, right, bottom in _MERGED.findall(block):
            first, last = column_index(left.decode()), column_index(right.decode())
            self.facts.merged.append(Area(int(top) - 1, first, int(bottom) - 1, last))
        return True

    def _look_for_numbers(self, block: bytes) -> bool:
        for match in self._numbers.finditer(block):
            cell = _CELL_START.match(block, block.rfind(b"<c ", 0, match.start()))
            if cell is None or _ATTRIBUTES.fullmatch(cell[3]) is None:
                return False
            kind = _TYPE.search(cell[3])
            if kind is None or kind[1].decode() in _BY_NUMBER:
                place = int(cell[2]) - 1, column_index(cell[1].decode())
                style = _STYLE.search(cell[3])
                is_date = style is not None and style[1] in self._dates
                self.facts.note_number(place, float(match[0][len(b"<v>") : -len(b"</v>")]), is_date=is_date)
        return True


def _is_unvalued(kind: str, *, is_there: bool) -> bool:
    """Whether a formula lacks its value, of which there is no text; ``is_there``: but there is an element for it."""
    return kind not in _TEXTS or (kind == "str" and not is_there)  # the empty text has an empty element


def _unescaped(text: str) -> str:
    """The text of an element. `xml.sax.saxutils` has this, too, but loads a library for the web."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _written(style: int) -> bytes:
    """A style's number as the sheet writes it."""
    return str(style).encode()


# -- by a parser ------------------------------------------------------------------------------------------------------


def parsed(archive: zipfile.ZipFile, part: str, styles: Styles) -> SheetFacts:
    """Go through a sheet, whatever way of XML it is written in."""
    sheet = _Parsed(styles)
    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = sheet.start
    parser.EndElementHandler = sheet.end
    parser.CharacterDataHandler = sheet.text
    with archive.open(part) as file:
        parser.ParseFile(file)
    return sheet.facts


class _Parsed:
    """Takes a sheet's elements one by one."""

    def __init__(self, styles: Styles) -> None:
        self.facts = SheetFacts()
        self._styles = styles
        self._row, self._column = -1, -1
        self._style = _NO_STYLE
        self._cell: dict[str, str] = {}
        self._inside = ""
        self._is_filled = False
        self._texts: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "c":
                self._start_cell(attributes)
            case "f" | "v" as inside:
                self._inside, self._is_filled = inside, True
                self._texts[inside] = ""
            case "is":  # a text that is not shared
                self._is_filled = True
            case "row":
                self._row = int(attributes["r"]) - 1 if "r" in attributes else self._row + 1
                self._column = -1
                if is_true(attributes.get("hidden")):
                    self.facts.hidden_rows.append(self._row)
            case "col" if is_true(attributes.get("hidden")):
                self.facts.hide_columns(int(attributes["min"]) - 1, int(attributes["max"]) - 1)
            case "mergeCell":
                first, _, last = attributes["ref"].partition(":")
                self.facts.merged.append(Area(*_place(first), *_place(last or first)))

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
        # A cell without a reference stands behind the one before.
        reference = attributes.get("r")
        self._column = self._column + 1 if reference is None else _place(reference)[1]
        self._cell, self._texts, self._is_filled = attributes, {}, False
        self._style = int(attributes.get("s", _NO_STYLE))
        zeros = self._styles.padding.get(self._style)
        if zeros is not None:
            self.facts.padded[self._column, zeros].append(self._row)

    def _end_cell(self) -> None:
        place, kind, value = (self._row, self._column), self._cell.get("t", ""), self._texts.get("v", "")
        if self._is_filled:
            self.facts.reach(*place)
        if kind == "e" and value:
            self.facts.errors[place] = value
        elif "f" in self._texts and not value and _is_unvalued(kind, is_there="v" in self._texts):
            self.facts.unvalued[place] = f"={self._texts['f']}"
        elif kind in _BY_NUMBER and value:
            self.facts.note_number(place, float(value), is_date=self._styles.is_date(self._style))
        self.facts.stale |= "f" in self._texts


def _place(reference: str) -> tuple[int, int]:
    """Row and column of such as B7."""
    letters = reference.rstrip("0123456789")
    return int(reference[len(letters) :]) - 1, column_index(letters)
