"""The header: where the names of the columns stand, and what keeps them from being used."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

from importer.errors import ManifestError
from importer.manifest.records import is_blank

_MOST_COLUMNS = 1 << 14  # as many as a spreadsheet has
_ORIGINAL = re.compile(r" \([0-9]+\)\Z")


@dataclass(frozen=True, kw_only=True)
class Header:
    """The names of the columns and where they stand.

    ``columns`` are the names exactly as written, without nameless columns at the end; ``width`` counts those too.
    ``repeated`` are those that the header has several times, ``copies`` the numbered names of all but the first.
    ``row`` is the header's row, ``first_column`` how many empty columns a workbook has before it.
    """

    columns: tuple[str, ...]
    width: int
    row: int
    first_column: int = 0
    sheet: str | None = None
    repeated: frozenset[str] = frozenset()
    copies: frozenset[str] = frozenset()

    def is_again(self, record: Sequence[str]) -> bool:
        """Whether a record is the header once more, but for its first cell."""
        written = (_ORIGINAL.sub("", name) if name in self.copies else name for name in self.columns[1:])
        return tuple(record[1 : len(self.columns)]) == tuple(written)


def column_letter(index: int) -> str:
    """Name a column as spreadsheets do: 0 is A, 25 is Z, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def find_header(records: Iterable[Sequence[str]], wanted_row: int) -> tuple[int, Sequence[str]] | None:
    """Return the first record at or below ``wanted_row`` that is not blank, with its row; None if there is none."""
    for row, record in enumerate(records, start=1):
        if row >= wanted_row and not is_blank(record):
            return row, record
    return None


def make_header(
    record: Sequence[str], *, row: int, shown: str, first_column: int = 0, sheet: str | None = None
) -> Header:
    """Check the header's names. Raises ManifestError that lists every name that is missing or there twice."""
    width = len(record)
    where = f"{shown}, sheet {sheet!r}, row {row}" if sheet is not None else f"{shown}, row {row}"
    if width > _MOST_COLUMNS:
        raise ManifestError(
            f"{where}: the header has {width:,} columns; at most {_MOST_COLUMNS:,} can be read",
            hint="Export fewer columns, or set `manifest: {delimiter}` in the mapping to what parts them.",
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
    details += [f"{name!r} stands in columns {', '.join(at)}" for name, at in places.items() if len(at) > 1]
    if details:
        raise ManifestError(
            f"{where}: the header can't be used, because every column needs a name of its own",
            details=details,
            hint="Correct the names in the header, or list repeated ones under `ignore`; if the header is in another "
            "row, set `manifest: {header_row: N}` in the mapping.",
        )
    return Header(columns=columns, width=width, row=row, first_column=first_column, sheet=sheet)


@dataclass(frozen=True, kw_only=True)
class Numbered:
    """A header in which names that may stand several times have numbers: the second `Labels` is `Labels (2)`."""

    names: tuple[str, ...]
    repeated: frozenset[str]
    copies: frozenset[str]

    def noted(self, header: Header) -> Header:
        """The header of these names, with which of them have numbers."""
        return replace(header, repeated=self.repeated, copies=self.copies)


def number_repeated(record: Sequence[str], may_repeat: Container[str] | None) -> Numbered:
    """Number the names that may be repeated (``None``: any), so that no other column has the same name."""
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
    return Numbered(names=tuple(names), repeated=frozenset(repeated), copies=frozenset(names) - frozenset(record))


def no_header(shown: str, wanted_row: int) -> ManifestError:
    """Build the error for a table in which no header was found at or below ``wanted_row``."""
    if wanted_row == 1:
        return ManifestError(
            f"{shown} holds nothing but blanks", hint="Export the file again: it needs a header and rows."
        )
    return ManifestError(
        f"{shown} has no header: row {wanted_row} and all below are blank or not there",
        hint="Set `manifest: {header_row: N}` in the mapping to the row that holds the names of the columns.",
    )
