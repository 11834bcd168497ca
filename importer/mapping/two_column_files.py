"""CSV files of two columns: value maps (``old,new``) and simple mappings (``column,SchemaName``)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from importer.mapping.document import Document, KeyPath, UnreadableError
from importer.mapping.findings import MappingFinding

TABLE_SUFFIXES = (".csv", ".tsv")  # a mapping file with another suffix is YAML

_DELIMITERS = ",;\t"
_TWO = 2
_MAPPING_HEADER = ("column", "SchemaName")
_VALUE_MAP_HEADERS = (("old", "new"), ("from", "to"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The two cells of one row, unchanged."""

    line: int
    first: str
    second: str


@dataclass(frozen=True, kw_only=True)
class PairTable:
    """The content of one file. ``findings``: rows that do not have two cells, and repeated first cells."""

    header: Pair
    pairs: tuple[Pair, ...]
    findings: tuple[MappingFinding, ...]


def read_pairs(text: str) -> PairTable:
    """Read a header and rows of two cells, separated by comma, semicolon or tab.

    Raises UnreadableError if the text is not valid CSV, or its header does not have two cells.
    """
    if not text.strip():
        raise UnreadableError("the file is empty; it needs a header and rows of two cells")
    rows = iter(_rows(text))
    line, header = next(rows, (1, []))
    if len(header) != _TWO:
        raise UnreadableError(
            f"the header has {_counted(len(header))} instead of two; separate two columns by a comma or semicolon", line
        )
    pairs: dict[str, Pair] = {}
    findings = []
    for number, cells in rows:
        if len(cells) != _TWO:
            wrong = f"this row has {_counted(len(cells))} instead of two; put a cell with a separator in it in quotes"
            findings.append(MappingFinding(number, wrong))
        elif cells[0] in pairs:
            wrong = f"{cells[0]!r} is written twice, first in line {pairs[cells[0]].line}; remove one of them"
            findings.append(MappingFinding(number, wrong))
        else:
            pairs[cells[0]] = Pair(line=number, first=cells[0], second=cells[1])
    first = Pair(line=line, first=header[0], second=header[1])
    return PairTable(header=first, pairs=tuple(pairs.values()), findings=tuple(findings))


def mapping_document(table: PairTable) -> Document:
    """Return the document of a table ``column,SchemaName``; a column without a SchemaName is ignored.

    Raises UnreadableError for another header: the file may have none, and its first column would be lost.
    """
    if wrong := _header_error(table.header, _MAPPING_HEADER):
        raise UnreadableError(wrong.text, wrong.line)
    mapped = [pair for pair in table.pairs if pair.second.strip()]
    ignored = [pair for pair in table.pairs if not pair.second.strip()]
    lines: dict[KeyPath, int] = {(): table.header.line}
    lines |= {("columns", pair.first): pair.line for pair in mapped}
    lines |= {("ignore", index): pair.line for index, pair in enumerate(ignored)}
    data = {
        "version": "1",
        "columns": {pair.first: pair.second for pair in mapped},
        "ignore": [pair.first for pair in ignored],
    }
    return Document(data=data, lines=lines, findings=table.findings)


def value_map_errors(table: PairTable) -> list[MappingFinding]:
    """Return every error of a value map, whose header must be ``old,new`` or ``from,to``."""
    wrong_header = _header_error(table.header, *_VALUE_MAP_HEADERS)
    findings = [*([wrong_header] if wrong_header else []), *table.findings]
    for pair in table.pairs:
        if not pair.second:  # an unfinished list must not empty cells unnoticed
            text = (
                f"{pair.first!r} has no new value; to make its cells empty, remove this row and write"
                f' `{pair.first!r}: ""` under `values`'
            )
            findings.append(MappingFinding(pair.line, text))
    if not table.pairs and not findings:
        findings = [MappingFinding(table.header.line, "there are no rows below the header; add rows `old,new`")]
    return findings


def _header_error(header: Pair, *expected: tuple[str, str]) -> MappingFinding | None:
    if (_letters(header.first), _letters(header.second)) in [tuple(map(_letters, each)) for each in expected]:
        return None
    text = f"the header must be `{','.join(expected[0])}`, not {header.first!r} and {header.second!r}"
    return MappingFinding(header.line, text)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank, with its line and without the empty cells that spreadsheets append."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    line = 1
    try:
        for cells in reader:
            while len(cells) > _TWO and not cells[-1].strip():
                cells.pop()
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableError(f"not valid CSV: {error}; check the quotes from this line on", line) from None


def _delimiter(text: str) -> str:
    """Return the delimiter that splits the first line into two cells, or else into most cells."""
    first = next((line for line in text.splitlines() if line.strip(_DELIMITERS + " ")), "")
    try:
        counts = {sign: len(next(csv.reader([first.rstrip(sign)], delimiter=sign), [])) for sign in _DELIMITERS}
    except csv.Error:
        return ","
    return next((sign for sign, count in counts.items() if count == _TWO), max(counts, key=lambda sign: counts[sign]))


def _counted(cells: int) -> str:
    return f"{cells} cell" if cells == 1 else f"{cells} cells"


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()
