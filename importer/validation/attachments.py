"""What the attachments of a chunk's rows come to: cells that were looked up once are known by their fingerprints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from importer.attachments import FAULTY, AttachmentFinder
from importer.manifest import Chunk, Column
from importer.validation.fingerprints import Fingerprints, combined, fingerprints

_REMEMBERED = 200_000

Positions = npt.NDArray[np.intp]
Measure = Callable[[list[tuple[str, ...]]], list[tuple[int, int, int]]]  # of rows of cells; see the finder


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredFiles:
    """Of some rows: bytes, number and added states of each one's files, and which the finder has to look at one by one.

    ``doubtful`` counts the rows from 0; their other values are not valid.
    """

    size_bytes: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    states: npt.NDArray[np.int64]
    doubtful: Positions


class FileMeasurer:
    """Looks through chunk after chunk. ``remembered``: how many different cells are known at most."""

    def __init__(self, finder: AttachmentFinder, *, remembered: int = _REMEMBERED) -> None:
        self._finder = finder
        self._cells = _Known(lambda rows: finder.measure_cells(cell for (cell,) in rows), remembered)
        self._folders = _Known(finder.measure_folders, remembered)

    def look(self, chunk: Chunk, positions: Positions) -> MeasuredFiles:
        """Measure the files of some rows of a chunk."""
        parts = [self._cells.look([_cells(chunk, name, positions)]) for name in self._finder.naming_columns]
        if folder := self._finder.folder_columns:
            parts.append(self._folders.look([_cells(chunk, name, positions) for name in folder]))
        size_bytes, numbers, states = np.stack(parts, axis=1)
        doubtful = self._finder.doubtful(size_bytes, numbers)
        return MeasuredFiles(
            size_bytes=np.maximum(size_bytes, 0).sum(axis=0),
            numbers=numbers.sum(axis=0),
            states=states.sum(axis=0),
            doubtful=np.flatnonzero(doubtful),
        )

    def rows(self, chunk: Chunk, positions: Positions) -> list[list[tuple[str, str]]]:
        """The (column, cell) pairs of some rows, as the finder takes them."""
        columns = self._finder.columns
        texts = [_cells(chunk, name, positions).texts() for name in columns]
        return [list(zip(columns, row, strict=True)) for row in zip(*texts, strict=True)]


class _Known:
    """Cells, or rows of some columns' cells, with their measures; sorted by the first half of their fingerprints."""

    def __init__(self, measure: Measure, remembered: int) -> None:
        self._measure = measure
        self._remembered = remembered
        self._prints: Fingerprints = np.empty((2, 0), dtype=np.uint64)
        self._measures = np.empty((3, 0), dtype=np.int64)

    def look(self, columns: Sequence[Column]) -> npt.NDArray[np.int64]:
        """The bytes (or FAULTY), number and added states of the files of each row, as an array of (3, rows)."""
        prints = combined([fingerprints(column) for column in columns])
        measures, known = self._recall(prints)
        unknown = np.flatnonzero(~known)
        if unknown.size:
            _, firsts, which = np.unique(prints[0, unknown], return_index=True, return_inverse=True)
            rows = zip(*(column.take(unknown[firsts]).texts() for column in columns), strict=True)
            found = np.array(self._measure(list(rows)), dtype=np.int64).T
            measures[:, unknown] = found[:, which]
            # Two that share half a fingerprint are as rare as anything; the finder tells them apart.
            other = prints[1, unknown] != prints[1, unknown[firsts]][which]
            measures[0, unknown[other]] = FAULTY
            self._learn(prints[:, unknown[firsts]], found)
        return measures

    def _recall(self, prints: Fingerprints) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        if not self._prints.size:
            return np.zeros((3, prints.shape[1]), dtype=np.int64), np.zeros(prints.shape[1], dtype=bool)
        # Looked for in their order, neighbours are found close together: three times as fast as at random.
        order = np.argsort(prints[0])
        at = np.empty(order.size, dtype=np.intp)
        at[order] = np.searchsorted(self._prints[0], prints[0, order])
        at = np.minimum(at, self._prints.shape[1] - 1)
        return self._measures[:, at], (self._prints[:, at] == prints).all(axis=0)

    def _learn(self, prints: Fingerprints, measures: npt.NDArray[np.int64]) -> None:
        """Put new ones, which are sorted, where they belong."""
        if self._prints.shape[1] + prints.shape[1] > self._remembered:
            self._prints, self._measures = prints, measures
            return
        at = np.searchsorted(self._prints[0], prints[0])
        self._prints = np.insert(self._prints, at, prints, axis=1)
        self._measures = np.insert(self._measures, at, measures, axis=1)


def _cells(chunk: Chunk, name: str, positions: Positions) -> Column:
    column = chunk.column(name) or Column.from_any_texts(chunk.texts(name))
    return column if positions.size == len(column) else column.take(positions)
