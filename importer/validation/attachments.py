"""Finds, checks and measures the files that rows name. Cells seen before are recognised by their fingerprints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from importer.account_fields.value_check import shortened
from importer.attachments import FAULTY, AttachmentFinder, FileFault, NamedFiles
from importer.manifest.chunks import Chunk
from importer.manifest.text_column import Column
from importer.models import Attachment
from importer.validation.converted_rows import ConvertedRows
from importer.validation.fingerprint_cache import FingerprintCache, Positions, distinct
from importer.validation.fingerprints import combine, fingerprints
from importer.validation.problem_collector import ProblemCollector

_REMEMBERED = 200_000

# Rows of cells -> bytes, number and summed states of each row's files; see `AttachmentFinder.measure_cells`.
Measure = Callable[[list[tuple[str, ...]]], list[tuple[int, int, int]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredFiles:
    """Bytes, number and summed states of the files of some rows, in the rows' order.

    ``unclear``: positions of rows that the finder must check one by one; their other values are not valid.
    """

    size_bytes: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    states: npt.NDArray[np.int64]
    unclear: Positions


class AttachmentChecker:
    """Finds the files of rows, and reports the files that can't be sent."""

    def __init__(self, finder: AttachmentFinder) -> None:
        self._finder = finder
        self._measurer = FileMeasurer(finder)

    def check_chunk(
        self, chunk: Chunk, positions: Positions, converted: ConvertedRows, collector: ProblemCollector
    ) -> None:
        """Report problems of the files of the rows at ``positions``, and measure the files of all rows.

        Files of other rows, which may be imported already, count too: they are not unclaimed files.
        """
        measured = self._measurer.measure(chunk, np.arange(len(chunk.rows)))
        index_of = dict(zip(positions.tolist(), range(positions.size), strict=True))
        for at, row in zip(measured.unclear.tolist(), self._measurer.rows(chunk, measured.unclear), strict=True):
            named = self._finder.find(row)
            if (index := index_of.get(at)) is not None:
                _report_faults(index, named, collector)
            found = [each.found for each in named if isinstance(each.found, Attachment)]
            measured.size_bytes[at] = sum(file.size_bytes for file in found)
            measured.numbers[at] = len(found)
            measured.states[at] = sum(file.state for file in found)
        wrong = positions[list(converted.problems)]
        converted.attachment_bytes = int(measured.size_bytes[positions].sum() - measured.size_bytes[wrong].sum())
        numbers = measured.numbers
        converted.files = int(numbers.sum()), int(measured.size_bytes.sum()), int(np.count_nonzero(numbers))
        converted.file_states = measured.states

    def find(self, cells: Mapping[str, str]) -> tuple[tuple[Attachment, ...], str]:
        """Return the files of one row, given as column -> cell, and why the first faulty one can't be sent."""
        named = self._finder.find((column, cells[column]) for column in self._finder.columns)
        faults = [f"{each.column}: {each.found.message}" for each in named if isinstance(each.found, FileFault)]
        return tuple(each.found for each in named if isinstance(each.found, Attachment)), next(iter(faults), "")


def _report_faults(position: int, files: Iterable[NamedFiles], collector: ProblemCollector) -> None:
    for named in files:
        if isinstance(named.found, FileFault):
            message = f"{named.column}: {named.found.message}"
            collector.add(position, named.found.code, message, column=named.column, value=shortened(named.name))


class FileMeasurer:
    """Measures the files of chunk after chunk. ``remembered``: the most different cells to keep in memory."""

    def __init__(self, finder: AttachmentFinder, *, remembered: int = _REMEMBERED) -> None:
        self._finder = finder
        self._cells = _CachedMeasure(lambda rows: finder.measure_cells(cell for (cell,) in rows), remembered)
        self._folders = _CachedMeasure(finder.measure_folders, remembered)

    def measure(self, chunk: Chunk, positions: Positions) -> MeasuredFiles:
        """Measure the files of the rows at ``positions``."""
        parts = [self._cells.measure([_cells(chunk, name, positions)]) for name in self._finder.naming_columns]
        if folder := self._finder.folder_columns:
            parts.append(self._folders.measure([_cells(chunk, name, positions) for name in folder]))
        size_bytes, numbers, states = np.stack(parts, axis=1)
        unclear = self._finder.needs_lookup(size_bytes, numbers)
        return MeasuredFiles(
            size_bytes=np.maximum(size_bytes, 0).sum(axis=0),
            numbers=numbers.sum(axis=0),
            states=states.sum(axis=0),
            unclear=np.flatnonzero(unclear),
        )

    def rows(self, chunk: Chunk, positions: Positions) -> list[list[tuple[str, str]]]:
        """Return the (column, cell) pairs of the rows at ``positions``, for `AttachmentFinder.find`."""
        columns = self._finder.columns
        texts = [_cells(chunk, name, positions).texts() for name in columns]
        return [list(zip(columns, row, strict=True)) for row in zip(*texts, strict=True)]


class _CachedMeasure:
    """Measures the files of rows of cells, each different row once as long as the cache remembers it."""

    def __init__(self, measure: Measure, remembered: int) -> None:
        self._measure = measure
        self._cache = FingerprintCache(3, remembered)

    def measure(self, columns: Sequence[Column]) -> npt.NDArray[np.int64]:
        """Return bytes (or FAULTY), number and summed states of each row's files, as an array of (3, rows)."""
        prints = combine([fingerprints(column) for column in columns])
        measures, known = self._cache.look_up(prints)
        unknown = np.flatnonzero(~known)
        if unknown.size:
            firsts, which, same = distinct(prints[:, unknown])
            rows = zip(*(column.take(unknown[firsts]).texts() for column in columns), strict=True)
            found = np.array(self._measure(list(rows)), dtype=np.int64).T
            measures[:, unknown] = found[:, which]
            measures[0, unknown[~same]] = FAULTY  # the finder checks these rows one by one
            self._cache.add(prints[:, unknown[firsts]], found)
        return measures


def _cells(chunk: Chunk, name: str, positions: Positions) -> Column:
    column = chunk.values.column(name) or Column.from_any_texts(chunk.values.texts(name))
    return column if positions.size == len(column) else column.take(positions)
