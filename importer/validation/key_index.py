"""Finds repeated keys among millions of rows, in 16 bytes per row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from importer.validation.fingerprints import Fingerprints

_LEAST_MERGED = 1 << 17
_MOST_TABLES = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table:
    """Keys sorted by hash: the first 64 bits, 32 bits more, and the row position of each."""

    hashes: npt.NDArray[np.uint64]
    checks: npt.NDArray[np.uint32]
    positions: npt.NDArray[np.uint32]

    @property
    def size(self) -> int:
        return self.hashes.size

    def take(self, which: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> _Table:
        return _Table(hashes=self.hashes[which], checks=self.checks[which], positions=self.positions[which])


@dataclass(frozen=True, kw_only=True)
class RowKeys:
    """Keys of a chunk's rows. ``has_key``: which rows have one. ``text``: the key of the row at a position."""

    fingerprints: Fingerprints
    has_key: npt.NDArray[np.bool_]
    text: Callable[[int], str]


class KeyIndex:
    """Index of keys by 96 bits of hash; among a million keys, two collide with a chance of 1 in 10^17.

    Sorted tables of similar size are merged, but never to more than an eighth of all keys: merging needs twice their
    memory, and searching a few tables costs little.
    """

    def __init__(self) -> None:
        self._tables: list[_Table] = []
        self._size = 0

    def add(self, prints: Fingerprints, wanted: npt.NDArray[np.bool_], start: int) -> npt.NDArray[np.int64]:
        """Add keys by their fingerprints, at the positions from ``start`` on.

        Returns the first position of each key, or -1 for a new key. Rows that are not ``wanted`` are not added: -1.
        """
        firsts = np.full(wanted.size, -1, dtype=np.int64)
        where = np.flatnonzero(wanted)
        if not where.size:
            return firsts
        checks = (prints[1, where] >> np.uint64(32)).astype(np.uint32)
        new = _Table(hashes=prints[0, where], checks=checks, positions=(start + where).astype(np.uint32))
        new = new.take(_order(new))
        for table in self._tables:
            at = np.minimum(np.searchsorted(table.hashes, new.hashes), table.size - 1)
            hits = (table.hashes[at] == new.hashes) & (table.checks[at] == new.checks)
            firsts[new.positions[hits] - np.uint32(start)] = table.positions[at[hits]]
        is_head = np.ones(new.size, dtype=bool)
        is_head[1:] = (new.hashes[1:] != new.hashes[:-1]) | (new.checks[1:] != new.checks[:-1])
        heads = np.flatnonzero(is_head)
        repeated = np.flatnonzero(~is_head)
        head_of = new.positions[heads[np.searchsorted(heads, repeated) - 1]]
        places = new.positions[repeated].astype(np.int64) - start
        firsts[places] = np.where(firsts[places] < 0, head_of, firsts[places])
        self._store(new.take(is_head & (firsts[new.positions - np.uint32(start)] < 0)))
        return firsts

    def _store(self, table: _Table) -> None:
        self._size += table.size
        most = max(_LEAST_MERGED, self._size // _MOST_TABLES)
        while self._tables and self._tables[-1].size <= 2 * table.size and self._tables[-1].size + table.size <= most:
            former = self._tables.pop()
            both = _Table(
                hashes=np.concatenate((former.hashes, table.hashes)),
                checks=np.concatenate((former.checks, table.checks)),
                positions=np.concatenate((former.positions, table.positions)),
            )
            table = both.take(np.argsort(both.hashes, kind="stable"))
        if table.size:
            self._tables.append(table)


def _order(table: _Table) -> npt.NDArray[np.intp]:
    """Return the order by hash, then by check; equal keys keep their order. Equal hashes are extremely rare."""
    order = np.argsort(table.hashes, kind="stable")
    hashes, checks = table.hashes[order], table.checks[order]
    if ((hashes[1:] == hashes[:-1]) & (checks[1:] != checks[:-1])).any():
        return np.lexsort((table.checks, table.hashes))
    return order
