"""Reads what calamine does not report of an .ods, and removes indents that calamine rejects.

PhpSpreadsheet and LibreOffice's pretty printing indent the XML. Whitespace in a paragraph is text and stays.
"""

from __future__ import annotations

import re
import shutil
import xml.parsers.expat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from xml.sax.xmlreader import AttributesImpl

from importer.manifest.workbooks.containers import changed_copy, open_package
from importer.manifest.workbooks.number_formats import ZeroPadding
from importer.manifest.workbooks.sheet_facts import Area, Position, SheetFacts

_CONTENT, _STYLES = "content.xml", "styles.xml"
_CELLS = ("table:table-cell", "table:covered-table-cell")
_NUMBER_TYPES = frozenset({"float", "percentage", "currency"})
_HIDDEN = frozenset({"collapse", "filter"})
_ERROR = re.compile(r"#(?:N/A|DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!)|Err:[0-9]+")
_DURATION = re.compile(r"(-?)PT(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:[.,]([0-9]+))?S)?")
_BREAKS = {"text:tab": "\t", "text:line-break": "\n"}  # elements in a paragraph, which calamine ignores
_NOTE = "office:annotation"

_START_BYTES = 1 << 20
_INDENT = re.compile(rb">\s+<(?:office|table):")
_PARAGRAPHS = frozenset({"text:p", "text:h"})


def scan_sheet(path: Path, sheet: str) -> SheetFacts:
    """Scan a sheet. Raises DamagedWorkbookError."""
    with open_package(path) as archive:
        formats = _Formats()
        tables = _Tables(formats)
        if _STYLES in archive.namelist():
            _parse(archive, _STYLES, formats, tables)
        _parse(archive, _CONTENT, formats, tables)
        return tables.sheets[sheet]


def _parse(archive: zipfile.ZipFile, part: str, formats: _Formats, tables: _Tables) -> None:
    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        (tables if name == "table:table" or tables.depth else formats).start(name, attributes)

    def end(name: str) -> None:
        (tables if tables.depth else formats).end(name)

    def text(text: str) -> None:
        (tables if tables.depth else formats).text(text)

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    with archive.open(part) as file:
        parser.ParseFile(file)


class _Formats:
    """Cell styles with zero padding. A number style is collected piece by piece as a format code."""

    def __init__(self) -> None:
        self._number_styles: dict[str, ZeroPadding] = {}
        self._cell_styles: dict[str, tuple[str, str]] = {}  # name -> number style, parent
        self._name = ""
        self._pieces: list[str] = []
        self._digits = 0
        self._embedded_texts: dict[int, str] = {}  # by the number of digits after them
        self._embedded_at: int | None = None
        self._text = ""

    def padding(self, style: str) -> ZeroPadding | None:
        """Return the padding of a cell style, or of its nearest parent with a number style."""
        seen = set()
        while style in self._cell_styles and style not in seen:
            seen.add(style)
            number_style, parent = self._cell_styles[style]
            if number_style:
                return self._number_styles.get(number_style)
            style = parent
        return None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._text = ""
        match name:
            case "style:style" if attributes.get("style:family") == "table-cell":
                self._cell_styles[attributes.get("style:name", "")] = (
                    attributes.get("style:data-style-name", ""),
                    attributes.get("style:parent-style-name", ""),
                )
            case "number:number-style" | "number:currency-style" | "number:percentage-style":
                self._name, self._pieces = attributes.get("style:name", ""), []
            case "number:number":
                is_grouped = attributes.get("number:grouping") == "true"
                has_decimals = int(attributes.get("number:decimal-places", "0")) > 0
                digits = int(attributes.get("number:min-integer-digits", "0"))
                self._digits = 0 if is_grouped or has_decimals else digits
                self._embedded_texts = {}
            case "number:embedded-text":
                self._embedded_at = int(attributes.get("number:position", "0"))

    def text(self, text: str) -> None:
        self._text += text

    def end(self, name: str) -> None:
        match name:
            case "number:embedded-text" if self._embedded_at is not None:
                self._embedded_texts[self._embedded_at] = self._embedded_texts.get(self._embedded_at, "") + self._text
            case "number:text":
                self._pieces.append(_literal(self._text))
            case "number:number":
                for left in range(self._digits, 0, -1):
                    self._pieces.append(_literal(self._embedded_texts.get(left, "")) + "0")
            case "number:number-style":
                padding = ZeroPadding.parse("".join(self._pieces))
                if padding is not None:
                    self._number_styles[self._name] = padding
        self._text = ""


def _literal(text: str) -> str:
    """Escape a text for a format code."""
    return "".join(f"\\{character}" for character in text)


