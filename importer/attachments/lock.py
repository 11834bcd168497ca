"""The lock of a folder of fetched files, `attachments.lock.csv`: the file of each address.

While files are fetched, each entry is appended; the last entry of an address counts. A line that a crash cut off counts
as absent. Every entry with a file was written after that file was complete on the disk.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import hashlib
import io
import os
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from importer.errors import UsageError
from importer.runtime.atomic_files import replacing

LOCK_NAME = "attachments.lock.csv"
COLUMNS = ("url", "file", "size_bytes", "sha256", "etag", "fetched_at", "error")
_SLACK_S = 2.0  # some disks store the time of a change in steps of two seconds
_HEADER = ",".join(COLUMNS)
_SHA256_CHARS = 64


@dataclass(frozen=True, slots=True)
class LockEntry:
    """One address: its file, or the error of its last download."""

    url: str  # as `addresses.as_shown` writes it
    file: str = ""  # relative to the folder, with slashes
    size_bytes: int = 0
    sha256: str = ""
    etag: str = ""
    fetched_at: str = ""  # ISO 8601
    error: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the line's cells. An entry without a file has no size."""
        cells = [str(value) for value in astuple(self)]
        if not self.file:
            cells[COLUMNS.index("size_bytes")] = ""
        return tuple(cells)

    def is_intact(self, path: str) -> bool:
        """Return whether a file still has the content that was fetched.

        Its content is read only if the file was changed after it was fetched. Raises OSError.
        """
        status = os.stat(path)  # noqa: PTH116 - there may be hundreds of thousands of files
        if status.st_size != self.size_bytes:
            return False
        fetched_s = datetime.fromisoformat(self.fetched_at).timestamp()
        if status.st_mtime <= fetched_s + _SLACK_S:
            return True
        with open(path, "rb") as file:  # noqa: PTH123
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


def read_lock(folder: Path) -> dict[str, LockEntry]:
    """Return the entries of a folder's lock by their address; empty without a lock. Raises UsageError."""
    path = folder / LOCK_NAME
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", hint="correct the rights of the file") from error
    whole = text[: text.rfind("\n") + 1]  # a line without its end was cut off
    lines = csv.reader(io.StringIO(whole, newline=""))
    header = next(lines, None)
    if header is not None and tuple(header) != COLUMNS:
        raise UsageError(
            f"{path} is not a list of fetched files: its header is not {_HEADER}",
            hint="name another folder in the mapping, or move this file",
        )
    entries = (_entry(cells) for cells in lines)
    return {entry.url: entry for entry in entries if entry is not None}


def _entry(cells: list[str]) -> LockEntry | None:
    """Return the entry of a line; ``None`` if it is damaged."""
    if len(cells) != len(COLUMNS) or not cells[0]:
        return None
    url, file, size, sha256, etag, fetched_at, error = cells
    if not file:
        return LockEntry(url, "", 0, "", "", fetched_at, error)
    try:
        has_offset = datetime.fromisoformat(fetched_at).tzinfo is not None
    except ValueError:
        return None
    if not (_is_below(file) and size.isdecimal() and size.isascii() and len(sha256) == _SHA256_CHARS and has_offset):
        return None
    return LockEntry(url, file, int(size), sha256, etag, fetched_at, error)


def _is_below(file: str) -> bool:
    """Return whether a place is below the folder of the lock, whatever somebody wrote into it."""
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in file


class LockWriter:
    """Appends entries to a lock. At the beginning and the end, it is written anew with one line for each address."""

    def __init__(self, folder: Path, entries: Iterable[LockEntry]) -> None:
        """Raises OSError."""
        self._folder = folder
        self._entries = {entry.url: entry for entry in entries}
        write_lock(folder, self._entries.values())
        self._descriptor = os.open(folder / LOCK_NAME, os.O_WRONLY | os.O_APPEND)

    def add(self, entry: LockEntry) -> None:
        """Append an entry in one step, so that a killed process leaves whole lines. Raises OSError."""
        data = _line(entry.cells())
        if os.write(self._descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._entries[entry.url] = entry

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        os.fsync(self._descriptor)
        os.close(self._descriptor)
        with contextlib.suppress(OSError):  # the appended lines are there
            write_lock(self._folder, self._entries.values())


def write_lock(folder: Path, entries: Iterable[LockEntry]) -> None:
    """Write the lock of a folder; it appears when it is complete and on the disk. Raises OSError."""
    with replacing(folder / LOCK_NAME) as temporary, temporary.open("wb") as file:
        file.write(_line(COLUMNS))
        for entry in entries:
            file.write(_line(entry.cells()))
        file.flush()
        os.fsync(file.fileno())


def _line(cells: Iterable[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow([" ".join(cell.splitlines()) for cell in cells])
    return text.getvalue().encode(errors="backslashreplace")
