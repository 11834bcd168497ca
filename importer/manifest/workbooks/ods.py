"""What a sheet of an .ods holds besides its values: formats that pad, errors, durations, breaks, what is hidden."""

from __future__ import annotations

import re
import xml.parsers.expat
import zipfile
from pathlib import Path

from importer.manifest.workbooks.ooxml import open_package
from importer.manifest.workbooks.sheet_facts import Area, SheetFacts
from importer.manifest.workbooks.zero_padding import ZeroPadding

_CONTENT, _STYLES = "content.xml", "styles.xml"
_CELLS = ("table:table-cell", "table:covered-table-cell")
_NUMBERS = frozenset({"float", "percentage", "currency"})
_HIDDEN = frozenset({"collapse", "filter"})
_ERROR = re.compile(r"#(?:N/A|DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!)|Err:[0-9]+")
_DURATION = re.compile(r"(-?)PT(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:[.,]([0-9]+))?S)?")
_BREAKS = {"text:tab": "\t", "text:line-break": "\n"}  # within a paragraph; to calamine they are nothing
_NOTE = "office:annotation"
_MOST_REPEATED = 1 << 20  # a sheet has no more rows


def find_facts(path: Path) -> dict[str, SheetFacts]:
    """Go through all sheets, by their names. Raises UnreadableSheetError if a part is missing or damaged."""
    with open_package(path) as archive:
        formats = _Formats()
        if _STYLES in archive.namelist():
            _parse(archive, _STYLES, formats, None)
        tables = _Tables(formats)
        _parse(archive, _CONTENT, formats, tables)
        return tables.sheets


def _parse(archive: zipfile.ZipFile, part: str, formats: _Formats, tables: _Tables | None) -> None:
    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        if tables is not None and (name == "table:table" or tables.inside):
            tables.start(name, attributes)
        else:
            formats.start(name, attributes)

    def end(name: str) -> None:
        if tables is not None and tables.inside:
            tables.end(name)
        else:
            formats.end(name)

    def text(text: str) -> None:
        (tables if tables is not None and tables.inside else formats).text(text)

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    with archive.open(part) as file:
        parser.ParseFile(file)


class _Formats:
    """The cell styles that pad. Of a number style, its text before and behind the digits and between them."""

    def __init__(self) -> None:
        self._numbers: dict[str, ZeroPadding] = {}
        self._cells: dict[str, tuple[str, str]] = {}  # style -> number style, parent
        self._name = ""
        self._pieces: list[str] = []
        self._digits = 0
        self._between: dict[int, str] = {}
        self._place: int | None = None
        self._text = ""

    def padding(self, style: str) -> ZeroPadding | None:
        """The format of a cell style, or of the one that it is made from."""
        seen = set()
        while style in self._cells and style not in seen:
            seen.add(style)
            number, parent = self._cells[style]
            if number:
                return self._numbers.get(number)
            style = parent
        return None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._text = ""
        match name:
            case "style:style" if attributes.get("style:family") == "table-cell":
                self._cells[attributes.get("style:name", "")] = (
                    attributes.get("style:data-style-name", ""),
                    attributes.get("style:parent-style-name", ""),
                )
            case "number:number-style" | "number:currency-style" | "number:percentage-style":
                self._name, self._pieces = attributes.get("style:name", ""), []
            case "number:number":
                grouped = attributes.get("number:grouping") == "true"
                broken = int(attributes.get("number:decimal-places", "0")) > 0
                self._digits = 0 if grouped or broken else int(attributes.get("number:min-integer-digits", "0"))
                self._between = {}
            case "number:embedded-text":
                self._place = int(attributes.get("number:position", "0"))

    def text(self, text: str) -> None:
        self._text += text

    def end(self, name: str) -> None:
        match name:
            case "number:embedded-text" if self._place is not None:
                self._between[self._place] = self._between.get(self._place, "") + self._text
            case "number:text":
                self._pieces.append(_literal(self._text))
            case "number:number":
                for left in range(self._digits, 0, -1):
                    self._pieces.append(_literal(self._between.get(left, "")) + "0")
            case "number:number-style":
                zeros = ZeroPadding.parse("".join(self._pieces))
                if zeros is not None:
                    self._numbers[self._name] = zeros
        self._text = ""


def _literal(text: str) -> str:
    """A text within a format, so that no character of it has a meaning."""
    return "".join(f"\\{character}" for character in text)


