"""Files of two columns, as a spreadsheet saves them: for value maps, and for whole mappings of the simplest kind."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from importer.mapping.findings import MappingFinding
from importer.mapping.yaml_source import Document, Place, UnreadableError

ENDINGS = (".csv", ".tsv")  # what is not YAML, by the file's name

_DELIMITERS = ",;\t"
_TWO = 2
_MAPPING_HEADER = ("column", "SchemaName")
_VALUES_HEADERS = (("old", "new"), ("from", "to"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A line of the file: both its cells, exactly as they are."""

    line: int
    first: str
    second: str


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The header and what stands below it; ``findings``: lines that are no pairs, and names that are there twice."""

    header: Pair
    pairs: tuple[Pair, ...]
    findings: tuple[MappingFinding, ...]


def read_pairs(text: str) -> Pairs:
    """Read a file with a header and two columns, parted by commas, semicolons or tabs.

    Raises UnreadableError where it can't be read so.
    """
    rows = iter(_rows(text))
    line, cells = next(rows, (1, []))
    if len(cells) != _TWO:
        raise UnreadableError(
            f"the first line has {_counted(len(cells))}; this file needs two, parted by a comma or a semicolon", line
        )
    pairs: dict[str, Pair] = {}
    findings = []
    for number, found in rows:
        if len(found) != _TWO:
            text = f"this line has {_counted(len(found))}, and not two; quotes may be missing"
            findings.append(MappingFinding(number, text))
        elif found[0] in pairs:
            first = pairs[found[0]].line
            findings.append(MappingFinding(number, f"{found[0]!r} is written twice, first in line {first}"))
        else:
            pairs[found[0]] = Pair(line=number, first=found[0], second=found[1])
    header = Pair(line=line, first=cells[0], second=cells[1])
    return Pairs(header=header, pairs=tuple(pairs.values()), findings=tuple(findings))


def as_mapping(pairs: Pairs) -> Document:
    """A mapping's columns as a file with the header ``column,SchemaName`` gives them; no field: the column is ignored.

    Raises UnreadableError for another header, as the first column might be taken for one.
    """
    if wrong := _wrong_header(pairs.header, _MAPPING_HEADER):
        raise UnreadableError(wrong.text, wrong.line)
    columns = [pair for pair in pairs.pairs if pair.second.strip()]
    ignored = [pair for pair in pairs.pairs if not pair.second.strip()]
    lines: dict[Place, int] = {(): pairs.header.line}
    lines |= {("columns", pair.first): pair.line for pair in columns}
    lines |= {("ignore", index): pair.line for index, pair in enumerate(ignored)}
    data = {
        "version": "1",
        "columns": {pair.first: pair.second for pair in columns},
        "ignore": [pair.first for pair in ignored],
    }
    return Document(data=data, lines=lines, findings=pairs.findings)


def value_faults(pairs: Pairs) -> list[MappingFinding]:
    """What is wrong with the file of a value map, whose header is ``old,new``: without one, the first pair would be."""
    wrong = _wrong_header(pairs.header, *_VALUES_HEADERS)
    findings = [*([wrong] if wrong else []), *pairs.findings]
    for pair in pairs.pairs:
        if not pair.second:  # a list that is not finished would empty cells in silence
            advice = f'to make an empty cell of it, write `{pair.first!r}: ""` under `values` and take this line out'
            findings.append(MappingFinding(pair.line, f"{pair.first!r} has no new value; {advice}"))
    if not pairs.pairs and not findings:
        findings = [MappingFinding(pairs.header.line, "there is nothing below the header")]
    return findings


def _wrong_header(header: Pair, *expected: tuple[str, str]) -> MappingFinding | None:
    if (_bare(header.first), _bare(header.second)) in [tuple(map(_bare, each)) for each in expected]:
        return None
    text = f"the first line must be `{','.join(expected[0])}`, not {header.first!r} and {header.second!r}"
    return MappingFinding(header.line, text)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank with its line; empty cells behind the second, as spreadsheets leave them, are none."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UnreadableError(f"not valid CSV: {error}", line) from None
        if cells is None:
            return
        while len(cells) > _TWO and not cells[-1].strip():
            cells.pop()
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = reader.line_num + 1


def _delimiter(text: str) -> str:
    """The one that makes two cells of the first line, or else the one that it has."""
    first = next((line for line in text.splitlines() if line.strip(_DELIMITERS + " ")), "")
    try:
        numbers = {sign: len(next(csv.reader([first.rstrip(sign)], delimiter=sign), [])) for sign in _DELIMITERS}
    except csv.Error:
        return ","
    fitting = [sign for sign, number in numbers.items() if number == _TWO]
    return fitting[0] if fitting else max(numbers, key=lambda sign: numbers[sign])


def _counted(cells: int) -> str:
    return f"{cells} cell" if cells == 1 else f"{cells} cells"


def _bare(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()
