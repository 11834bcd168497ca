"""Compares a results file with its manifest: missing rows, changed cells and changed keys."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.manifest.chunks import Chunk
from importer.manifest.manifest import Manifest
from importer.models import Status
from importer.results.columns import data_columns, unescape_formula
from importer.results.spreadsheet_damage import changed_by_spreadsheet, normalize_line_ends

_Hashes = npt.NDArray[np.uint64]


@dataclass(kw_only=True)
class ManifestComparison:
    """Differences between a results file and its manifest. Rows are rows of the manifest (``import_row``).

    ``cells``: the manifest's cells, by row and column, that differ in the file. ``keys``: the manifest's keys, where a
    spreadsheet changed ``import_key``. ``misshapen``: rows with too many or too few cells, with the problem's code.
    """

    guessed: bool = False  # the encoding of the results file is a guess
    missing: list[int] = field(default_factory=list)
    surplus: list[int] = field(default_factory=list)
    cells: dict[int, dict[str, str]] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)
    misshapen: dict[int, str] = field(default_factory=dict)
    same_keys: int = 0  # the number of rows with the key of the manifest
    other_keys: list[int] = field(default_factory=list)  # rows with a different key

    def spreadsheet_damage(self, row: int, column: str, found: str) -> tuple[str, str] | None:
        """Return the manifest's cell and how a spreadsheet changed it; None if it is unchanged or a user edited it."""
        original = self.cells.get(row, {}).get(column)
        if original is None:
            return None
        reason = changed_by_spreadsheet(original, found, guessed=self.guessed)
        return (original, reason) if reason else None

    def forget(self, row: int, column: str) -> None:
        """Remove a difference: the cell has the manifest's text again."""
        del self.cells[row][column]
        if not self.cells[row]:
            del self.cells[row]


class ResultsContent:
    """The rows of a results file, added chunk by chunk: their cells only as hashes.

    ``positions``: ``import_row`` -> index of the row. ``keys`` and ``runs`` (``import_run``): of the rows, by index.
    ``rejected``: which rows were rejected, by ``import_row``.
    """

    def __init__(self, results: Manifest) -> None:
        self.columns = data_columns(results.columns)
        self.is_encoding_guessed = results.format.is_encoding_guessed
        self.positions: dict[int, int] = {}
        self.keys: list[str] = []
        self.runs: list[str] = []
        self.rejected: set[int] = set()
        self._hashes: list[_Hashes] = []

    def add(self, chunk: Chunk) -> None:
        """Add rows, which must have passed the checks of `check_results`."""
        for number, key, run, status in chunk.cells(("import_row", "import_key", "import_run", "import_status")):
            self.positions[int(number)] = len(self.positions)
            self.keys.append(unescape_formula(key))
            self.runs.append(sys.intern(run))
            if status == Status.REJECTED:
                self.rejected.add(int(number))
        self._hashes.append(_hashes(chunk, self.columns))

    def hashes(self, columns: Sequence[str]) -> _Hashes:
        """Return the hashes of the cells in some columns, as an array of (rows, columns)."""
        if not self._hashes:
            return np.empty((0, len(columns)), dtype=np.uint64)
        self._hashes = [np.concatenate(self._hashes)]
        return self._hashes[0][:, [self.columns.index(column) for column in columns]]


def compare_with_manifest(
    content: ResultsContent, manifest: Manifest, keys_of: Callable[[Chunk], Sequence[str]]
) -> ManifestComparison:
    """Read the manifest once. Memory holds the manifest's cells that differ."""
    columns = [column for column in content.columns if column in manifest.columns]
    hashes = content.hashes(columns)
    comparison = ManifestComparison(guessed=content.is_encoding_guessed)
    seen: set[int] = set()
    for chunk in manifest.chunks():
        comparison.misshapen |= {problem.row: problem.code for problem in chunk.problems}
        here = [index for index, row in enumerate(chunk.rows) if row in content.positions]
        seen.update(chunk.rows)
        comparison.missing += [row for row in chunk.rows if row not in content.positions]
        if here:
            there = [content.positions[chunk.rows[index]] for index in here]
            _compare_keys(comparison, [content.keys[at] for at in there], chunk, here, keys_of(chunk))
            own = _hashes(chunk, columns)[here]
            for at, place in np.argwhere(own != hashes[there]).tolist():
                row, column = chunk.rows[here[at]], columns[place]
                comparison.cells.setdefault(row, {})[column] = chunk.frame[column].iloc[here[at]]
    comparison.surplus = sorted(content.positions.keys() - seen)
    return comparison


def _hashes(chunk: Chunk, columns: Sequence[str]) -> _Hashes:
    hashes = np.empty((len(chunk.rows), len(columns)), dtype=np.uint64)
    for index, column in enumerate(columns):
        cells = np.array(list(map(normalize_line_ends, chunk.frame[column])), dtype=object)
        hashes[:, index] = pd.util.hash_array(cells, categorize=False)
    return hashes


def _compare_keys(
    comparison: ManifestComparison, keys: Sequence[str], chunk: Chunk, here: Sequence[int], own_keys: Sequence[str]
) -> None:
    for index, key in zip(here, keys, strict=True):
        row, own = chunk.rows[index], own_keys[index]
        if key == own and key:
            comparison.same_keys += 1
        elif key and own and changed_by_spreadsheet(own, key, guessed=comparison.guessed):
            comparison.keys[row] = own
        elif key and own:
            comparison.other_keys.append(row)
