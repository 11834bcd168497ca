"""Detects titles above the header, such as "Tickets of March" in the first row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from importer.errors import ManifestError

TITLE_ROWS = 20  # so many rows below the first filled one are searched for the header


def count_known_columns(expected: Collection[str], *rows: Sequence[str]) -> int:
    """Return how many of the mapping's columns the best of some rows has."""
    names = frozenset(expected)
    return max(len(names.intersection(row)) for row in rows)


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
