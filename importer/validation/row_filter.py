"""Finds the rows that the mapping's `rows` section leaves out."""

from __future__ import annotations

from importer.account_fields.value_check import quoted
from importer.manifest.chunks import Chunk
from importer.mapping.checked_mapping import CellsByColumn, RowRules


class RowFilter:
    """Finds the rows to exclude, chunk by chunk, by their cells as they are in the manifest."""

    def __init__(self, rules: RowRules) -> None:
        self._rules = rules
        self._unseen = {
            (key, column, cell) for key, cells in self._by_key() for column, some in cells.items() for cell in some
        }
        self._has_rows = False

    def exclusions(self, chunk: Chunk) -> dict[int, str]:
        """Return why rows are left out, by their positions in the chunk."""
        self._has_rows = True
        found: dict[int, str] = {}
        for key, cells in self._by_key():
            for column, some in cells.items():
                texts = chunk.values.texts(column)
                self._unseen.difference_update((key, column, cell) for cell in set(some).intersection(texts))
                listed = frozenset(some)
                for at, text in enumerate(texts):
                    if (text in listed) is (key == "skip"):
                        found.setdefault(at, f"`rows: {key}`: {column} is {quoted(text) if text else 'empty'}")
        return found

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warn of cells in the mapping that no row has: probably they are misspelled."""
        unseen = sorted(self._unseen) if self._has_rows else ()
        return tuple(f"rows > {key} > {column}: no row has {cell!r}" for key, column, cell in unseen)

    def _by_key(self) -> tuple[tuple[str, CellsByColumn], ...]:
        return ("only", self._rules.only), ("skip", self._rules.skip)
