"""A results file held against the manifest that it came from: what is missing in it, and which cells are others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.manifest import Chunk, Manifest
from importer.results.columns import as_given
from importer.results.reading import data_columns
from importer.results.spreadsheet_damage import changed_by_spreadsheet, one_line_end

_Hashes = npt.NDArray[np.uint64]


@dataclass(kw_only=True)
class Comparison:
    """What a results file has otherwise than its manifest. Rows are those of the manifest, ``import_row``.

    ``cells``: the manifest's cells, by row and column, where the file's are others. ``keys``: the true keys, where a
    spreadsheet changed ``import_key``. ``misshapen``: the manifest's rows that are no whole ones, with the code.
    """

    guessed: bool = False  # the encoding of the results file is a guess
    missing: list[int] = field(default_factory=list)
    surplus: list[int] = field(default_factory=list)
    cells: dict[int, dict[str, str]] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)
    misshapen: dict[int, str] = field(default_factory=dict)
    known: int = 0  # rows whose key is that of the manifest's row
    strangers: list[int] = field(default_factory=list)  # rows whose key is another

    def spoiled(self, row: int, column: str, found: str) -> tuple[str, str] | None:
        """The manifest's cell and what a spreadsheet did to it; ``None`` if it is as it was, or a person's edit."""
        original = self.cells.get(row, {}).get(column)
        if original is None:
            return None
        reason = changed_by_spreadsheet(original, found, guessed=self.guessed)
        return (original, reason) if reason else None


def compare(results: Manifest, manifest: Manifest, keys_of: Callable[[pd.DataFrame], Sequence[str]]) -> Comparison:
    """Read both files once. Of the results, hashes of the cells are held in memory; of the manifest, what differs."""
    columns = [column for column in data_columns(results.columns) if column in manifest.columns]
    known = _Known.read(results, columns)
    comparison = Comparison(guessed=results.format.is_encoding_guessed)
    seen: set[int] = set()
    for chunk in manifest.chunks():
        comparison.misshapen |= {problem.row: problem.code for problem in chunk.problems}
        here = [index for index, row in enumerate(chunk.rows) if row in known.places]
        seen.update(chunk.rows)
        comparison.missing += [row for row in chunk.rows if row not in known.places]
        if here:
            _compare_keys(comparison, known, chunk, here, keys_of(chunk.frame))
            _compare_cells(comparison, known, chunk, here)
    comparison.surplus = sorted(known.places.keys() - seen)
    return comparison


@dataclass(kw_only=True)
class _Known:
    """What a results file has, in little room."""

    columns: list[str]
    places: dict[int, int]  # import_row -> where it stands
    keys: list[str]
    hashes: _Hashes  # a row for each of its own, a column for each of ``columns``

    @classmethod
    def read(cls, results: Manifest, columns: list[str]) -> _Known:
        places: dict[int, int] = {}
        keys: list[str] = []
        parts: list[_Hashes] = []
        for chunk in results.chunks():
            for number, key in zip(chunk.frame["import_row"], chunk.frame["import_key"], strict=True):
                places[int(number)] = len(places)
                keys.append(as_given(key))
            parts.append(_hashes(chunk, columns))
        hashes = np.concatenate(parts) if parts else np.empty((0, len(columns)), dtype=np.uint64)
        return cls(columns=columns, places=places, keys=keys, hashes=hashes)


def _hashes(chunk: Chunk, columns: Sequence[str]) -> _Hashes:
    hashes = np.empty((len(chunk.rows), len(columns)), dtype=np.uint64)
    for index, column in enumerate(columns):
        cells = np.array(list(map(one_line_end, chunk.frame[column])), dtype=object)
        hashes[:, index] = pd.util.hash_array(cells, categorize=False)
    return hashes


def _compare_keys(
    comparison: Comparison, known: _Known, chunk: Chunk, here: Sequence[int], own_keys: Sequence[str]
) -> None:
    for index in here:
        row = chunk.rows[index]
        key, own = known.keys[known.places[row]], own_keys[index]
        if key == own and key:
            comparison.known += 1
        elif key and own and changed_by_spreadsheet(own, key, guessed=comparison.guessed):
            comparison.keys[row] = own
        elif key and own:
            comparison.strangers.append(row)


def _compare_cells(comparison: Comparison, known: _Known, chunk: Chunk, here: Sequence[int]) -> None:
    own = _hashes(chunk, known.columns)[list(here)]
    theirs = known.hashes[[known.places[chunk.rows[index]] for index in here]]
    for at, place in np.argwhere(own != theirs).tolist():
        index, column = here[at], known.columns[place]
        comparison.cells.setdefault(chunk.rows[index], {})[column] = chunk.frame[column].iloc[index]
