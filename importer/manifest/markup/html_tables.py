"""Reads tables of web pages (HTML), which many programs name `.xls`."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.delimited.encoding import Encoding, find_encoding
from importer.manifest.header import MAX_COLUMNS, TITLE_ROWS
from importer.manifest.manifest_format import EncodingCertainty, ManifestFormat
from importer.manifest.markup.safe_xml import XmlError
from importer.manifest.markup.table_source import TableFacts, TableRow, TableSource, open_table
from importer.models import ManifestOptions

_BLANKS = re.compile(r"[ \t\n\r\f]+")
_BLOCKS = frozenset(
    """
    address article aside blockquote center dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr
    li main nav ol p section summary ul
    """.split()  # noqa: SIM905 - shorter
)
_KEPT = frozenset({"pre", "textarea", "listing", "xmp"})
_UNSEEN = frozenset({"script", "style", "template", "noscript", "head", "title"})
_NO_BREAK_SPACE = "\xa0"


class CellContent:
    """Collects the content of one cell: runs of blanks are one blank, and `<br>` and paragraphs break the line."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._kept = 0
        self._unseen = 0

    def start(self, tag: str) -> None:
        """Take the start of an element."""
        if tag == "br":
            self._break()
        elif tag in _BLOCKS:
            self._break(only_after_text=True)
        elif tag in _KEPT:
            self._break(only_after_text=True)
            self._kept += 1
        elif tag in _UNSEEN:
            self._unseen += 1

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        if tag in _BLOCKS:
            self._break(only_after_text=True)
        elif tag in _KEPT and self._kept:
            self._break(only_after_text=True)
            self._kept -= 1
        elif tag in _UNSEEN and self._unseen:
            self._unseen -= 1

    def text(self, text: str) -> None:
        """Take text."""
        if not self._unseen:
            self._line.append(text if self._kept else _BLANKS.sub(" ", text))

    def result(self) -> str:
        """Return the text; a cell with only no-break spaces is empty, as programs write them into empty cells."""
        self._break()
        text = "\n".join(self._lines).strip("\n")
        return "" if not text.strip(f" {_NO_BREAK_SPACE}") else text

    def _break(self, *, only_after_text: bool = False) -> None:
        line = "".join(self._line)
        if not self._kept:
            line = re.sub(" {2,}", " ", line).strip(" ")
        if line or not only_after_text:
            self._lines.append(line)
        self._line = []


_BLOCK_CHARS = 1 << 16
_MAX_TAG_CHARS = 1 << 22  # of markup that is not closed
_MAX_CHARS = 1 << 24  # of one row
_MAX_TABLES = 10_000
_MAX_NESTED = 50
_START_BYTES = 1 << 14
_CHARSET = re.compile(
    rb"<(?:meta\b[^>]*?\bcharset|\?xml[^>]*?\sencoding)\s*=\s*[\"']?\s*([A-Za-z][\w.:-]{0,40})", re.IGNORECASE
)
# Browsers read these as the Windows code page, whose signs they lack.
_LATIN = frozenset({"iso8859-1", "ascii"})
_NAME_SPACES = re.compile(r"\s+")


@dataclass(kw_only=True)
class _Table:
    """An open table of the page. ``spans``: column -> rows that a cell above still covers."""

    index: int
    facts: TableFacts
    row: TableRow | None = None
    cell: CellContent | None = None
    width: int = 1  # columns of the open cell
    spans: dict[int, int] = field(default_factory=dict)
    new_spans: dict[int, int] = field(default_factory=dict)
    spanning_cells: int = 0

    def end_row(self) -> TableRow | None:
        """Return the open row; ``None`` if there is none."""
        row, self.row = self.row, None
        if row is not None:
            self.spans = {at: left - 1 for at, left in self.spans.items() if left > 1} | self.new_spans
            self.new_spans = {}
        return row

    def start_cell(self, row: TableRow, attributes: dict[str, str | None]) -> bool:
        """Open a cell; return whether the row still has no more columns than a table may have."""
        cells = row.cells
        while self.spans.get(len(cells)):
            cells.append("")
        self.width = _span(attributes.get("colspan"))
        height = _span(attributes.get("rowspan"))
        if height > 1:
            self.spanning_cells += 1
            self.new_spans |= dict.fromkeys(range(len(cells), len(cells) + self.width), height - 1)
        self.cell = CellContent()
        return len(cells) + self.width <= MAX_COLUMNS

    def end_cell(self) -> None:
        """Close the open cell, if there is one."""
        if self.cell is not None and self.row is not None:
            self.row.cells += [self.cell.result(), *[""] * (self.width - 1)]
        self.cell = None

    def notes(self) -> list[str]:
        """Return what users should know about the table."""
        if not self.spanning_cells:
            return []
        cells = f"{self.spanning_cells:,} cell{'s' if self.spanning_cells > 1 else ''}"
        return [f"{cells} over several rows: the first row has the value, and the others are empty"]


