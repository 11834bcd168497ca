"""Scans a sheet of an .xlsx with an XML parser, however its XML is written."""

from __future__ import annotations

import xml.parsers.expat
import zipfile

from importer.manifest.workbooks.cell_styles import CellStyles
from importer.manifest.workbooks.ooxml import column_index, is_true
from importer.manifest.workbooks.sheet_facts import Area, Position, SheetFacts

NUMBER_TYPES = frozenset({"n", ""})
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


def lacks_value(cell_type: str, *, has_element: bool) -> bool:
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
        elif "f" in self._texts and not value and lacks_value(cell_type, has_element="v" in self._texts):
            self.facts.formulas_without_value[position] = f"={self._texts['f']}"
        elif cell_type in NUMBER_TYPES and value:
            self.facts.check_number(position, float(value), is_date=self._styles.is_date(self._style))
        self.facts.is_stale |= "f" in self._texts


def _position(reference: str) -> Position:
    """Return the row and the column of a reference such as B7."""
    letters = reference.rstrip("0123456789")
    return int(reference[len(letters) :]) - 1, column_index(letters)
