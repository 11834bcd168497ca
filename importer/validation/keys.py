"""Which row of a manifest first had a key: for a million rows in 24 bytes each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

_HASH_KEYS = ("ticket-importer1", "ticket-importer2")  # pandas wants 16 characters
_Table = npt.NDArray[np.void]
_ENTRY = np.dtype([("hash", np.uint64), ("check", np.uint64), ("position", np.int64)])


class KeyIndex:
    """Remembers keys by 128 bits of hash: two of a million keys are taken for one with a chance of 1 in 10^26.

    Sorted tables are merged as they grow to the same size, so that adding n keys costs n log n.
    """

    def __init__(self) -> None:
        self._tables: list[_Table] = []

    def add(self, keys: Sequence[str], start: int) -> npt.NDArray[np.int64]:
        """Add keys at positions ``start``, ``start + 1``, …; give each one's first position, or -1 if it is new.

        Empty keys are not keys: they are always new.
        """
        firsts = np.full(len(keys), -1, dtype=np.int64)
        values = np.array(keys, dtype=object)
        where = np.flatnonzero(values != "")
        if not where.size:
            return firsts
        new = np.empty(where.size, dtype=_ENTRY)
        for name, hash_key in zip(("hash", "check"), _HASH_KEYS, strict=True):
            new[name] = pd.util.hash_array(values[where], hash_key=hash_key, categorize=False)
        new["position"] = start + where
        for table in self._tables:
            self._match(table, new, firsts, where)
        new = np.sort(new, order=["hash", "check", "position"])
        same = (new["hash"][1:] == new["hash"][:-1]) & (new["check"][1:] == new["check"][:-1])
        heads = np.concatenate(([True], ~same))
        head_of = np.maximum.accumulate(np.where(heads, np.arange(new.size), 0))
        repeated = np.flatnonzero(~heads)
        for index in repeated:
            position = int(new["position"][index]) - start
            if firsts[position] < 0:
                firsts[position] = new["position"][head_of[index]]
        self._keep(new[heads])
        return firsts

    def _match(self, table: _Table, new: _Table, firsts: npt.NDArray[np.int64], where: npt.NDArray[np.intp]) -> None:
        at = np.minimum(np.searchsorted(table["hash"], new["hash"]), table.size - 1)
        hits = (table["hash"][at] == new["hash"]) & (table["check"][at] == new["check"]) & (firsts[where] < 0)
        firsts[where[hits]] = table["position"][at[hits]]

    def _keep(self, table: _Table) -> None:
        while self._tables and self._tables[-1].size <= 2 * table.size:
            merged = np.concatenate((self._tables.pop(), table))
            table = merged[np.lexsort((merged["position"], merged["check"], merged["hash"]))]
        self._tables.append(table)
