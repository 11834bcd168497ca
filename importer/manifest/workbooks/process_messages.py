"""Messages to and from the process that reads a workbook: pickles after their length."""

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
class ProcessLimits:
    """How much memory and processor time the process may use before the system stops it."""

    memory_bytes: int
    cpu_s: int


@dataclass(frozen=True, kw_only=True)
class ReadRequest:
    """The request to read one sheet; the fields are the parameters of ``open_workbook``."""

    path: Path
    kind: FileType
    options: ManifestOptions
    expected: Collection[str]
    file_name: str
    limits: ProcessLimits


@dataclass(frozen=True, kw_only=True)
class SheetOpened:
    """The first answer: the chosen sheet and its header."""

    where: str
    format: ManifestFormat
    header: Header


@dataclass(frozen=True, kw_only=True)
class RowsMessage:
    """Consecutive rows below the header, and the problems of their cells."""

    cells: tuple[tuple[bytes, bytes], ...]  # of each column: its data, and the ends of its cells
    named: int
    columns_with_nul: frozenset[int]
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, grid: Grid, problems: tuple[Problem, ...]) -> RowsMessage:
        """Pack a grid whose columns start at the first byte of their data and have no gaps."""
        cells = tuple((column.data.tobytes(), column.ends.astype(np.int64).tobytes()) for column in grid.cells)
        return cls(cells=cells, named=grid.named, columns_with_nul=grid.columns_with_nul, problems=problems)

    def grid(self) -> Grid:
        """Unpack the rows."""
        cells = tuple(_column(data, ends) for data, ends in self.cells)
        return Grid(cells=cells, named=self.named, columns_with_nul=self.columns_with_nul)


@dataclass(frozen=True, kw_only=True)
class BlankRows:
    """A number of rows without content."""

    size: int


@dataclass(frozen=True, kw_only=True)
class EndOfRows:
    """The last answer: there are no more rows."""


@dataclass(frozen=True, kw_only=True)
class WorkbookRejected:
    """A ManifestError."""

    message: str
    hint: str
    details: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FileUnreadable:
    """An OSError."""

    number: int
    text: str


@dataclass(frozen=True, kw_only=True)
class OutOfMemory:
    """A MemoryError. If a library reaches the limit, the process ends without a message."""


@dataclass(frozen=True, kw_only=True)
class ProcessBug:
    """Any other exception."""

    traceback: str


def send(stream: IO[bytes], message: Any) -> None:
    """Write a message."""
    content = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Read a message, still packed; None if the stream ends before the message does."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = stream.read(length)
    return content if len(content) == length else None


def unpack(content: bytes) -> Any:
    """Unpack a message."""
    return pickle.loads(content)  # noqa: S301 - both ends are this program, and nothing else can write to the pipe


def _column(data: bytes, ends: bytes) -> Column:
    cell_ends = np.frombuffer(ends, dtype=np.int64)
    return Column(
        data=np.frombuffer(data, dtype=np.uint8),
        starts=np.concatenate((np.zeros(1, dtype=np.int64), cell_ends))[:-1],
        ends=cell_ends,
        escaped=np.zeros(cell_ends.size, dtype=bool),
    )
