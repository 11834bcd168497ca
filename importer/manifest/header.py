"""Finds the header and checks the columns' names."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

from importer.errors import ManifestError
from importer.manifest.records import is_blank

_MAX_COLUMNS = 1 << 14  # as many as a spreadsheet has
_NUMBER_SUFFIX = re.compile(r" \([0-9]+\)\Z")


@dataclass(frozen=True, kw_only=True)
class Header:
    """The names of the columns and their position.

    ``columns``: the names exactly as written, without nameless columns at the end; ``width`` counts those, too.
    ``repeated_names``: names that the header has several times; ``numbered_columns``: what all but the first are
    called. ``row``: the header's row. ``first_column``: how many empty columns a workbook has before it.
    """

    columns: tuple[str, ...]
    width: int
    row: int
    first_column: int = 0
    sheet: str | None = None
    repeated_names: frozenset[str] = frozenset()
    numbered_columns: frozenset[str] = frozenset()

    def is_repeated_in(self, record: Sequence[str]) -> bool:
        """Return whether a record repeats the header, except for its first cell."""
        written = (_NUMBER_SUFFIX.sub("", name) if name in self.numbered_columns else name for name in self.columns[1:])
        return tuple(record[1 : len(self.columns)]) == tuple(written)


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
    record: Sequence[str], *, row: int, shown: str, first_column: int = 0, sheet: str | None = None
) -> Header:
    """Check the header's names.

    Raises ManifestError with all names that are missing or repeated.
    """
    width = len(record)
    where = f"{shown}, sheet {sheet!r}, row {row}" if sheet is not None else f"{shown}, row {row}"
    if width > _MAX_COLUMNS:
        raise ManifestError(
            f"{where}: the header has {width:,} columns, but at most {_MAX_COLUMNS:,} are supported",
            hint="Export fewer columns, or set `manifest: {delimiter}` in the mapping to the delimiter of the file.",
        )
    named = width
    while named and not record[named - 1].strip():
        named -= 1
    columns = tuple(record[:named])
    places: dict[str, list[str]] = defaultdict(list)
    for index, name in enumerate(columns):
        places[name if name.strip() else ""].append(column_letter(first_column + index))
    nameless = places.pop("", [])
    details = [f"column {letter} has no name" for letter in nameless]
    details += [f"{name!r} is the name of columns {', '.join(at)}" for name, at in places.items() if len(at) > 1]
    if details:
        raise ManifestError(
            f"{where}: the header can't be used, because each column needs a different name",
            details=details,
            hint="Correct the names in the header, or list repeated ones under `ignore`; if the header is in another "
            "row, set `manifest: {header_row: N}` in the mapping.",
        )
    return Header(columns=columns, width=width, row=row, first_column=first_column, sheet=sheet)


@dataclass(frozen=True, kw_only=True)
class NumberedNames:
    """A header's names, with numbers for repeated ones.

    The second `Labels` is `Labels (2)`.
    """

    names: tuple[str, ...]
    repeated_names: frozenset[str]
    numbered_columns: frozenset[str]

    def apply_to(self, header: Header) -> Header:
        """Return the header with the information which of its names have numbers."""
        return replace(header, repeated_names=self.repeated_names, numbered_columns=self.numbered_columns)


def number_repeated(record: Sequence[str], may_repeat: Container[str] | None) -> NumberedNames:
    """Number repeated names, so that all columns have different names.

    ``may_repeat``: the names to number; ``None`` for all.
    """
    repeated = {name for name, count in Counter(record).items() if count > 1 and name.strip()}
    repeated = {name for name in repeated if may_repeat is None or name in may_repeat}
    taken, counts, names = set(record), Counter[str](), []
    for name in record:
        counts[name] += 1
        column = name
        while name in repeated and counts[name] > 1 and (column := f"{name} ({counts[name]})") in taken:
            counts[name] += 1
        taken.add(column)
        names.append(column)
    return NumberedNames(
        names=tuple(names), repeated_names=frozenset(repeated), numbered_columns=frozenset(names) - frozenset(record)
    )


def missing_header_error(shown: str, wanted_row: int) -> ManifestError:
    """Return the error for a table without a header at or below ``wanted_row``."""
    if wanted_row == 1:
        return ManifestError(f"{shown} contains only blanks", hint="Export the file again: it needs a header and rows.")
    return ManifestError(
        f"{shown} has no header: row {wanted_row} and all rows below it are blank or missing",
        hint="Set `manifest: {header_row: N}` in the mapping to the row with the names of the columns.",
    )
