"""Reads a table with a header row, of a web page or an XML workbook, into batches of records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from importer.error_codes import ERROR_CODES
from importer.errors import ManifestError
from importer.manifest.header import (
    TITLE_ROWS,
    Header,
    find_header,
    make_header,
    missing_header_error,
    missing_sheet_error,
    refuse_title_rows,
    table_score,
)
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.markup.safe_xml import XmlError
from importer.manifest.records import Batch, BlankRecords, RecordList
from importer.models import ManifestOptions, Problem

_MAX_BATCH = 10_000
_MAX_SHOWN = 5


@dataclass(kw_only=True)
class TableRow:
    """A row of a table.

    ``blank_rows``: how many rows without a cell are before it. ``faults``: cells without a value.
    """

    cells: list[str]
    blank_rows: int = 0
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)  # column -> error code, message


@dataclass(kw_only=True)
class TableFacts:
    """Facts about a table, from a first pass. ``sample``: its first rows. ``notes``: warnings about it.

    ``has_name``: the file names it; else ``name`` is its number.
    """

    name: str
    has_name: bool = False
    sample: list[TableRow] = field(default_factory=list)
    is_hidden: bool = False
    notes: list[str] = field(default_factory=list)

    def records(self) -> list[list[str]]:
        """Return the first rows, also blank ones."""
        found: list[list[str]] = []
        for row in self.sample:
            found += [[] for _ in range(min(row.blank_rows, TITLE_ROWS))]
            found.append(row.cells)
        return found

    def score(self, expected: Collection[str], header_row: int) -> int:
        """Rate the table by the mapping's columns in its first rows; without a mapping by its width."""
        records = self.records()[header_row - 1 :]
        return table_score(expected, records) if records else 0


class Tables(Protocol):
    """The tables of a file."""

    def facts(self) -> Sequence[TableFacts]:
        """Return what a first pass finds. Raises XmlError, ManifestError."""

    def rows(self, index: int, /) -> Iterator[TableRow]:
        """Yield the rows of one table. Raises XmlError, ManifestError."""


@dataclass(frozen=True, kw_only=True)
class TableSource:
    """One table, ready to be read."""

    file_name: str
    tables: Tables
    index: int
    format: ManifestFormat
    header: Header

    def batches(self, size: int) -> Iterator[Batch]:
        """Read the rows below the header in one pass, at most ``size`` at a time; short rows are filled up."""
        width = len(self.header.columns)
        number = 0
        first = self.header.row + 1
        records: list[list[str]] = []
        problems: list[Problem] = []
        with xml_errors(self.file_name):
            for row in self.tables.rows(self.index):
                blank = row.blank_rows if number >= self.header.row else 0
                number += row.blank_rows + 1
                if number <= self.header.row:
                    continue
                if blank or len(records) == min(size, _MAX_BATCH):
                    if records:
                        yield Batch(first_row=first, records=RecordList(records=records), problems=tuple(problems))
                        first += len(records)
                        records, problems = [], []
                    if blank:
                        yield Batch(first_row=first, records=BlankRecords(size=blank))
                        first += blank
                cells = row.cells
                records.append(cells if len(cells) >= width else cells + [""] * (width - len(cells)))
                problems += self._problems(number, row)
        if records:
            yield Batch(first_row=first, records=RecordList(records=records), problems=tuple(problems))

    def _problems(self, number: int, row: TableRow) -> Iterator[Problem]:
        for column, (code, text) in row.faults.items():
            if column < len(self.header.columns):
                name = self.header.columns[column]
                hint = ERROR_CODES[code].advice
                message = f"{name}: the cell holds {text}"
                sheet = self.header.sheet
                yield Problem(code=code, row=number, sheet=sheet, column=name, message=message, hint=hint, value=text)


def open_table(
    tables: Tables, options: ManifestOptions, expected: Collection[str], file_name: str, file_format: ManifestFormat
) -> TableSource:
    """Choose the table and find its header. Raises ManifestError if there is none.

    ``file_format``: how the file is read, whatever the table.
    """
    with xml_errors(file_name):
        facts = tables.facts()
    index = _choose(facts, options, expected, file_name)
    chosen = facts[index]
    sheet = chosen.name if len(facts) > 1 or chosen.has_name else None
    where = f"{file_name}, sheet {sheet!r}" if sheet is not None else file_name
    found = find_header(chosen.records(), options.header_row)
    if found is None:
        raise missing_header_error(where, options.header_row)
    row, record = found
    if options.header_row == 1:
        refuse_title_rows(record, row, chosen.records()[row : row + TITLE_ROWS], expected, where)
    header = make_header(record, row=row, file_name=file_name, sheet=sheet)
    warnings = (*_other_tables(facts, index, options), *(f"{where}: {note}" for note in chosen.notes))
    table_format = replace(file_format, sheet=sheet, header_row=row, warnings=(*file_format.warnings, *warnings))
    return TableSource(file_name=file_name, tables=tables, index=index, header=header, format=table_format)


@contextmanager
def xml_errors(file_name: str) -> Iterator[None]:
    """Raise XmlError in the block as ManifestError."""
    try:
        yield
    except XmlError as error:
        raise ManifestError(f"{file_name} can't be read: {error}", hint="Export the file again.") from None


def _choose(facts: Sequence[TableFacts], options: ManifestOptions, expected: Collection[str], file_name: str) -> int:
    names = [each.name for each in facts]
    if options.sheet is not None:
        if options.sheet in names:
            return names.index(options.sheet)
        raise missing_sheet_error(file_name, options.sheet, names)
    visible = [at for at, each in enumerate(facts) if not each.is_hidden and each.sample]
    if not visible:
        raise ManifestError(f"{file_name} has no table with rows", hint="Export the file again.")
    return max(visible, key=lambda at: facts[at].score(expected, options.header_row))


def _other_tables(facts: Sequence[TableFacts], index: int, options: ManifestOptions) -> Iterator[str]:
    others = [repr(each.name) for at, each in enumerate(facts) if at != index and each.sample]
    if others and options.sheet is None:
        more = f" and {len(others) - _MAX_SHOWN:,} more" if len(others) > _MAX_SHOWN else ""
        yield (
            f"sheet {facts[index].name!r} is read; to read {', '.join(others[:_MAX_SHOWN])}{more} instead, set "
            "`manifest: {sheet: NAME}` in the mapping"
        )
