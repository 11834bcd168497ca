"""Warnings about the chosen sheet: hidden or merged cells, rounded numbers, and others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from importer.manifest.header import Header, column_letter
from importer.manifest.workbooks.sheet_facts import Area, Position, SheetFacts

PROMISED_ROWS = 200_000  # the README's figures for memory and time hold up to this number
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class OtherSheets:
    """Names of the sheets that were not chosen."""

    visible: Sequence[str]
    hidden: Sequence[str]


def sheet_warnings(
    header: Header, end_row: int, facts: SheetFacts, others: OtherSheets | None, *, hides_rows: bool = False
) -> tuple[str, ...]:
    """Write the warnings; ``others`` is None if the mapping names the sheet. ``end_row`` counts from 1.

    ``hides_rows``: hidden rows are as they should be, as a filter hides those that are done in results.
    """
    table = _Table(header=header, end_row=end_row)
    where = f"sheet {header.sheet!r}"
    warnings = (
        *(_other_sheets(where, others) if others is not None else ()),
        *_many_rows(where, end_row - header.row),
        *(_hidden(where, table, facts) if not hides_rows else ()),
        *_merged(where, table, facts),
        *_rounded(where, table, facts),
        *_negative_dates(where, table, facts),
        *_stale(where, facts),
    )
    return tuple(warnings)


@dataclass(frozen=True, kw_only=True)
class _Table:
    """Position of the named columns and the rows below the header."""

    header: Header
    end_row: int

    def has_row(self, row: int) -> bool:
        return self.header.row <= row < self.end_row

    def has_column(self, column: int) -> bool:
        return 0 <= column - self.header.first_column < len(self.header.columns)

    def overlaps(self, area: Area) -> bool:
        first, last = self.header.first_column, self.header.first_column + len(self.header.columns) - 1
        has_rows = area.first_row < self.end_row and area.last_row >= self.header.row
        return has_rows and area.first_column <= last and area.last_column >= first

    def name(self, column: int) -> str:
        return self.header.columns[column - self.header.first_column]


def _other_sheets(where: str, others: OtherSheets) -> Iterator[str]:
    names = [repr(name) for name in others.visible] + [f"{name!r} (hidden)" for name in others.hidden]
    if names:
        yield f"{where} is read; to read {_first_of(names)} instead, set `manifest: {{sheet: NAME}}` in the mapping"


def _many_rows(where: str, rows: int) -> Iterator[str]:
    if rows > PROMISED_ROWS:
        yield (
            f"{where} has {rows:,} rows; a workbook is held in memory as a whole: with more than {PROMISED_ROWS:,} "
            "rows, save it as CSV (UTF-8), which takes a fraction of the time and memory"
        )


def _hidden(where: str, table: _Table, facts: SheetFacts) -> Iterator[str]:
    rows = sum(map(table.has_row, facts.hidden_rows))
    columns = [column for column in sorted(facts.hidden_columns) if table.has_column(column)]
    parts = []
    if rows:
        parts.append(f"{rows:,} hidden row{'s' if rows > 1 else ''} (a filter hides rows, too)")
    if columns:
        names = _first_of([f"{table.name(column)!r} ({column_letter(column)})" for column in columns])
        parts.append(f"{len(columns):,} hidden column{'s' if len(columns) > 1 else ''}: {names}")
    if parts:
        yield f"{where} has {' and '.join(parts)}; hidden cells are imported like all others"


def _merged(where: str, table: _Table, facts: SheetFacts) -> Iterator[str]:
    areas = [_reference(area) for area in sorted(facts.merged) if table.overlaps(area)]
    if areas:
        yield f"{where} has merged cells: the first cell has the value and the others are empty: {_first_of(areas)}"


def _rounded(where: str, table: _Table, facts: SheetFacts) -> Iterator[str]:
    for numbers, first in _count_in_table(table, facts.rounded):
        yield (
            f"{where} has {numbers} of more than 15 digits, {first}: spreadsheets keep 15 and write zeros for the "
            "rest, so long IDs are wrong; export them as text, or as CSV that no spreadsheet has saved"
        )


def _negative_dates(where: str, table: _Table, facts: SheetFacts) -> Iterator[str]:
    for numbers, first in _count_in_table(table, facts.negative_dates):
        yield (
            f"{where} has {numbers} below zero with the format of a date or time, {first}: there is no such date, so "
            "the stored number of days is read; give durations the format [h]:mm:ss"
        )


def _count_in_table(table: _Table, positions: Sequence[Position]) -> Iterator[tuple[str, str]]:
    """Yield the count of numbers in the table and the position of the first; nothing if there are none."""
    inside = sorted(position for position in positions if table.has_row(position[0]) and table.has_column(position[1]))
    if inside:
        row, column = inside[0]
        first = f"first in {column_letter(column)}{row + 1}, column {table.name(column)!r}"
        yield "1 number" if len(inside) == 1 else f"{len(inside):,} numbers", first


def _stale(where: str, facts: SheetFacts) -> Iterator[str]:
    if facts.is_stale:
        yield (
            f"{where} has formulas, and the program that wrote them left their values to Excel, so stored values may "
            "be missing or old: open the workbook in Excel and save it"
        )


def _reference(area: Area) -> str:
    first = f"{column_letter(area.first_column)}{area.first_row + 1}"
    return f"{first}:{column_letter(area.last_column)}{area.last_row + 1}"


def _first_of(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