class _Tables:
    """Takes the elements of the sheets, one by one."""

    def __init__(self, formats: _Formats) -> None:
        self.sheets: dict[str, SheetFacts] = {}
        self.facts = SheetFacts()
        self.inside = 0  # tables, one within another
        self._formats = formats
        self._row = self._column = 0
        self._row_attributes: dict[str, str] = {}
        self._column_styles: list[tuple[int, str]] = []  # of the columns up to which, not included
        self._cell: dict[str, str] | None = None
        self._text = ""
        self._has_text = self._has_breaks = False
        self._before_note = "", False, False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self.inside += 1
            if self.inside == 1:
                self.facts, self._row, self._column_styles = SheetFacts(), 0, []
                self.sheets.setdefault(attributes.get("table:name", ""), self.facts)
        elif self.inside > 1:
            return
        elif name == "table:table-column":
            self._see_columns(attributes)
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
            self.inside -= 1
        elif self.inside > 1:
            return
        elif name == "table:table-row":
            repeated = _count(self._row_attributes, "table:number-rows-repeated")
            if self._row_attributes.get("table:visibility") in _HIDDEN:
                self.facts.hidden_rows.extend(range(self._row, self._row + repeated))
            self._row += repeated
        elif name in _CELLS and self._cell is not None:
            self._see_cell(self._cell)
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

    def _see_columns(self, attributes: dict[str, str]) -> None:
        first = self._column_styles[-1][0] if self._column_styles else 0
        end = first + _count(attributes, "table:number-columns-repeated")
        self._column_styles.append((end, attributes.get("table:default-cell-style-name", "")))
        if attributes.get("table:visibility") in _HIDDEN:
            self.facts.hide_columns(first, end - 1)

    def _see_cell(self, cell: dict[str, str]) -> None:
        rows, columns = _count(cell, "table:number-rows-spanned"), _count(cell, "table:number-columns-spanned")
        if rows * columns > 1:
            last_row, last_column = self._row + rows - 1, self._column + columns - 1
            self.facts.merged.append(Area(self._row, self._column, last_row, last_column))
        if "office:value-type" in cell or "table:formula" in cell or self._text:
            rows = _count(self._row_attributes, "table:number-rows-repeated")
            columns = _count(cell, "table:number-columns-repeated")
            self.facts.reach(self._row + rows - 1, self._column + columns - 1)
            if not self.facts.is_too_large:  # what is repeated so often is not to be written out
                self._see_value(
                    cell, [(self._row + row, self._column + column) for row in range(rows) for column in range(columns)]
                )

    def _see_value(self, cell: dict[str, str], places: list[tuple[int, int]]) -> None:
        kind, is_formula = cell.get("office:value-type", ""), "table:formula" in cell
        # Some programs say that a formula with an error has the value 0.
        if cell.get("calcext:value-type") == "error" or (is_formula and _ERROR.fullmatch(self._text)):
            self.facts.errors |= dict.fromkeys(places, self._text)
        elif kind in _NUMBERS:
            zeros = self._formats.padding(self._style(cell))
            for place in places:
                if zeros is not None:
                    self.facts.padded[place[1], zeros].append(place[0])
                self.facts.note_number(place, float(cell.get("office:value", "0")))
        elif is_formula and not kind and not self._has_text:  # one whose value is the empty text has a paragraph
            formula = cell["table:formula"].partition("=")[2]
            self.facts.unvalued |= dict.fromkeys(places, f"={formula}")
        elif kind == "time":
            duration = _duration_text(cell.get("office:time-value", ""))
            if duration is not None:
                self.facts.others |= dict.fromkeys(places, duration)
        elif kind == "string" and "office:string-value" not in cell and self._has_breaks:
            self.facts.others |= dict.fromkeys(places, self._text)

    def _style(self, cell: dict[str, str]) -> str:
        column = next((style for end, style in self._column_styles if self._column < end), "")
        return cell.get("table:style-name") or self._row_attributes.get("table:default-cell-style-name") or column


def _count(attributes: dict[str, str], name: str) -> int:
    count = int(attributes.get(name, "1"))
    if not 1 <= count <= _MOST_REPEATED:
        raise ValueError(f"{name} is {count}")
    return count


def _duration_text(value: str) -> str | None:
    """Write a time of day or a duration, such as PT36H05M00S, as 36:05:00."""
    match = _DURATION.fullmatch(value)
    if match is None:
        return None
    sign, hours, minutes, seconds, fraction = match.groups(default="")
    text = f"{sign}{int(hours or 0):02d}:{int(minutes or 0):02d}:{int(seconds or 0):02d}"
    return f"{text}.{fraction[:6]:0<6}" if fraction.strip("0") else text
