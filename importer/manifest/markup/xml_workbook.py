"""Reads workbooks of Excel 2003 in XML (SpreadsheetML), which many programs name `.xls`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from importer.manifest.delimited.encoding import Encoding
from importer.manifest.header import MAX_COLUMNS, TITLE_ROWS
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.markup.safe_xml import SafeXml, XmlError, find_xml_encoding
from importer.manifest.markup.table_source import TableFacts, TableRow, TableSource, open_table
from importer.manifest.workbooks.cell_text import number_text
from importer.models import ManifestOptions

_MAX_ROWS = 1 << 20
_MAX_CHARS = 1 << 24  # of one row
_EXACT_DIGITS = 15
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_FIRST_DAYS = (dt.date(1899, 12, 30), dt.date(1899, 12, 31))  # of Excel: a time without a date


@dataclass(frozen=True, kw_only=True)
class _XmlTables:
    """The sheets of a workbook."""

    path: Path
    encoding: Encoding
    file_name: str
    header_row: int

    def facts(self) -> list[TableFacts]:
        """Read the names and the first rows of all sheets."""
        reader = _Reader(None, self.header_row + TITLE_ROWS)
        for _ in self._parse(reader):
            reader.taken()
        for facts in reader.sheets:
            if facts.hidden_rows:
                rows = f"{facts.hidden_rows:,} hidden row{'s' if facts.hidden_rows > 1 else ''}"
                facts.notes.append(f"{rows}; hidden cells are imported like all others")
        return list(reader.sheets)

    def rows(self, index: int) -> Iterator[TableRow]:
        """Yield the rows of one sheet."""
        reader = _Reader(index, 0)
        for _ in self._parse(reader):
            yield from reader.taken()

    def _parse(self, reader: _Reader) -> Iterator[None]:
        with self.encoding.open(self.path) as text:
            parser = SafeXml(reader, self.file_name)
            reader.parser = parser
            yield from parser.parse(text)


@dataclass(kw_only=True)
class _SheetFacts(TableFacts):
    hidden_rows: int = 0


class _Reader:
    """Collects the rows of one sheet, or with ``wanted`` None the first rows of all.

    ``ss:Index`` and spans leave out rows and cells. Only the first of merged cells has a value.
    """

    parser: SafeXml

    def __init__(self, wanted: int | None, sample_rows: int) -> None:
        self.sheets: list[_SheetFacts] = []
        self._wanted = wanted
        self._sample_rows = sample_rows
        self._done: list[TableRow] = []
        self._open: list[str] = []
        self._last_row = 0
        self._next_row = 1
        self._row: TableRow | None = None
        self._type = ""
        self._has_data = False
        self._texts: list[str] = []
        self._formula = ""
        self._after = 0  # cells that the current one covers
        self._chars = 0

    def taken(self) -> list[TableRow]:
        """Return the rows since the last call."""
        done, self._done = self._done, []
        return done

    def start(self, name: str, attributes: list[str]) -> None:
        """Open an element; prefixes of names mean nothing here."""
        local = name.rpartition(":")[2]
        parent = self._open[-1] if self._open else ""
        self._open.append(local)
        if local == "Data" and parent == "Cell" and self._row is not None:
            self._type = _attribute(attributes, "Type") or "String"
            self._has_data = True
        elif local == "Cell" and parent == "Row" and self._row is not None:
            self._start_cell(attributes)
        elif local == "Row" and parent == "Table":
            self._start_row(attributes)
        elif local == "Worksheet":
            name = _attribute(attributes, "Name") or f"Sheet {len(self.sheets) + 1}"
            self.sheets.append(_SheetFacts(name=name, has_name=True))
            self._last_row, self._next_row = 0, 1
        elif local == "Visible":
            self._texts = []

    def end(self, _name: str) -> None:
        """Close the element."""
        local = self._open.pop()
        if local == "Cell" and self._row is not None and self._open[-1] == "Row":
            self._end_cell(self._row)
        elif local == "Row" and self._row is not None:
            if self._wanted is None:
                self.sheets[-1].sample.append(self._row)
            else:
                self._done.append(self._row)
            self._row = None
        elif local == "Visible" and self.sheets and "".join(self._texts).strip() in {"SheetHidden", "SheetVeryHidden"}:
            self.sheets[-1].is_hidden = True

    def text(self, text: str) -> None:
        """Take the text of a cell, also with formats of single words in it."""
        self._chars += len(text)
        if self._chars > _MAX_CHARS:
            raise XmlError(f"a row has more than {_MAX_CHARS:,} characters in line {self.parser.line}")
        is_of_cell = self._has_data and "Data" in self._open and "Comment" not in self._open
        if is_of_cell or (self._open and self._open[-1] == "Visible"):
            self._texts.append(text)

    def _start_row(self, attributes: list[str]) -> None:
        sheet = self.sheets[-1] if self.sheets else None
        number = self._number(_attribute(attributes, "Index"), self._next_row, _MAX_ROWS)
        blank_rows = number - self._last_row - 1
        self._last_row = number
        self._next_row = number + 1 + self._number(_attribute(attributes, "Span"), 0, _MAX_ROWS)
        self._chars = 0
        if sheet is None:
            return
        if self._wanted is None and _attribute(attributes, "Hidden") == "1":
            sheet.hidden_rows += 1
        is_wanted = (
            len(sheet.sample) < self._sample_rows if self._wanted is None else self._wanted == len(self.sheets) - 1
        )
        if is_wanted:
            self._row = TableRow(cells=[], blank_rows=blank_rows)
        self._after = 0

    def _start_cell(self, attributes: list[str]) -> None:
        assert self._row is not None
        cells = self._row.cells
        at = self._number(_attribute(attributes, "Index"), len(cells) + self._after + 1, MAX_COLUMNS)
        cells += [""] * (at - 1 - len(cells))
        self._after = self._number(_attribute(attributes, "MergeAcross"), 0, MAX_COLUMNS)
        self._formula = _attribute(attributes, "Formula") or ""
        self._has_data = False
        self._texts = []

    def _end_cell(self, row: TableRow) -> None:
        text = "".join(self._texts)
        if self._has_data and self._type == "Error":
            row.faults[len(row.cells)] = "cell-error", f"the error {text}"
            text = ""
        elif self._formula and not self._has_data:
            row.faults[len(row.cells)] = "formula-without-value", f"the formula {self._formula} without a stored value"
        row.cells.append(_cell_text(self._type, text) if self._has_data else "")
        self._has_data = False

    def _number(self, text: str | None, least: int, most: int) -> int:
        """Return a position, which never goes back."""
        if text is None:
            return least
        number = int(text) if text.isascii() and text.isdigit() and len(text) < len(str(most)) + 1 else -1
        if not least <= number <= most:
            raise XmlError(f"the position {text!r} is impossible in line {self.parser.line}")
        return number


def _attribute(attributes: list[str], name: str) -> str | None:
    """Return the value of an attribute, with any prefix."""
    for at in range(0, len(attributes), 2):
        if attributes[at].rpartition(":")[2] == name:
            return attributes[at + 1]
    return None


def _cell_text(kind: str, text: str) -> str:
    """Return a cell's text as for other workbooks: numbers without exponent, dates in ISO 8601, TRUE or FALSE."""
    if kind == "Number":
        return _number_text(text.strip())
    if kind == "Boolean":
        return {"1": "TRUE", "0": "FALSE"}.get(text.strip(), text)
    if kind == "DateTime":
        return _date_text(text)
    return text


def _number_text(text: str) -> str:
    plain = _PLAIN_NUMBER.fullmatch(text)
    if plain is not None and (not plain[1] or sum(map(str.isdigit, text)) <= _EXACT_DIGITS):
        return text
    try:
        return number_text(float(text))
    except (ValueError, OverflowError):
        return text


def _date_text(text: str) -> str:
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return text
    if moment.date() in _FIRST_DAYS:
        return moment.time().isoformat()
    return moment.date().isoformat() if moment.time() == dt.time() else moment.isoformat()


def open_xml_workbook(path: Path, options: ManifestOptions, expected: Collection[str], file_name: str) -> TableSource:
    """Choose the sheet and find its header. Raises ManifestError if there is none, or if the file is not XML."""
    encoding = find_xml_encoding(path, options.encoding, file_name)

    tables = _XmlTables(path=path, encoding=encoding, file_name=file_name, header_row=options.header_row)
    return open_table(tables, options, expected, file_name, ManifestFormat(name="Excel 2003 XML"))
