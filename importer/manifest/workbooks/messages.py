"""What passes between the importer and the process that reads a workbook: pickles, each with its length before it."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from importer.manifest.file_type import FileType
from importer.manifest.header import Header
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.text_column import Column
from importer.manifest.workbooks.grid import Grid
from importer.models import ManifestOptions, Problem

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, kw_only=True)
class ReaderLimits:
    """What a process may use before the system stops it."""

    memory_bytes: int
    cpu_s: int


@dataclass(frozen=True, kw_only=True)
class Request:
    """Which sheet to read; the fields are those of ``open_workbook``."""

    path: Path
    kind: FileType
    options: ManifestOptions
    expected: Collection[str]
    shown: str
    limits: ReaderLimits


@dataclass(frozen=True, kw_only=True)
class Opened:
    """The first answer: the sheet is chosen, and its header is found."""

    where: str
    format: ManifestFormat
    header: Header


@dataclass(frozen=True, kw_only=True)
class RowsMessage:
    """Consecutive rows below the header, and what is wrong with cells of them."""

    cells: tuple[tuple[bytes, bytes], ...]  # of each column: its data, and the ends of its cells
    named: int
    unsayable: frozenset[int]
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, grid: Grid, problems: tuple[Problem, ...]) -> RowsMessage:
        """Make a message of a grid whose columns begin at the first byte of their data and have no gaps."""
        cells = tuple((column.data.tobytes(), column.ends.astype(np.int64).tobytes()) for column in grid.cells)
        return cls(cells=cells, named=grid.named, unsayable=grid.unsayable, problems=problems)

    def grid(self) -> Grid:
        """The rows."""
        cells = tuple(_column(data, ends) for data, ends in self.cells)
        return Grid(cells=cells, named=self.named, unsayable=self.unsayable)


@dataclass(frozen=True, kw_only=True)
class BlankRows:
    """So many rows without content."""

    size: int


@dataclass(frozen=True, kw_only=True)
class End:
    """The last answer: there are no more rows."""


@dataclass(frozen=True, kw_only=True)
class ReadRefused:
    """A ManifestError."""

    message: str
    hint: str
    details: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """An OSError."""

    number: int
    text: str


@dataclass(frozen=True, kw_only=True)
class OutOfMemory:
    """Python ran into the limit; a library that does ends the process instead."""


@dataclass(frozen=True, kw_only=True)
class Bug:
    """Something that was not foreseen."""

    traceback: str


def send(stream: IO[bytes], message: Any) -> None:
    """Write a message."""
    content = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Read a message, still packed; ``None`` if the stream ends before the message does."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = stream.read(length)
    return content if len(content) == length else None


def unpacked(content: bytes) -> Any:
    """The message."""
    return pickle.loads(content)  # noqa: S301 - both ends are this program, and nothing else can write to the pipe


def _column(data: bytes, ends: bytes) -> Column:
    places = np.frombuffer(ends, dtype=np.int64)
    return Column(
        data=np.frombuffer(data, dtype=np.uint8),
        starts=np.concatenate((np.zeros(1, dtype=np.int64), places))[:-1],
        ends=places,
        escaped=np.zeros(places.size, dtype=bool),
    )
