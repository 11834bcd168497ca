"""Which rows name the same lead: two of them under way at once could make two leads of one."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt


class SharedLeads:
    """Finds what more than one row names, in 8 bytes for each name.

    By 64 bits of hash: two names taken for one by chance make two rows wait for each other, and nothing worse.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._shared: npt.NDArray[np.int64] | None = None

    def add(self, names: Iterable[str]) -> None:
        """Take the names of some more rows, before ``shared`` is asked; empty ones are none."""
        self._hashes.extend(hash(name) for name in names if name)

    def shared(self, names: Sequence[str]) -> set[str]:
        """Those of the names that were added more than once."""
        if self._shared is None:
            self._shared = self._repeated()
            self._hashes = array("q")  # not needed any more: those of two million names are 16 MB
        if not self._shared.size:
            return set()
        given = [name for name in names if name]
        hashes = np.fromiter(map(hash, given), dtype=np.int64, count=len(given))
        at = np.minimum(np.searchsorted(self._shared, hashes), self._shared.size - 1)
        return {given[index] for index in np.flatnonzero(self._shared[at] == hashes).tolist()}

    def _repeated(self) -> npt.NDArray[np.int64]:
        hashes = np.frombuffer(self._hashes, dtype=np.int64) if self._hashes else np.empty(0, dtype=np.int64)
        hashes.sort()  # in place
        return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
