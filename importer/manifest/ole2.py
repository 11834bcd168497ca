"""One stream out of an OLE2 container, which is a small file system: sectors, and a table that chains them.

The layout is that of [MS-CFB], "Compound File Binary File Format".
"""

from __future__ import annotations

import struct
from pathlib import Path

_HEADER_BYTES = 512
_ENTRY_BYTES = 128
_ROOT = 5
_LAST_CHAIN = 0xFFFFFFFA  # from here on a number is no sector: an end, a free one, or one of the table itself


def read_stream(path: Path, name: str) -> bytes:
    """Read a stream as a whole. Raises LookupError, ValueError or OSError if there is none or the file is damaged."""
    try:
        return _Container(path.read_bytes()).stream(name)
    except struct.error as error:
        raise ValueError(str(error)) from error


class _Container:
    def __init__(self, data: bytes) -> None:
        self._data = data
        sector_shift, mini_shift = struct.unpack_from("<HH", data, 30)
        self._sector_bytes, self._mini_bytes = 1 << sector_shift, 1 << mini_shift
        (first_directory,) = struct.unpack_from("<I", data, 48)
        self._cutoff, first_mini, _, next_table, _ = struct.unpack_from("<IIIII", data, 56)
        tables = list(struct.unpack_from("<109I", data, 76))
        self._table: list[int] = []
        seen: set[int] = set()
        while next_table < _LAST_CHAIN and next_table not in seen:
            seen.add(next_table)
            *more, next_table = self._numbers(self._sector(next_table))
            tables += more
        for sector in tables:
            if sector < _LAST_CHAIN:
                self._table += self._numbers(self._sector(sector))
        self._directory = self._chained(first_directory)
        self._mini_table = self._numbers(self._chained(first_mini)) if first_mini < _LAST_CHAIN else []

    def stream(self, name: str) -> bytes:
        root = b""
        for at in range(0, len(self._directory) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
            entry = self._directory[at : at + _ENTRY_BYTES]
            (name_bytes,) = struct.unpack_from("<H", entry, 64)
            start, size = struct.unpack_from("<II", entry, 116)
            if entry[66] == _ROOT:
                root = self._chained(start) if start < _LAST_CHAIN else b""
            elif entry[: max(name_bytes - 2, 0)].decode("utf-16-le", "replace") == name:
                return (self._chained(start) if size >= self._cutoff else self._mini(root, start))[:size]
        raise LookupError(name)

    def _sector(self, number: int) -> bytes:
        # Where sectors are longer than the header, the header is padded to one.
        start = max(_HEADER_BYTES, self._sector_bytes) + number * self._sector_bytes
        return self._data[start : start + self._sector_bytes]

    def _numbers(self, content: bytes) -> list[int]:
        return list(struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4]))

    def _chained(self, first: int) -> bytes:
        return b"".join(map(self._sector, _chain(self._table, first)))

    def _mini(self, root: bytes, first: int) -> bytes:
        size = self._mini_bytes
        return b"".join(root[at * size : (at + 1) * size] for at in _chain(self._mini_table, first))


def _chain(table: list[int], first: int) -> list[int]:
    """The sectors from ``first`` on. Raises ValueError for a chain that comes back to itself or leaves the table."""
    chain: list[int] = []
    while first < _LAST_CHAIN:
        if first >= len(table) or len(chain) > len(table):
            raise ValueError(f"the chain of sectors breaks at {first}")
        chain.append(first)
        first = table[first]
    return chain
