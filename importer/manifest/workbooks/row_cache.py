"""The rows of a sheet in a file without a name: read from their process once, and again as often as is needed."""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator
from typing import Any, Protocol

from importer.errors import ManifestError
from importer.manifest.workbooks.messages import BlankRows, RowsMessage, unpacked


class RowSource(Protocol):
    """What gives the rows once."""

    def next_rows(self) -> bytes | None:
        """Read the next rows, a packed message; ``None`` behind the last. Raises ManifestError if that fails."""


class RowCache:
    """All rows of a source, for any number of passes, which may be broken off and may overlap.

    Another process can't find the file, and nothing of it outlives this process. Rows that the disk doesn't take stay
    in memory.
    """

    def __init__(self, source: RowSource) -> None:
        self._source: RowSource | None = source
        self._file: Any = None
        self._kept: list[tuple[int, int] | bytes] = []  # where packed rows begin and how long they are, or they
        self._lock = threading.Lock()  # passes may run in several threads, and the file has one position

    def __iter__(self) -> Iterator[RowsMessage | BlankRows]:
        """Read all rows. Raises ManifestError if that fails."""
        for index in itertools.count():
            content = self._content(index)
            if content is None:
                return
            yield unpacked(content)

    def _content(self, index: int) -> bytes | None:
        with self._lock:
            if index < len(self._kept):
                return self._read(self._kept[index])
            if self._source is None:
                return None
            content = self._source.next_rows()
            if content is None:
                self._source = None
            else:
                self._kept.append(self._written(content))
            return content

    def _written(self, content: bytes) -> tuple[int, int] | bytes:
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

    def _read(self, kept: tuple[int, int] | bytes) -> bytes:
        if isinstance(kept, bytes):
            return kept
        start, length = kept
        try:
            self._file.seek(start)
            content: bytes = self._file.read(length)
        except OSError as error:
            raise ManifestError(
                f"a temporary file in {tempfile.gettempdir()} can't be read: {error.strerror}",
                hint="Check that disk, or set TMPDIR to a folder on another one.",
            ) from error
        return content