class _Page(HTMLParser):
    """Collects the rows of one table, or with ``wanted`` None the first rows of all.

    End tags may be missing. Text of a table inside a cell belongs to that cell, too.
    """

    def __init__(self, wanted: int | None, sample_rows: int) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[TableFacts] = []
        self.is_cut_off = False
        self._wanted = wanted
        self._sample_rows = sample_rows
        self._done: list[TableRow] = []
        self._open: list[_Table] = []
        self._caption: list[str] | None = None
        self._chars = 0

    def taken(self) -> list[TableRow]:
        """Return the rows since the last call."""
        done, self._done = self._done, []
        return done

    def read(self, block: str) -> None:
        """Read on. Raises XmlError if a tag or comment does not end."""
        try:
            self.feed(block)
        except AssertionError:  # of the library, for a section in brackets that it does not know
            raise self._error("there is markup that can't be read") from None
        if len(self.rawdata) > _MAX_TAG_CHARS:
            raise self._error(f"a tag, comment or script has more than {_MAX_TAG_CHARS:,} characters")

    def _error(self, text: str) -> XmlError:
        return XmlError(f"{text} in line {self.getpos()[0]}")

    def finish(self) -> None:
        """Close what the page leaves open."""
        self.close()
        self.is_cut_off = bool(self._open)
        while self._open:
            self._end_table()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        if tag == "table":
            self._start_table(dict(attrs))
        elif not self._open:
            return
        elif tag in {"td", "th"}:
            self._start_cell(dict(attrs))
        elif tag == "tr":
            self._start_row()
        elif tag in {"thead", "tbody", "tfoot"}:
            self._end_row()
            self._open[-1].spans.clear()
        elif tag == "caption":
            self._caption = []
        else:
            for table in self._open:
                if table.cell is not None:
                    table.cell.start(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if not self._open:
            return
        if tag == "table":
            self._end_table()
        elif tag in {"td", "th"}:
            self._end_cell()
        elif tag in {"tr", "thead", "tbody", "tfoot"}:
            self._end_row()
        elif tag == "caption":
            self._end_caption()
        else:
            for table in self._open:
                if table.cell is not None:
                    table.cell.end(tag)

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._caption is not None:
            self._caption.append(data)
            return
        for table in self._open:
            if table.cell is not None:
                table.cell.text(data)
                self._count(len(data))

    def _count(self, chars: int) -> None:
        self._chars += chars
        if self._chars > _MAX_CHARS:
            raise self._error(f"a row has more than {_MAX_CHARS:,} characters")

    def _start_table(self, attributes: dict[str, str | None]) -> None:
        if len(self._open) >= _MAX_NESTED or len(self.tables) >= _MAX_TABLES:
            raise self._error(f"more than {_MAX_TABLES:,} tables, or {_MAX_NESTED} in one another,")
        name = _NAME_SPACES.sub(" ", attributes.get("id") or attributes.get("summary") or "").strip()
        number = len(self.tables) + 1
        facts = TableFacts(name=name or f"Table {number}", has_name=bool(name))
        self.tables.append(facts)
        self._open.append(_Table(index=number - 1, facts=facts))

    def _end_table(self) -> None:
        self._end_row()
        table = self._open.pop()
        table.facts.notes += table.notes()
        if self._open and (cell := self._open[-1].cell) is not None:
            cell.start("div")

    def _end_caption(self) -> None:
        caption = _NAME_SPACES.sub(" ", "".join(self._caption or ())).strip()
        self._caption = None
        if caption and self._open and not self._open[-1].facts.has_name:
            self._open[-1].facts.name, self._open[-1].facts.has_name = caption, True

    def _start_row(self) -> TableRow:
        self._end_row()
        self._open[-1].row = row = TableRow(cells=[])
        self._chars = 0
        return row

    def _end_row(self) -> None:
        self._end_cell()
        table = self._open[-1]
        row = table.end_row()
        if row is None:
            return
        if self._wanted == table.index:
            self._done.append(row)
        elif self._wanted is None and len(table.facts.sample) < self._sample_rows:
            table.facts.sample.append(row)
        for outer in self._open[:-1]:
            if outer.cell is not None:
                outer.cell.start("div")

    def _start_cell(self, attributes: dict[str, str | None]) -> None:
        table = self._open[-1]
        self._end_cell()
        if not table.start_cell(table.row or self._start_row(), attributes):
            raise self._error(f"a row has more than {MAX_COLUMNS:,} columns")
        for outer in self._open[:-1]:
            if outer.cell is not None:
                outer.cell.text(" ")

    def _end_cell(self) -> None:
        self._caption = None
        self._open[-1].end_cell()


def _span(text: str | None) -> int:
    """Return how many columns or rows a cell covers, as browsers read it."""
    found = re.match(r"\s*([0-9]{1,5})", text or "")
    return max(min(int(found[1]), MAX_COLUMNS), 1) if found else 1


@dataclass(frozen=True, kw_only=True)
class _HtmlTables:
    """The tables of a page."""

    path: Path
    encoding: Encoding
    header_row: int

    def facts(self) -> list[TableFacts]:
        """Read the names and the first rows of all tables; equal names get numbers."""
        page = _Page(None, self.header_row + TITLE_ROWS)
        for _ in self._parse(page):
            pass
        taken: set[str] = set()
        for each in page.tables:
            name, number = each.name, 1
            while each.name in taken:
                number += 1
                each.name = f"{name} ({number})"
            taken.add(each.name)
        if page.is_cut_off and page.tables:
            page.tables[-1].notes.append("the page ends inside a table: if the file is cut off there, rows are missing")
        return page.tables

    def rows(self, index: int) -> Iterator[TableRow]:
        """Yield the rows of one table."""
        page = _Page(index, 0)
        for _ in self._parse(page):
            yield from page.taken()

    def _parse(self, page: _Page) -> Iterator[None]:
        with self.encoding.open(self.path) as text:
            while block := text.read(_BLOCK_CHARS):
                page.read(block)
                yield
        page.finish()
        yield


def _find_html_encoding(path: Path, wanted: str | None, file_name: str) -> Encoding:
    """Return the encoding: that of the mapping, else that of the page itself. Raises ManifestError."""
    if wanted is not None:
        return find_encoding(path, wanted, file_name)
    with path.open("rb") as file:
        declared = _CHARSET.search(file.read(_START_BYTES))
    name = _codec(declared[1].decode()) if declared else None
    if name is None or name.startswith("utf"):
        return find_encoding(path, None, file_name)
    try:
        encoding = find_encoding(path, "cp1252" if name in _LATIN else name, file_name)
    except ManifestError:
        return find_encoding(path, None, file_name)  # pages often name a wrong one
    return replace(encoding, certainty=EncodingCertainty.CERTAIN)


def _codec(name: str) -> str | None:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def open_html(path: Path, options: ManifestOptions, expected: Collection[str], file_name: str) -> TableSource:
    """Choose the table and find its header. Raises ManifestError if there is none."""
    encoding = _find_html_encoding(path, options.encoding, file_name)

    file_format = ManifestFormat(
        name="HTML table",
        encoding=encoding.codec,
        bom=bool(encoding.bom),
        certainty=encoding.certainty,
        has_only_texts=True,
        warnings=encoding.warnings,
    )
    tables = _HtmlTables(path=path, encoding=encoding, header_row=options.header_row)
    return open_table(tables, options, expected, file_name, file_format)