class _Tables:
    """Handlers of the elements of sheets. A table inside a cell is ignored."""

    def __init__(self, formats: _Formats) -> None:
        self.sheets: dict[str, SheetFacts] = {}
        self.depth = 0  # of tables inside tables; 0 is outside
        self._facts = SheetFacts()
        self._formats = formats
        self._row = self._column = 0
        self._row_attributes: dict[str, str] = {}
        self._column_styles: list[tuple[int, str]] = []  # (end column, style)
        self._cell: dict[str, str] | None = None
        self._text = ""
        self._has_text = self._has_breaks = False
        self._before_note = "", False, False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self.depth += 1
            if self.depth == 1:
                self._facts, self._row, self._column_styles = SheetFacts(), 0, []
                self.sheets.setdefault(attributes.get("table:name", ""), self._facts)
        elif self.depth > 1:
            return
        elif name == "table:table-column":
            self._add_columns(attributes)
        elif name == "table:table-row":
            self._row_attributes, self._column = attributes, 0
        elif name in _CELLS:
            self._cell, self._text, self._has_text, self._has_breaks = attributes, "", False, False
        else:
            self._start_text(name, attributes)

    def text(self, text: str) -> None:
        self._text += text

    def end(self, name: str) -> None:
        if name == "table:table":
            self.depth -= 1
        elif self.depth > 1:
            return
        elif name == "table:table-row":
            repeated = _count(self._row_attributes, "table:number-rows-repeated")
            if self._row_attributes.get("table:visibility") in _HIDDEN:
                self._facts.hidden_rows.extend(range(self._row, self._row + repeated))
            self._row += repeated
        elif name in _CELLS and self._cell is not None:
            self._add_cell(self._cell)
            self._column += _count(self._cell, "table:number-columns-repeated")
            self._cell = None
        elif name == _NOTE:
            self._text, self._has_text, self._has_breaks = self._before_note

    def _start_text(self, name: str, attributes: dict[str, str]) -> None:
        if name == "text:p":
            self._text += "\n" if self._has_text else ""
            self._has_text = True
        elif name == "text:s":
            self._text += " " * _count(attributes, "text:c")
        elif name in _BREAKS:
            self._text += _BREAKS[name]
            self._has_breaks = True
        elif name == _NOTE:
            self._before_note = self._text, self._has_text, self._has_breaks

    def _add_columns(self, attributes: dict[str, str]) -> None:
        first = self._column_styles[-1][0] if self._column_styles else 0
        end = first + _count(attributes, "table:number-columns-repeated")
        self._column_styles.append((end, attributes.get("table:default-cell-style-name", "")))
        if attributes.get("table:visibility") in _HIDDEN:
            self._facts.hide_columns(first, end - 1)

    def _add_cell(self, cell: dict[str, str]) -> None:
        rows, columns = _count(cell, "table:number-rows-spanned"), _count(cell, "table:number-columns-spanned")
        if rows * columns > 1:
            last_row, last_column = self._row + rows - 1, self._column + columns - 1
            self._facts.merged.append(Area(self._row, self._column, last_row, last_column))
        if "office:value-type" in cell or "table:formula" in cell:
            end_row = self._row + _count(self._row_attributes, "table:number-rows-repeated")
            end_column = self._column + _count(cell, "table:number-columns-repeated")
            for row in range(self._row, end_row):
                for column in range(self._column, end_column):
                    self._add_value(cell, (row, column))

    def _add_value(self, cell: dict[str, str], position: Position) -> None:
        value_type, is_formula = cell.get("office:value-type", ""), "table:formula" in cell
        # Some programs store 0 as the value of a formula with an error.
        if cell.get("calcext:value-type") == "error" or (is_formula and _ERROR.fullmatch(self._text)):
            self._facts.errors[position] = self._text
        elif value_type in _NUMBER_TYPES:
            padding = self._formats.padding(self._style(cell))
            if padding is not None:
                self._facts.padded[position[1], padding].append(position[0])
            self._facts.check_number(position, float(cell.get("office:value", "0")))
        elif is_formula and not value_type and not self._has_text:  # the empty text has a paragraph
            formula = cell["table:formula"].partition("=")[2]
            self._facts.formulas_without_value[position] = f"={formula}"
        elif value_type == "time":
            duration = _duration_text(cell.get("office:time-value", ""))
            if duration is not None:
                self._facts.texts[position] = duration
        elif value_type == "string" and "office:string-value" not in cell and self._has_breaks:
            self._facts.texts[position] = self._text

    def _style(self, cell: dict[str, str]) -> str:
        of_column = next((style for end, style in self._column_styles if self._column < end), "")
        return cell.get("table:style-name") or self._row_attributes.get("table:default-cell-style-name") or of_column


def _count(attributes: dict[str, str], name: str) -> int:
    return int(attributes.get(name, "1"))


def _duration_text(value: str) -> str | None:
    """Write a time of day or a duration, such as PT36H05M00S, as 36:05:00."""
    match = _DURATION.fullmatch(value)
    if match is None:
        return None
    sign, hours, minutes, seconds, fraction = match.groups(default="")
    text = f"{sign}{int(hours or 0):02d}:{int(minutes or 0):02d}:{int(seconds or 0):02d}"
    return f"{text}.{fraction[:6]:0<6}" if fraction.strip("0") else text


@contextmanager
def without_indents(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield the path of the document, or of a temporary copy in ``folder`` without indents.

    Raises DamagedWorkbookError.
    """
    with open_package(path) as archive, archive.open(_CONTENT) as file:
        is_indented = _INDENT.search(file.read(_START_BYTES)) is not None
    if not is_indented:
        yield path
        return
    with changed_copy(path, folder, _write) as copy:
        yield copy


def _write(original: zipfile.ZipFile, copy: zipfile.ZipFile) -> None:
    for name in original.namelist():
        with original.open(name) as source, copy.open(name, "w", force_zip64=True) as target:
            if name == _CONTENT:
                _copy_without_indents(source, target)
            else:
                shutil.copyfileobj(source, target)


def _copy_without_indents(source: IO[bytes], target: IO[bytes]) -> None:
    from xml.sax.saxutils import XMLGenerator  # noqa: PLC0415 - it loads a library for the web, and few files need it

    writer = XMLGenerator(target, "utf-8", short_empty_elements=True)
    open_paragraphs = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal open_paragraphs
        open_paragraphs += name in _PARAGRAPHS
        writer.startElement(name, AttributesImpl(attributes))

    def end(name: str) -> None:
        nonlocal open_paragraphs
        open_paragraphs -= name in _PARAGRAPHS
        writer.endElement(name)

    def text(text: str) -> None:
        if open_paragraphs or text.strip():
            writer.characters(text)

    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    writer.startDocument()
    parser.ParseFile(source)
    writer.endDocument()
