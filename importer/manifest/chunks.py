"""Records -> chunks: the rules that hold for every format, about blank rows and rows of the wrong width."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.error_codes import ERROR_CODES
from importer.manifest.footer import ends_short, with_footer_hints
from importer.manifest.header import Header, column_letter
from importer.manifest.records import BlankRecords, Records, is_blank
from importer.manifest.text_column import Column, is_visible
from importer.models import Problem

_MARK = "\ufeff"


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunk:
    """Some rows of the manifest, in its order.

    ``columns``: the header's names. ``rows``: for each row its number as a spreadsheet counts. ``problems``: structural
    ones (``too-many-cells``, ``too-few-cells``, ``header-again``); such a row is cut or padded with ``""``, and must
    not be sent.
    """

    columns: tuple[str, ...]
    rows: tuple[int, ...]
    source: Records
    problems: tuple[Problem, ...] = ()

    @functools.cached_property
    def frame(self) -> pd.DataFrame:
        """All cells: one column per header name, object dtype, every cell a ``str``, a RangeIndex from 0."""
        return self._frame(self.source)

    def part(self, positions: Sequence[int]) -> pd.DataFrame:
        """The cells of some rows, by their positions from 0 on; the frame's index counts them from 0, too."""
        return self._frame(self._take(positions))

    def records(self, positions: Sequence[int]) -> list[list[str]]:
        """The cells of some rows as they stand in the file, too many or too few of them included."""
        return self._take(positions).texts()

    def column(self, name: str) -> Column | None:
        """One column's cells as bytes; ``None`` if there is one that bytes can't say."""
        return self.source.column(self.columns.index(name))

    def texts(self, name: str) -> list[str]:
        """One column's cells as text."""
        return self.source.column_texts(self.columns.index(name))

    def texts_at(self, name: str, positions: npt.NDArray[np.intp]) -> list[str]:
        """Some of one column's cells as text."""
        return self.source.take(positions).column_texts(self.columns.index(name))

    def text(self, name: str, position: int) -> str:
        """One cell's text."""
        return self.texts_at(name, np.array([position]))[0]

    def _take(self, positions: Sequence[int]) -> Records:
        return self.source.take(np.array(positions, dtype=np.intp))

    def _frame(self, source: Records) -> pd.DataFrame:
        records = source.texts()
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
    records: Records
    problems: tuple[Problem, ...] = ()


@dataclass
class RowCounter:
    """What one pass has counted so far."""

    blank_rows: int = 0


def shape(batches: Iterable[Batch], header: Header, counter: RowCounter) -> Iterator[Chunk | None]:
    """Turn records below the header into chunks; blank ones are counted, what is no row gets a problem.

    A batch of blank records gives ``None``, so that the caller can stop in the middle of a million of them.
    """
    width = len(header.columns)
    held: Chunk | None = None  # ends with a row of too few cells, which may be the last row of all
    for batch in batches:
        source = batch.records
        if isinstance(source, BlankRecords):
            counter.blank_rows += len(source)
            yield None
            continue
        rows = np.arange(batch.first_row, batch.first_row + len(source))
        filled = _filled(source)
        counter.blank_rows += len(source) - filled.size
        if filled.size < len(source):
            rows, source = rows[filled], source.take(filled)
        if not filled.size:
            yield None
        else:
            uneven = np.flatnonzero(source.widths != width)
            numbers = tuple(rows.tolist())
            found = zip(uneven.tolist(), source.take(uneven).texts(), strict=True)
            problems = [_misfit(numbers[position], record, header) for position, record in found]
            problems += [_header_again(numbers[position], header) for position in _headers(source, header)]
            if held is not None:
                yield held
            chunk = Chunk(
                columns=header.columns,
                rows=numbers,
                source=source,
                problems=(*batch.problems, *(problem for problem in problems if problem is not None)),
            )
            held = chunk if ends_short(chunk.rows, chunk.problems) else None
            if held is None:
                yield chunk
    if held is not None:
        yield replace(held, problems=with_footer_hints(held.rows, held.problems, held.records))


def _filled(source: Records) -> npt.NDArray[np.intp]:
    """The positions of the records that are not blank, most of which their first cell tells."""
    first = source.column(0)
    if first is None:
        filled = empty = np.zeros(len(source), dtype=bool)
    else:
        filled, empty = is_visible(first.first_bytes()), (source.widths == 1) & (first.lengths == 0)
    doubtful = np.flatnonzero(~(filled | empty))
    filled[doubtful] = [not is_blank(record) for record in source.take(doubtful).texts()]
    return np.flatnonzero(filled)


def _headers(source: Records, header: Header) -> list[int]:
    """The positions of the records that are the header once more, perhaps with the mark of a file put behind another.

    In a table of one column a cell may well be called as its column is.
    """
    names = header.columns
    first = source.column(0)
    if not header.row or len(names) == 1 or first is None:
        return []
    # Behind a mark, quotes are no longer the first of their cell, and so they are text.
    ways = (names[0], f"{_MARK}{names[0]}", f'{_MARK}"{names[0]}"')
    alike = np.flatnonzero(np.logical_or.reduce([first.is_text(way) for way in ways]))
    found = zip(alike.tolist(), source.take(alike).texts(), strict=True)
    return [at for at, record in found if header.is_again(record)]


def _header_again(row: int, header: Header) -> Problem:
    entry = ERROR_CODES["header-again"]
    return Problem(code="header-again", row=row, sheet=header.sheet, message=entry.meaning, hint=entry.advice)


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
        else f"The row has {len(record)} cells, the header {width} column{'s' if width > 1 else ''}.",
        hint=f"Name column {letter} in the header, or empty the cell."
        if nameless
        else ERROR_CODES["too-many-cells"].advice,
        value=record[surplus],
    )
