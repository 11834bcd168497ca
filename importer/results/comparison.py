"""Compares a results file with its manifest: missing rows, changed cells and changed keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.manifest.chunks import Chunk
from importer.manifest.manifest import Manifest
from importer.results.columns import unescape_formula
from importer.results.reading import data_columns
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


def compare_with_manifest(
    results: Manifest, manifest: Manifest, keys_of: Callable[[pd.DataFrame], Sequence[str]]
) -> ManifestComparison:
    """Read both files once. Memory holds hashes of the results' cells, and the manifest's cells that differ."""
    columns = [column for column in data_columns(results.columns) if column in manifest.columns]
    content = _ResultsContent.read(results, columns)
    comparison = ManifestComparison(guessed=results.format.is_encoding_guessed)
    seen: set[int] = set()
    for chunk in manifest.chunks():
        comparison.misshapen |= {problem.row: problem.code for problem in chunk.problems}
        here = [index for index, row in enumerate(chunk.rows) if row in content.positions]
        seen.update(chunk.rows)
        comparison.missing += [row for row in chunk.rows if row not in content.positions]
        if here:
            _compare_keys(comparison, content, chunk, here, keys_of(chunk.frame))
            _compare_cells(comparison, content, chunk, here)
    comparison.surplus = sorted(content.positions.keys() - seen)
    return comparison


@dataclass(kw_only=True)
class _ResultsContent:
    """The contents of a results file, as hashes."""

    columns: list[str]
    positions: dict[int, int]  # import_row -> index of the row
    keys: list[str]
    hashes: _Hashes  # one row per row of the file, one column per column of ``columns``

    @classmethod
    def read(cls, results: Manifest, columns: list[str]) -> _ResultsContent:
        positions: dict[int, int] = {}
        keys: list[str] = []
        parts: list[_Hashes] = []
        for chunk in results.chunks():
            for number, key in zip(chunk.frame["import_row"], chunk.frame["import_key"], strict=True):
                positions[int(number)] = len(positions)
                keys.append(unescape_formula(key))
            parts.append(_hashes(chunk, columns))
        hashes = np.concatenate(parts) if parts else np.empty((0, len(columns)), dtype=np.uint64)
        return cls(columns=columns, positions=positions, keys=keys, hashes=hashes)


def _hashes(chunk: Chunk, columns: Sequence[str]) -> _Hashes:
    hashes = np.empty((len(chunk.rows), len(columns)), dtype=np.uint64)
    for index, column in enumerate(columns):
        cells = np.array(list(map(normalize_line_ends, chunk.frame[column])), dtype=object)
        hashes[:, index] = pd.util.hash_array(cells, categorize=False)
    return hashes


def _compare_keys(
    comparison: ManifestComparison, content: _ResultsContent, chunk: Chunk, here: Sequence[int], own_keys: Sequence[str]
) -> None:
    for index in here:
        row = chunk.rows[index]
        key, own = content.keys[content.positions[row]], own_keys[index]
        if key == own and key:
            comparison.same_keys += 1
        elif key and own and changed_by_spreadsheet(own, key, guessed=comparison.guessed):
            comparison.keys[row] = own
        elif key and own:
            comparison.other_keys.append(row)


def _compare_cells(comparison: ManifestComparison, content: _ResultsContent, chunk: Chunk, here: Sequence[int]) -> None:
    own = _hashes(chunk, content.columns)[list(here)]
    theirs = content.hashes[[content.positions[chunk.rows[index]] for index in here]]
    for at, place in np.argwhere(own != theirs).tolist():
        index, column = here[at], content.columns[place]
        comparison.cells.setdefault(chunk.rows[index], {})[column] = chunk.frame[column].iloc[index]
