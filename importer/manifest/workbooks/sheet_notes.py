"""What a person would want to know of the sheet that is read: what it hides, merges, rounds or leaves to compute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from importer.manifest.header import Header, column_letter
from importer.manifest.workbooks.sheet_facts import Area, Place, SheetFacts

PROMISED_ROWS = 200_000  # for so many, memory and time are as the README says
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class SheetChoice:
    """A sheet among others: those that could have been chosen, too, and those that are hidden."""

    others: Sequence[str]
    hidden: Sequence[str]


def notes(header: Header, end_row: int, facts: SheetFacts, choice: SheetChoice | None) -> tuple[str, ...]:
    """Tell what stands out; ``choice`` is ``None`` if the mapping names the sheet. ``end_row`` counts from 1."""
    table = _Table(header=header, end_row=end_row)
    where = f"sheet {header.sheet!r}"
    found = (
        *(_sheets(where, choice) if choice is not None else ()),
        *_size(where, end_row - header.row),
        *_hidden(where, table, facts),
        *_merged(where, table, facts),
        *_rounded(where, table, facts),
        *_dateless(where, table, facts),
        *_stale(where, facts),
    )
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class _Table:
    """Where the named columns and the rows below the header are."""

    header: Header
    end_row: int

    def has_row(self, row: int) -> bool:
        return self.header.row <= row < self.end_row

    def has_column(self, column: int) -> bool:
        return 0 <= column - self.header.first_column < len(self.header.columns)

    def meets(self, area: Area) -> bool:
        first, last = self.header.first_column, self.header.first_column + len(self.header.columns) - 1
        rows = area.first_row < self.end_row and area.last_row >= self.header.row
        return rows and area.first_column <= last and area.last_column >= first

    def name(self, column: int) -> str:
        return self.header.columns[column - self.header.first_column]


def _sheets(where: str, choice: SheetChoice) -> Iterator[str]:
    others = [repr(name) for name in choice.others] + [f"{name!r} (hidden)" for name in choice.hidden]
    if others:
        yield f"{where} is read; the workbook also has {_some(others)}: `manifest: {{sheet: NAME}}` chooses another one"


def _size(where: str, rows: int) -> Iterator[str]:
    if rows > PROMISED_ROWS:
        yield (
            f"{where} has {rows:,} rows; a workbook is held in memory as a whole, so more than {PROMISED_ROWS:,} are "
            "better saved as CSV (UTF-8), which is read in a fraction of the time and memory"
        )


def _hidden(where: str, table: _Table, facts: SheetFacts) -> Iterator[str]:
    rows = sum(map(table.has_row, facts.hidden_rows))
    columns = [column for column in sorted(facts.hidden_columns) if table.has_column(column)]
    parts = []
    if rows:
        parts.append(f"{rows:,} hidden row{'s' if rows > 1 else ''} (a filter hides rows, too)")
    if columns:
        names = _some([f"{table.name(column)!r} ({column_letter(column)})" for column in columns])
        parts.append(f"{len(columns):,} hidden column{'s' if len(columns) > 1 else ''}: {names}")
    if parts:
        yield f"{where} has {' and '.join(parts)}; what is hidden is read like the rest"


def _merged(where: str, table: _Table, facts: SheetFacts) -> Iterator[str]:
    areas = [_range(area) for area in sorted(facts.merged) if table.meets(area)]
    if areas:
        yield f"{where} has merged cells, of which the first has the value and the others are empty: {_some(areas)}"


def _rounded(where: str, table: _Table, facts: SheetFacts) -> Iterator[str]:
    for numbers, first in _numbers(table, facts.rounded):
        yield (
            f"{where} has {numbers} of more than 15 digits, {first}: spreadsheets keep 15 and put zeros for the rest, "
            "so long IDs are wrong for good; export them as text, or as CSV that no spreadsheet has saved"
        )


def _dateless(where: str, table: _Table, facts: SheetFacts) -> Iterator[str]:
    for numbers, first in _numbers(table, facts.dateless):
        yield (
            f"{where} has {numbers} below zero with the format of a date or time, {first}: there is no such date, so "
            "the stored number is read, in days; a duration needs the format [h]:mm:ss"
        )


def _numbers(table: _Table, places: Sequence[Place]) -> Iterator[tuple[str, str]]:
    """How many of some numbers are in the table, and where the first is; nothing, if none is."""
    inside = sorted(place for place in places if table.has_row(place[0]) and table.has_column(place[1]))
    if inside:
        row, column = inside[0]
        first = f"first in {column_letter(column)}{row + 1}, column {table.name(column)!r}"
        yield "1 number" if len(inside) == 1 else f"{len(inside):,} numbers", first


def _stale(where: str, facts: SheetFacts) -> Iterator[str]:
    if facts.stale:
        yield (
            f"{where} has formulas whose values were left to Excel to compute when it opens the file, so those stored "
            "may be none or old: open the workbook in Excel and save it"
        )


def _range(area: Area) -> str:
    first = f"{column_letter(area.first_column)}{area.first_row + 1}"
    return f"{first}:{column_letter(area.last_column)}{area.last_row + 1}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
