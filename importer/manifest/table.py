"""Records -> chunks: the rules that hold for every format, about headers, blank rows and rows of the wrong width."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.catalogue import CATALOGUE
from importer.errors import ManifestError
from importer.manifest.blocks import Excerpt
from importer.manifest.column import Column, is_visible
from importer.manifest.grid import Grid
from importer.models import Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunk:
    """Some rows of the manifest, in its order.

    ``columns``: the header's names. ``rows``: for each row its number as a spreadsheet counts. ``problems``: structural
    ones (``too-many-cells``, ``too-few-cells``); such a row is cut or padded with ``""``, and must not be sent.
    """

    columns: tuple[str, ...]
    rows: tuple[int, ...]
    source: Excerpt | Grid | list[list[str]]
    problems: tuple[Problem, ...] = ()

    @functools.cached_property
    def frame(self) -> pd.DataFrame:
        """All cells: one column per header name, object dtype, every cell a ``str``, a RangeIndex from 0."""
        return self._frame(self.source)

    def part(self, positions: Sequence[int]) -> pd.DataFrame:
        """The cells of some rows, by their positions from 0 on; the frame's index counts them from 0, too."""
        return self._frame(_take(self.source, np.array(positions, dtype=np.intp)))

    def records(self, positions: Sequence[int]) -> list[list[str]]:
        """The cells of some rows as they stand in the file, too many or too few of them included."""
        found = _take(self.source, np.array(positions, dtype=np.intp))
        return found if isinstance(found, list) else found.texts()

    def column(self, name: str) -> Column | None:
        """One column's cells as bytes; ``None`` if there is one that bytes can't say."""
        index = self.columns.index(name)
        if isinstance(self.source, list):
            return Column.from_texts([record[index] if index < len(record) else "" for record in self.source])
        return self.source.plain_column(index) if isinstance(self.source, Grid) else self.source.column(index)

    def texts(self, name: str) -> list[str]:
        """One column's cells as text."""
        index = self.columns.index(name)
        if isinstance(self.source, list):
            return [record[index] if index < len(record) else "" for record in self.source]
        return self.source.column(index).texts()

    def texts_at(self, name: str, positions: npt.NDArray[np.intp]) -> list[str]:
        """Some of one column's cells as text."""
        index = self.columns.index(name)
        some = _take(self.source, positions)
        if isinstance(some, list):
            return [record[index] if index < len(record) else "" for record in some]
        return some.column(index).texts()

    def text(self, name: str, position: int) -> str:
        """One cell's text."""
        return self.texts_at(name, np.array([position]))[0]

    def _frame(self, source: Excerpt | Grid | list[list[str]]) -> pd.DataFrame:
        records = source if isinstance(source, list) else source.texts()
        width = len(self.columns)
        if set(map(len, records)) - {width}:
            records = [record[:width] + [""] * (width - len(record)) for record in records]
        return pd.DataFrame(records, columns=pd.Index(self.columns, dtype=object), dtype=object)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Consecutive records as they stand in the file; ``first_row`` is the number of the first one.

    ``problems``: what the format knows of cells that can't be sent; none of their records is blank.
    """

    first_row: int
    records: list[list[str]] | Excerpt | Grid
    problems: tuple[Problem, ...] = ()


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
    width = len(header.columns)
    for batch in batches:
        source = batch.records
        rows = np.arange(batch.first_row, batch.first_row + len(source))
        filled = _filled(source)
        counter.blank_rows += len(source) - filled.size
        if filled.size < len(source):
            rows, source = rows[filled], _take(source, filled)
        if filled.size:
            uneven = np.flatnonzero(_widths(source) != width)
            numbers = tuple(rows.tolist())
            records = _take(source, uneven)
            found = zip(uneven.tolist(), records if isinstance(records, list) else records.texts(), strict=True)
            problems = (_misfit(numbers[position], record, header) for position, record in found)
            yield Chunk(
                columns=header.columns,
                rows=numbers,
                source=source,
                problems=(*batch.problems, *(problem for problem in problems if problem is not None)),
            )


def _widths(source: Excerpt | Grid | list[list[str]]) -> npt.NDArray[np.integer]:
    if isinstance(source, list):
        return np.fromiter(map(len, source), dtype=np.int64, count=len(source))
    return source.widths


def _take(
    source: Excerpt | Grid | list[list[str]], positions: npt.NDArray[np.intp]
) -> Excerpt | Grid | list[list[str]]:
    return [source[position] for position in positions] if isinstance(source, list) else source.take(positions)


def _filled(source: Excerpt | Grid | list[list[str]]) -> npt.NDArray[np.intp]:
    """The positions of the records that are not blank, most of which their first cell tells."""
    if isinstance(source, list):
        return np.array([at for at, record in enumerate(source) if not is_blank(record)], dtype=np.intp)
    filled = is_visible(source.column(0).first_bytes())
    doubtful = np.flatnonzero(~filled)
    filled[doubtful] = [not is_blank(record) for record in source.take(doubtful).texts()]
    return np.flatnonzero(filled)


def _misfit(row: int, record: list[str], header: Header) -> Problem | None:
    """What is wrong with a row that has not as many cells as the header; nothing, if all that are over are empty."""
    if len(record) < len(header.columns):
        return _too_few(row, len(record), header)
    return _too_many(row, record, header) if any(record[len(header.columns) :]) else None


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
