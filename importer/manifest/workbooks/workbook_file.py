"""Reads one sheet of a workbook in batches of records, with a separate process."""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
import weakref
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from importer.errors import ManifestError
from importer.manifest.file_type import FileType
from importer.manifest.header import Header
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.records import Batch
from importer.manifest.workbooks.process_messages import unpack
from importer.manifest.workbooks.sheet_reader import SheetReader
from importer.models import ManifestOptions


@dataclass(frozen=True, kw_only=True)
class WorkbookFile:
    """One sheet of a workbook."""

    format: ManifestFormat
    header: Header
    rows: RowCache

    def batches(self, size: int) -> Iterator[Batch]:
        """Read the records below the header, at most ``size`` at a time. Raises ManifestError."""
        for batch in self.rows:
            yield from batch.split(size)


def open_workbook(
    path: Path, kind: FileType, options: ManifestOptions, expected: Collection[str], file_name: str
) -> WorkbookFile:
    """Choose the sheet and find its header. Raises ManifestError if there is none, or if a limit is reached."""
    reader = SheetReader(path, kind, options, expected, file_name)
    return WorkbookFile(format=reader.format, header=reader.header, rows=RowCache(reader))


class RowSource(Protocol):
    """A source that can be read once."""

    def next_rows(self) -> bytes | None:
        """Return the next rows as a packed message; None at the end. Raises ManifestError."""


class RowCache:
    """All rows of a source, for any number of passes, which may end early and may overlap.

    The file has no name: other processes can't find it, and it disappears with this process. If the disk is full, rows
    stay in memory.
    """

    def __init__(self, source: RowSource) -> None:
        self._source: RowSource | None = source
        self._file: Any = None
        self._stored: list[tuple[int, int] | bytes] = []  # (offset, length) in the file, or the rows themselves
        self._lock = threading.Lock()  # passes may run in several threads, and the file has one position

    def __iter__(self) -> Iterator[Batch]:
        """Read all rows. Raises ManifestError."""
        for index in itertools.count():
            content = self._content(index)
            if content is None:
                return
            yield unpack(content)

    def _content(self, index: int) -> bytes | None:
        with self._lock:
            if index < len(self._stored):
                return self._read(self._stored[index])
            if self._source is None:
                return None
            content = self._source.next_rows()
            if content is None:
                self._source = None
            else:
                self._stored.append(self._store(content))
            return content

    def _store(self, content: bytes) -> tuple[int, int] | bytes:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="ticket-importer-")  # noqa: SIM115 - it lives as long as this
                weakref.finalize(self, self._file.close)
            start = self._file.seek(0, os.SEEK_END)
            self._file.write(content)
            self._file.flush()
        except OSError:  # there is still memory
            return content
        return start, len(content)

    def _read(self, stored: tuple[int, int] | bytes) -> bytes:
        if isinstance(stored, bytes):
            return stored
        start, length = stored
        try:
            self._file.seek(start)
            content: bytes = self._file.read(length)
        except OSError as error:
            raise ManifestError(
                f"a temporary file in {tempfile.gettempdir()} can't be read: {error.strerror}",
                hint="Check that disk, or set TMPDIR to a folder on another one.",
            ) from error
        return content
