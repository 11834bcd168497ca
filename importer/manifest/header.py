"""Finds the header, checks the columns' names, and detects titles above it, such as "Tickets of March"."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from importer.errors import ManifestError
from importer.manifest.records import is_blank

# Each name that a header has several times, and what its columns are called.
RepeatedColumns = Mapping[str, tuple[str, ...]]

MAX_COLUMNS = 1 << 14  # as many as a spreadsheet has
TITLE_ROWS = 20  # so many rows below the first filled one are searched for the header
_COLUMNS_OF_TABLE = 3


@dataclass(frozen=True, kw_only=True)
class Header:
    """The names of the columns and their position.

    ``columns``: the names exactly as written, without nameless columns at the end; ``width`` counts those, too.
    ``repeated``: each name that the header has several times, with the names of these columns: `Labels` is `Labels`,
    `Labels (2)`. ``row``: the header's row. ``first_column``: how many empty columns a workbook has before it.
    """

    columns: tuple[str, ...]
    width: int
    row: int
    first_column: int = 0
    sheet: str | None = None
    repeated: RepeatedColumns = field(default_factory=dict)

    @property
    def written(self) -> tuple[str, ...]:
        """Return the names as the file has them: repeated ones without numbers."""
        names = {column: name for name, columns in self.repeated.items() for column in columns}
        return tuple(names.get(column, column) for column in self.columns)

    def is_repeated_in(self, record: Sequence[str]) -> bool:
        """Return whether a record repeats the header, except for its first cell."""
        return tuple(record[1 : len(self.columns)]) == self.written[1:]


def strip_header(header: Header) -> Header:
    """Return a header without blanks around its names; names that are equal then are repeated ones."""
    columns, repeated = number_repeated([name.strip() for name in header.written])
    return replace(header, columns=columns, repeated=repeated)


def column_letter(index: int) -> str:
    """Return a column's name in spreadsheets: 0 is A, 25 is Z, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def find_header(records: Iterable[Sequence[str]], wanted_row: int) -> tuple[int, Sequence[str]] | None:
    """Return the first record that is not blank at or below ``wanted_row``, with its row."""
    for row, record in enumerate(records, start=1):
        if row >= wanted_row and not is_blank(record):
            return row, record
    return None


def make_header(
    record: Sequence[str], *, row: int, file_name: str, first_column: int = 0, sheet: str | None = None
) -> Header:
    """Check the header's names, and number repeated ones.

    Raises ManifestError with all columns that have no name.
    """
    width = len(record)
    where = f"{file_name}, sheet {sheet!r}, row {row}" if sheet is not None else f"{file_name}, row {row}"
    if width > MAX_COLUMNS:
        raise ManifestError(
            f"{where}: the header has {width:,} columns, but at most {MAX_COLUMNS:,} are supported",
            hint="Export fewer columns, or set `manifest: {delimiter}` in the mapping to the delimiter of the file.",
        )
    named = width
    while named and not record[named - 1].strip():
        named -= 1
    nameless = [column_letter(first_column + index) for index, name in enumerate(record[:named]) if not name.strip()]
    if nameless:
        raise ManifestError(
            f"{where}: the header can't be used, because each column needs a name",
            details=[f"column {letter} has no name" for letter in nameless],
            hint="Name these columns in the header; if the header is in another row, set `manifest: {header_row: N}` "
            "in the mapping.",
        )
    columns, repeated = number_repeated(record[:named])
    return Header(columns=columns, width=width, row=row, first_column=first_column, sheet=sheet, repeated=repeated)


def number_repeated(record: Sequence[str]) -> tuple[tuple[str, ...], RepeatedColumns]:
    """Number repeated names, so that all columns have different names; return the names and the repeated columns.

    The second `Labels` is `Labels (2)`.
    """
    repeated: dict[str, list[str]] = {name: [] for name, count in Counter(record).items() if count > 1 and name.strip()}
    taken, counts, names = set(record), Counter[str](), []
    for name in record:
        counts[name] += 1
        column = name
        while name in repeated and counts[name] > 1 and (column := f"{name} ({counts[name]})") in taken:
            counts[name] += 1
        taken.add(column)
        names.append(column)
        if name in repeated:
            repeated[name].append(column)
    return tuple(names), {name: tuple(columns) for name, columns in repeated.items()}


def missing_header_error(file_name: str, wanted_row: int) -> ManifestError:
    """Return the error for a table without a header at or below ``wanted_row``."""
    if wanted_row == 1:
        return ManifestError(
            f"{file_name} contains only blanks", hint="Export the file again: it needs a header and rows."
        )
    return ManifestError(
        f"{file_name} has no header: row {wanted_row} and all rows below it are blank or missing",
        hint="Set `manifest: {header_row: N}` in the mapping to the row with the names of the columns.",
    )


def count_known_columns(expected: Collection[str], *rows: Sequence[str]) -> int:
    """Return how many of the mapping's columns the best of some rows has."""
    names = frozenset(expected)
    return max(len(names.intersection(row)) for row in rows)


def table_score(expected: Collection[str], rows: Sequence[Sequence[str]]) -> int:
    """Rate one of several tables by the mapping's columns in its first rows.

    Without a mapping by the number of columns that two rows have, at most 3: a cover sheet has one or two.
    """
    if expected:
        return count_known_columns(expected, *rows)
    widths = sorted((sum(bool(cell.strip()) for cell in row) for row in rows), reverse=True)
    return min(widths[1], _COLUMNS_OF_TABLE) if len(widths) > 1 else 0


def missing_sheet_error(file_name: str, wanted: str, names: Sequence[str]) -> ManifestError:
    """Return the error for a sheet of the mapping that the file does not have."""
    close = difflib.get_close_matches(wanted.casefold(), [name.casefold() for name in names], n=1)
    suggestion = next((name for name in names if name.casefold() in close), None)
    return ManifestError(
        f"{file_name} has no sheet {wanted!r}; it has {', '.join(map(repr, names)) or 'none'}",
        hint=f"Did you mean {suggestion!r}?" if suggestion else "Correct `manifest: {sheet}` in the mapping.",
    )


def refuse_title_rows(
    header: Sequence[str], row: int, below: Iterable[Sequence[str]], expected: Collection[str], file_name: str
) -> None:
    """Raise ManifestError if a row below has more of the mapping's columns than the header.

    ``row``: the header's row. ``below``: the rows after it, including blank ones. Such a row does not become the header
    by itself, because the rows above it would silently be lost.
    """
    names = frozenset(expected)
    known, header_row = len(names.intersection(header)), row
    found: frozenset[str] = frozenset()
    for number, record in enumerate(below, start=row + 1):
        if len(in_record := names.intersection(record)) > max(known, len(found)):
            found, header_row = in_record, number
    if not found:
        return
    some = ", ".join(repr(name) for name in header if name.strip())
    raise ManifestError(
        f"{file_name}, row {row} ({some}) is not the header: the names of the mapping's columns are in row "
        f"{header_row}",
        hint=f"Add this line to the mapping: `manifest: {{header_row: {header_row}}}`",
    )
