"""Turns records into chunks: handles blank rows and rows of the wrong width."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.error_codes import ERROR_CODES
from importer.manifest.cell_values import CellValues
from importer.manifest.footer import Footer, add_footer_hints, ends_with_short_row
from importer.manifest.header import Header, column_letter
from importer.manifest.records import Batch, BlankRecords, RecordList, Records, is_blank, stripped
from importer.manifest.text_column import Column, is_visible
from importer.models import Problem

_BOM = "\ufeff"


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunk:
    """Some rows of the manifest, in its order.

    ``columns``: the header's names. ``rows``: each row's number as a spreadsheet counts. ``cell_values``: what
    the mapping makes of cells before its rules. ``problems``: problems of structure (``too-many-cells``,
    ``too-few-cells``, ``header-again``); such a row is cut or padded with ``""``, and must not be sent.
    """

    columns: tuple[str, ...]
    rows: tuple[int, ...]
    source: Records
    problems: tuple[Problem, ...] = ()
    cell_values: CellValues | None = None

    @property
    def values(self) -> Chunk:
        """Return these rows with the values of their cells, after `empty` and `repair` of the mapping."""
        # A chunk that refers to itself would stay in memory: garbage collection is paused while rows are checked.
        return self if self.cell_values is None else self._changed

    @functools.cached_property
    def _changed(self) -> Chunk:
        assert self.cell_values is not None, "the caller checks this"
        return replace(self, source=self.cell_values.of(self.source), cell_values=None)

    @functools.cached_property
    def frame(self) -> pd.DataFrame:
        """Return all cells: a column per name, object dtype, each cell a ``str``."""
        return self._frame(self._all_records)

    def part(self, positions: npt.NDArray[np.intp]) -> pd.DataFrame:
        """Return the cells of some rows by their positions from 0; the index counts from 0, too."""
        if "_all_records" in self.__dict__:
            return self._frame([self._all_records[position] for position in positions.tolist()])
        return self._frame(self._whole_records(self.source.take(positions)))

    @functools.cached_property
    def _all_records(self) -> list[list[str]]:
        return self._whole_records(self.source)

    def cells(self, columns: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the cells of each row in some columns."""
        if tuple(columns) == self.columns:
            return [tuple(record) for record in self._all_records]
        by_column = dict(zip(self.columns, zip(*self._all_records, strict=True), strict=True))
        return list(zip(*(by_column[column] for column in columns), strict=True))

    def records(self, positions: Sequence[int]) -> list[list[str]]:
        """Return the cells of some rows as in the file, including too many or too few."""
        return self._take(positions).texts()

    def column(self, name: str) -> Column | None:
        """Return one column's cells as bytes; ``None`` if one of them can't be stored as bytes."""
        return self.source.column(self.columns.index(name))

    def texts(self, name: str) -> list[str]:
        """Return one column's cells as text."""
        return self.source.column_texts(self.columns.index(name))

    def texts_at(self, name: str, positions: npt.NDArray[np.intp]) -> list[str]:
        """Return some of one column's cells as text."""
        return self.source.take(positions).column_texts(self.columns.index(name))

    def text(self, name: str, position: int) -> str:
        """Return one cell's text."""
        return self.texts_at(name, np.array([position]))[0]

    def _take(self, positions: Sequence[int]) -> Records:
        return self.source.take(np.array(positions, dtype=np.intp))

    def _frame(self, records: list[list[str]]) -> pd.DataFrame:
        return pd.DataFrame(records, columns=pd.Index(self.columns, dtype=object), dtype=object)

    def _whole_records(self, source: Records) -> list[list[str]]:
        """Return records with a cell for each column."""
        records = source.texts()
        width = len(self.columns)
        if set(map(len, records)) - {width}:
            records = [record[:width] + [""] * (width - len(record)) for record in records]
        return records


@dataclass
class RowCounter:
    """Counts of one pass so far."""

    blank_rows: int = 0
    comments: int = 0
    footer: Footer | None = None


@dataclass(frozen=True, kw_only=True)
class RowOptions:
    """How the mapping changes rows and cells, whatever the format.

    ``strips``: remove blanks around cells. ``cell_values``: changes cells before the rules get them.
    """

    strips: bool = False
    cell_values: CellValues | None = None


_AS_WRITTEN = RowOptions()


