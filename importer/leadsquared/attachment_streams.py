"""Attachments while they are sent: opened without following links, read in blocks, compared with what was checked.

The check of a manifest looks at files and does not read them. What is compared is device, number, size and times; and
of small files, and of those that were just written, the hash of the content when the file was opened.
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
# The files that one process may have open, or its memory: passes, and says nothing about the file that met it.
RESOURCE_ERRORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_HASHED_BYTES = 4_000_000
_COARSEST_TICK_NS = 2_000_000_000  # of the clock that stamps files: FAT's

_PLAIN = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_FILE = _PLAIN | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe would be waited for
_FOLDER = _PLAIN | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)


class AttachmentChanged(Exception):
    """A file is no longer what was checked, or can't be read any more."""


class CheckedFile:
    """An attachment that is open, and still is what was checked. For use in ``with``.

    Raises AttachmentChanged, and OSError where the process can open no file at all. Every method may wait for the
    disk, so none is called on the event loop.
    """

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._path = attachment.path
        self._left_bytes = attachment.size_bytes
        self._lock = threading.Lock()  # a call that was cancelled may still read when the file is closed
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
        """Raise AttachmentChanged if the open file is not what was checked. Nothing has been sent yet."""
        with self._lock, self._reading():
            now = os.fstat(self._descriptor)
        if not stat.S_ISREG(now.st_mode) or not self._is_as_checked(now) or not self._is_still_there(now):
            raise AttachmentChanged(f"{self._path} changed after it had been checked")

    def read_block(self) -> bytes:
        """The next block; none after the last. The last one is only given if the file is unchanged."""
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
        # New rights or a new hard link change the status, too. Where there is a hash, that decides.
        is_same &= self._is_as_checked(now) if self._checked is None else self._sent.digest() == self._checked
        if not is_same or not self._is_still_there(now):
            raise AttachmentChanged(f"{self._path} changed while it was being sent")

    def _is_hashed(self) -> bool:
        """Say whether the content is to be hashed before it is sent, which takes reading it twice.

        A large file's times show a change, unless it was written a moment ago: a second change in the same tick of
        the disk's clock leaves them as they are.
        """
        age_ns = time.time_ns() - os.fstat(self._descriptor).st_ctime_ns
        return self._attachment.size_bytes <= _HASHED_BYTES or age_ns < _COARSEST_TICK_NS

    def _is_as_checked(self, now: os.stat_result) -> bool:
        return (now.st_size, file_identity(now)) == (self._attachment.size_bytes, self._attachment.identity)

    def _is_still_there(self, now: os.stat_result) -> bool:
        """Say whether the path still leads to the open file."""
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
        digest, left = hashlib.sha256(), self._left_bytes  # a file that is added to may have no end
        with self._reading():
            while block := os.read(self._descriptor, min(_BLOCK_BYTES, left)):
                digest.update(block)
                left -= len(block)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
        return digest.digest()

    @contextlib.contextmanager
    def _reading(self, what: str = "read") -> Iterator[None]:
        """Raise AttachmentChanged for an error of the disk: it says nothing of the server. SCARCE stays OSError."""
        try:
            yield
        except OSError as error:
            if error.errno in RESOURCE_ERRORS:
                raise
            raise AttachmentChanged(f"{self._path} can't be {what} any more: {error.strerror}") from error


def _open_real(path: Path) -> int:
    """Open a file by its real path, folder by folder from the top, and follow no link. Raises OSError.

    A folder that was exchanged for a link after the check can't lead to another file.
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
    except PermissionError:  # to go through a folder, the right to list it is not needed
        return os.open(name, _FOLDER | getattr(os, "O_PATH", 0), dir_fd=parent)


def _open_by_name(path: Path) -> int:
    """Open a file where folders have no handles (Windows), then look whether a link was followed."""
    descriptor = os.open(path, _FILE)
    if Path(os.path.realpath(path)) != path:
        os.close(descriptor)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return descriptor
