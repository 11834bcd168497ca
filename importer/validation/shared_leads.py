"""Finds rows that name the same lead: sent at the same time, they could create the lead twice."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt


class SharedLeads:
    """Finds the leads that several rows name, in 8 bytes per name.

    Compares 64-bit hashes; a collision only makes two rows wait for each other.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._shared: npt.NDArray[np.int64] | None = None

    def add(self, names: Iterable[str]) -> None:
        """Add the lead names of more rows; empty ones are ignored. Not possible after the first call of ``shared``."""
        self._hashes.extend(hash(name) for name in names if name)

    def shared(self, names: Sequence[str]) -> set[str]:
        """Return those of the names that were added more than once."""
        if self._shared is None:
            self._shared = self._repeated()
            self._hashes = array("q")  # frees 16 MB for two million names
        if not self._shared.size:
            return set()
        wanted = [name for name in names if name]
        hashes = np.fromiter(map(hash, wanted), dtype=np.int64, count=len(wanted))
        at = np.minimum(np.searchsorted(self._shared, hashes), self._shared.size - 1)
        return {wanted[index] for index in np.flatnonzero(self._shared[at] == hashes).tolist()}

    def _repeated(self) -> npt.NDArray[np.int64]:
        hashes = np.frombuffer(self._hashes, dtype=np.int64) if self._hashes else np.empty(0, dtype=np.int64)
        hashes.sort()  # in place
        return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