def make_chunks(
    batches: Iterable[Batch], header: Header, counter: RowCounter, options: RowOptions = _AS_WRITTEN
) -> Iterator[Chunk | None]:
    """Turn records below the header into chunks; skip blank ones, report malformed ones.

    Yields ``None`` for a batch of blank records, so that the caller can stop between millions of them.
    """
    width = len(header.columns)
    pending: Chunk | None = None  # ends with a row of too few cells, which may be the file's last row
    for batch in batches:
        source = batch.records
        if isinstance(source, BlankRecords):
            counter.blank_rows += len(source)
            yield None
            continue
        rows = np.arange(batch.first_row, batch.first_row + len(source))
        filled = _filled(source)
        counter.comments += batch.comments
        counter.blank_rows += len(source) - filled.size - batch.comments
        if filled.size < len(source):
            rows, source = rows[filled], source.take(filled)
        if options.strips:
            source = RecordList(records=list(map(stripped, source.texts())))
        if not filled.size:
            yield None
        else:
            uneven = np.flatnonzero(source.widths != width)
            numbers = tuple(rows.tolist())
            found = zip(uneven.tolist(), source.take(uneven).texts(), strict=True)
            problems = [_width_problem(numbers[position], record, header) for position, record in found]
            problems += [
                _repeated_header_problem(numbers[position], header) for position in _repeated_headers(source, header)
            ]
            if pending is not None:
                yield pending
            chunk = Chunk(
                columns=header.columns,
                rows=numbers,
                source=source,
                problems=(*batch.problems, *(problem for problem in problems if problem is not None)),
                cell_values=options.cell_values,
            )
            pending = chunk if ends_with_short_row(chunk.rows, chunk.problems) else None
            if pending is None:
                yield chunk
    if pending is not None:
        yield replace(pending, problems=add_footer_hints(pending.rows, pending.problems, pending.records))


def _filled(source: Records) -> npt.NDArray[np.intp]:
    """Return the positions of the records that are not blank.

    For most of them the first cell decides.
    """
    first = source.column(0)
    if first is None:
        filled = empty = np.zeros(len(source), dtype=bool)
    else:
        filled, empty = is_visible(first.first_bytes()), (source.widths == 1) & (first.lengths == 0)
    doubtful = np.flatnonzero(~(filled | empty))
    filled[doubtful] = [not is_blank(record) for record in source.take(doubtful).texts()]
    return np.flatnonzero(filled)


def _repeated_headers(source: Records, header: Header) -> list[int]:
    """Return the positions of records that repeat the header, also behind a byte order mark.

    A table of one column has no such records: a cell may equal its column's name.
    """
    names = header.columns
    first = source.column(0)
    if not header.row or len(names) == 1 or first is None:
        return []
    # Behind a byte order mark quotes are not the cell's first character, so they are text.
    spellings = (names[0], f"{_BOM}{names[0]}", f'{_BOM}"{names[0]}"')
    alike = np.flatnonzero(np.logical_or.reduce([first.equals(spelling) for spelling in spellings]))
    found = zip(alike.tolist(), source.take(alike).texts(), strict=True)
    return [at for at, record in found if header.is_repeated_in(record)]


def _repeated_header_problem(row: int, header: Header) -> Problem:
    entry = ERROR_CODES["header-again"]
    return Problem(code="header-again", row=row, sheet=header.sheet, message=entry.meaning, hint=entry.advice)


def _width_problem(row: int, record: list[str], header: Header) -> Problem | None:
    """Return the problem of a row with too few or too many cells.

    Surplus empty cells are no problem.
    """
    if len(record) < len(header.columns):
        return _too_few(row, len(record), header)
    return _too_many(row, record, header) if any(record[len(header.columns) :]) else None


def _too_few(row: int, cells: int, header: Header) -> Problem:
    return Problem(
        code="too-few-cells",
        row=row,
        sheet=header.sheet,
        message=f"The row has {cells} cell{'s' if cells > 1 else ''}, the header has {len(header.columns)} columns.",
        hint=ERROR_CODES["too-few-cells"].advice,
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
        else f"The row has {len(record)} cells, the header has {width} column{'s' if width > 1 else ''}.",
        hint=f"Name column {letter} in the header, or clear the cell."
        if nameless
        else ERROR_CODES["too-many-cells"].advice,
        value=record[surplus],
    )
