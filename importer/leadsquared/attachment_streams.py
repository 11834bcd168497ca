"""Read attachments while they are sent: no links are followed, and a file must be the same as when it was checked.

Validation does not read files. So device, number, size and times are compared; for small files and files that were
just written, also a hash of the content when the file was opened.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from importer.models import Attachment, file_identity

_BLOCK_BYTES = 128 * 1024
# Too many open files, or too little memory: temporary, and not the fault of this file.
RESOURCE_ERRORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_HASHED_BYTES = 4_000_000
_COARSEST_TICK_NS = 2_000_000_000  # resolution of file times on FAT

_PLAIN = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_FILE = _PLAIN | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # or opening a pipe would wait
_FOLDER = _PLAIN | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)


class AttachmentChanged(Exception):
    """A file is not the same as when it was checked, or can't be read any more."""


class CheckedFile:
    """An open attachment that is the same as when it was checked. Use in ``with``.

    Raises AttachmentChanged, and OSError if this process can't open files. Every method may wait for the disk, so call
    none on the event loop.
    """

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._path = attachment.path
        self._left_bytes = attachment.size_bytes
        self._lock = threading.Lock()  # a cancelled call may still be reading when the file is closed
        with self._reading("opened"):
            self._descriptor = _open_real(self._path)
        try:
            self.check()
            self._sent = hashlib.sha256()
            self._checked = self._digest() if self._is_hashed() else None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1

    def check(self) -> None:
        """Raise AttachmentChanged if the open file has changed since it was checked."""
        with self._lock, self._reading():
            now = os.fstat(self._descriptor)
        if not stat.S_ISREG(now.st_mode) or not self._is_as_checked(now) or not self._is_still_there(now):
            raise AttachmentChanged(f"{self._path} changed after it was checked")

    def read_block(self) -> bytes:
        """Return the next block, empty after the last.

        The last one is returned only if the file is unchanged.
        """
        with self._lock:
            if not self._left_bytes or self._descriptor < 0:
                return b""
            with self._reading():
                block = os.read(self._descriptor, min(_BLOCK_BYTES, self._left_bytes))
            if not block:
                raise AttachmentChanged(f"{self._path} became shorter while it was being sent")
            if self._checked is not None:
                self._sent.update(block)
            self._left_bytes -= len(block)
            if not self._left_bytes:
                self._check_after_reading()
            return block

    def _check_after_reading(self) -> None:
        now = os.fstat(self._descriptor)
        checked = self._attachment
        is_same = (now.st_size, now.st_mtime_ns) == (checked.size_bytes, checked.modified_ns)
        # Rights and hard links change the status, too. If there is a hash, it decides.
        is_same &= self._is_as_checked(now) if self._checked is None else self._sent.digest() == self._checked
        if not is_same or not self._is_still_there(now):
            raise AttachmentChanged(f"{self._path} changed while it was being sent")

    def _is_hashed(self) -> bool:
        """Return whether the content is hashed before it is sent, for which it is read twice.

        The times of a large file show a change. They don't if it was written a moment ago, and again in the same tick
        of the disk's clock.
        """
        age_ns = time.time_ns() - os.fstat(self._descriptor).st_ctime_ns
        return self._attachment.size_bytes <= _HASHED_BYTES or age_ns < _COARSEST_TICK_NS

    def _is_as_checked(self, now: os.stat_result) -> bool:
        return (now.st_size, file_identity(now)) == (self._attachment.size_bytes, self._attachment.identity)

    def _is_still_there(self, now: os.stat_result) -> bool:
        """Return whether the path still leads to the open file."""
        try:
            descriptor = _open_real(self._path)
        except OSError as error:
            return error.errno in RESOURCE_ERRORS
        try:
            there = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        return (there.st_dev, there.st_ino) == (now.st_dev, now.st_ino)

    def _digest(self) -> bytes:
        digest, left = hashlib.sha256(), self._left_bytes  # a growing file may have no end
        with self._reading():
            while block := os.read(self._descriptor, min(_BLOCK_BYTES, left)):
                digest.update(block)
                left -= len(block)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
        return digest.digest()

    @contextlib.contextmanager
    def _reading(self, what: str = "read") -> Iterator[None]:
        """Raise AttachmentChanged for disk errors; RESOURCE_ERRORS stay OSError."""
        try:
            yield
        except OSError as error:
            if error.errno in RESOURCE_ERRORS:
                raise
            raise AttachmentChanged(f"{self._path} can't be {what} any more: {error.strerror}") from error


def _open_real(path: Path) -> int:
    """Open a file by its real path, folder by folder, without following links. Raises OSError.

    A folder that was replaced by a link after the check can't lead to another file.
    """
    if os.open not in os.supports_dir_fd:
        return _open_by_name(path)
    folder = _open_folder(path.anchor, None)
    try:
        for part in path.parts[1:-1]:
            inner = _open_folder(part, folder)
            os.close(folder)
            folder = inner
        return os.open(path.name, _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _open_folder(name: str, parent: int | None) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:  # a folder can be passed without the right to list it
        return os.open(name, _FOLDER | getattr(os, "O_PATH", 0), dir_fd=parent)


def _open_by_name(path: Path) -> int:
    """Open a file on systems without folder handles (Windows), then check that no link was followed."""
    descriptor = os.open(path, _FILE)
    if Path(os.path.realpath(path)) != path:
        os.close(descriptor)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return descriptor
