"""Records -> chunks: the rules that hold for every format, about headers, blank rows and rows of the wrong width."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from importer.catalogue import CATALOGUE
from importer.errors import ManifestError
from importer.models import Problem

_first_cell = operator.itemgetter(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunk:
    """Some rows of the manifest, in its order.

    ``frame``: one column per header name, object dtype, every cell a ``str``, a RangeIndex from 0. ``rows``: for each
    row of the frame its number as a spreadsheet counts. ``problems``: structural ones (``too-many-cells``,
    ``too-few-cells``); such a row is in the frame, cut or padded with ``""``, and must not be sent.
    """

    frame: pd.DataFrame
    rows: tuple[int, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Consecutive records as they stand in the file; ``first_row`` is the number of the first one."""

    first_row: int
    records: list[list[str]]


@dataclass(frozen=True, kw_only=True)
class Header:
    """The names of the columns and where they stand.

    ``columns`` are the names exactly as written, without nameless columns at the end; ``width`` counts those too.
    ``row`` is the header's row, ``first_column`` how many empty columns a workbook has before it.
    """

    columns: tuple[str, ...]
    width: int
    row: int
    first_column: int = 0
    sheet: str | None = None


def column_letter(index: int) -> str:
    """Name a column as spreadsheets do: 0 is A, 25 is Z, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def is_blank(record: Iterable[str]) -> bool:
    """Say whether a record is not a row of data: no cell holds anything but blanks."""
    return not any(map(str.strip, record))


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
        where = f"{shown}, sheet {sheet!r}, row {row}" if sheet is not None else f"{shown}, row {row}"
        raise ManifestError(
            f"{where}: the header can't be used, because every column needs a name of its own",
            details=details,
            hint="Mend the names in the header; if it stands in another row, set `manifest: {header_row: N}` in the"
            " mapping.",
        )
    return Header(columns=columns, width=width, row=row, first_column=first_column, sheet=sheet)


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


@dataclass
class RowCounter:
    """What one pass has counted so far."""

    blank_rows: int = 0


def shape(batches: Iterable[Batch], header: Header, counter: RowCounter) -> Iterator[Chunk]:
    """Turn records below the header into chunks; blank ones are counted, those of the wrong width get a problem."""
    for batch in batches:
        records = batch.records
        rows: Sequence[int] = range(batch.first_row, batch.first_row + len(records))
        problems: list[Problem] = []
        if not _is_regular(records, len(header.columns)):
            records, rows = _without_blanks(records, rows)
            counter.blank_rows += len(batch.records) - len(records)
            records, problems = _fit(records, rows, header)
        if records:
            frame = pd.DataFrame(records, columns=pd.Index(header.columns, dtype=object), dtype=object)
            yield Chunk(frame=frame, rows=tuple(rows), problems=tuple(problems))


def _is_regular(records: list[list[str]], width: int) -> bool:
    """Most batches have no blank and no uneven row; asking all rows at once is many times faster than one by one."""
    return set(map(len, records)) == {width} and all(map(str.strip, map(_first_cell, records)))


def _without_blanks(records: list[list[str]], rows: Sequence[int]) -> tuple[list[list[str]], list[int]]:
    kept = [(row, record) for row, record in zip(rows, records, strict=True) if not is_blank(record)]
    return [record for _, record in kept], [row for row, _ in kept]


def _fit(records: list[list[str]], rows: Sequence[int], header: Header) -> tuple[list[list[str]], list[Problem]]:
    width = len(header.columns)
    fitted: list[list[str]] = []
    problems: list[Problem] = []
    for row, record in zip(rows, records, strict=True):
        if len(record) < width:
            problems.append(_too_few(row, len(record), header))
            fitted.append(record + [""] * (width - len(record)))
            continue
        if any(record[width:]):
            problems.append(_too_many(row, record, header))
        fitted.append(record[:width])
    return fitted, problems


def _too_few(row: int, cells: int, header: Header) -> Problem:
    return Problem(
        code="too-few-cells",
        row=row,
        sheet=header.sheet,
        message=f"The row has {cells} cell{'s' if cells > 1 else ''}, the header {len(header.columns)} columns.",
        hint=CATALOGUE["too-few-cells"].advice,
    )


def _too_many(row: int, record: list[str], header: Header) -> Problem:
    width = len(header.columns)
    surplus = next(index for index in range(width, len(record)) if record[index])
    letter = column_letter(header.first_column + surplus)
    nameless = surplus < header.width or header.sheet is not None
    return Problem(
        code="too-many-cells",
        row=row,
        sheet=header.sheet,
        message=f"Column {letter} holds a value, but the header (row {header.row}) gives it no name."
        if nameless
        else f"The row has {len(record)} cells, the header {width} column{'s' if width > 1 else ''}.",
        hint=f"Name column {letter} in the header, or empty the cell."
        if nameless
        else CATALOGUE["too-many-cells"].advice,
        value=record[surplus],
    )
