"""A cache of facts about cells, found by the cells' fingerprints."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from importer.manifest.text_column import Mask
from importer.validation.fingerprints import Fingerprints

Facts = npt.NDArray[np.int64]  # (facts, cells)
Positions = npt.NDArray[np.intp]


class Distinct(NamedTuple):
    """The different cells among some: ``firsts`` are their positions, sorted by the fingerprints' first half.

    ``which``: for each cell, the index of its first. ``same``: whether both halves of their fingerprints are equal; it
    is extremely rare that only the first is.
    """

    firsts: Positions
    which: Positions
    same: Mask


def distinct(prints: Fingerprints) -> Distinct:
    """Find the different cells by the first half of their fingerprints."""
    _, firsts, which = np.unique(prints[0], return_index=True, return_inverse=True)
    return Distinct(firsts, which, prints[1] == prints[1, firsts][which])


class FingerprintCache:
    """``facts`` numbers about each of at most ``most`` cells, sorted by the fingerprints' first half."""

    def __init__(self, facts: int, most: int) -> None:
        self._most = most
        self._prints: Fingerprints = np.empty((2, 0), dtype=np.uint64)
        self._facts: Facts = np.zeros((facts, 0), dtype=np.int64)

    def look_up(self, prints: Fingerprints) -> tuple[Facts, Mask]:
        """Return the facts about cells, and which cells are known; the facts about others are arbitrary."""
        cells, size = prints.shape[1], self._prints.shape[1]
        if not size:
            return np.zeros((len(self._facts), cells), dtype=np.int64), np.zeros(cells, dtype=bool)
        # A search in sorted order is three times as fast as one in random order.
        order = np.argsort(prints[0])
        at = np.empty(cells, dtype=np.intp)
        at[order] = np.searchsorted(self._prints[0], prints[0, order])
        at = np.minimum(at, size - 1)
        return self._facts[:, at], (self._prints[:, at] == prints).all(axis=0)

    def add(self, prints: Fingerprints, facts: Facts) -> None:
        """Add facts about unknown cells, which are sorted by the first half; start anew if the cache is full."""
        if self._prints.shape[1] + prints.shape[1] > self._most:
            self._prints, self._facts = prints[:, : self._most], facts[:, : self._most]
            return
        at = np.searchsorted(self._prints[0], prints[0])
        self._prints = np.insert(self._prints, at, prints, axis=1)
        self._facts = np.insert(self._facts, at, facts, axis=1)
