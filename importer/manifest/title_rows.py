"""A title above the header: "Tickets of March" in the first row, and the columns' names some rows below."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from importer.errors import ManifestError

TITLE_ROWS = 20  # so far below the first row that holds anything, a header is looked for


def known_columns(expected: Collection[str], *rows: Sequence[str]) -> int:
    """How many of the mapping's columns the row has that has most of them: the header, or one below a title."""
    names = frozenset(expected)
    return max(len(names.intersection(row)) for row in rows)


def check_title(
    header: Sequence[str], row: int, below: Iterable[Sequence[str]], expected: Collection[str], shown: str
) -> None:
    """Raise ManifestError if a row below knows more of the mapping's columns than the header, which stands in ``row``.

    ``below``: the rows behind it, blank ones included. It is not taken as the header unasked: of what stands above it
    nobody would hear.
    """
    names = frozenset(expected)
    known, header_row = len(names.intersection(header)), row
    found: frozenset[str] = frozenset()
    for number, record in enumerate(below, start=row + 1):
        if len(here := names.intersection(record)) > max(known, len(found)):
            found, header_row = here, number
    if not found:
        return
    some = ", ".join(repr(name) for name in header if name.strip())
    raise ManifestError(
        f"{shown}, row {row} ({some}) is not the header: the names of the mapping's columns stand in row {header_row}",
        hint=f"Add this line to the mapping: `manifest: {{header_row: {header_row}}}`",
    )
