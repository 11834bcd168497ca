"""The keys of rows, by which the ledger recognises them, and hashes of their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

import numpy as np

from importer.manifest.chunks import Chunk
from importer.manifest.text_column import Column, Mask, is_visible
from importer.mapping import Mapping
from importer.validation.fingerprints import Fingerprints, combine, fingerprints


class RowKeyReader:
    """Reads the keys of rows: the raw cell, or a JSON list of several raw cells; empty if one of them is blank."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping

    def of_chunk(self, chunk: Chunk, columns: Sequence[str]) -> list[str]:
        """Return each row's key. ``columns``: the columns of a `key: row-content`."""
        if self._mapping.key_is_row_content:
            return content_hashes(columns, chunk.cells(columns))
        return _keys([chunk.values.texts(column) for column in self._mapping.key])

    def at(self, chunk: Chunk, position: int, columns: Sequence[str]) -> str:
        """Return one row's key. ``columns``: the columns of a `key: row-content`."""
        if self._mapping.key_is_row_content:
            return content_hashes(columns, [[chunk.text(column, position) for column in columns]])[0]
        return _key([chunk.values.text(name, position) for name in self._mapping.key])

    def with_nul(self, chunk: Chunk) -> list[int]:
        """Return the positions of keys with the character NUL, which not every database can store."""
        if self._mapping.key_is_row_content or len(self._mapping.key) > 1:  # a hash, or JSON, which escapes it
            return []
        (name,) = self._mapping.key
        if chunk.values.column(name) is not None:  # a column of texts without NUL
            return []
        return [at for at, cell in enumerate(chunk.values.texts(name)) if "\0" in cell]

    def fingerprints(self, chunk: Chunk, columns: Sequence[str]) -> tuple[Fingerprints, Mask]:
        """Return a fingerprint of each row's key, and which rows have a key. ``columns``: as above."""
        names = columns if self._mapping.key_is_row_content else self._mapping.key
        values = chunk if self._mapping.key_is_row_content else chunk.values
        found = [values.column(name) or Column.from_any_texts(values.texts(name)) for name in names]
        has_key = np.ones(len(chunk.rows), dtype=bool)
        for column in () if self._mapping.key_is_row_content else found:
            visible = is_visible(column.first_bytes())
            unclear = np.flatnonzero(~visible)
            visible[unclear] = [bool(cell.strip()) for cell in column.take(unclear).texts()]
            has_key &= visible
        return combine([fingerprints(column) for column in found]), has_key


def _keys(columns: Sequence[Sequence[str]]) -> list[str]:
    if len(columns) == 1:
        return [cell if cell.strip() else "" for cell in columns[0]]
    return list(map(_key, zip(*columns, strict=True)))


def _key(cells: Sequence[str]) -> str:
    if not all(cell.strip() for cell in cells):
        return ""
    return cells[0] if len(cells) == 1 else json.dumps(cells, ensure_ascii=False)


def content_hashes(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a hash of each row's raw cells, for `key: row-content` and to detect edited rows.

    The hash does not depend on the order of columns, which changes between exports, above all in JSON.
    """
    order = sorted(range(len(columns)), key=columns.__getitem__)
    if order != list(range(len(columns))):
        rows = ([cells[index] for index in order] for cells in rows)
    return [
        hashlib.blake2b(_joined_with_lengths(cells).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        for cells in rows
    ]


def _joined_with_lengths(cells: Sequence[str]) -> str:
    """Join cells to a text that is unique for them: each cell's length comes before it."""
    return "".join(f"{len(cell)}:{cell}" for cell in cells)
