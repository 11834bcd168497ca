"""The file that is being downloaded: it continues where a killed run stopped, and becomes a whole file in one step."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from importer.fetch.file_names import place

PARTS_FOLDER = ".fetch"
_RIGHTS = 0o640
_READ_BYTES = 1_000_000
_MOST_PLACES = 1_000_000
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV, errno.ENOSYS, errno.EACCES)


@dataclass(frozen=True, kw_only=True)
class Validator:
    """What identifies the version of a file on the server: its ETag or the time of its last change."""

    etag: str = ""
    last_modified: str = ""

    @property
    def if_range(self) -> str:
        """The value of If-Range; empty if the version can't be recognised for sure."""
        return self.etag if self.etag and not self.etag.startswith("W/") else "" if self.etag else self.last_modified


class PartFile:
    """The downloaded part of one file. All methods block and raise OSError."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._path = folder / PARTS_FOLDER / f"{name}.part"
        self._facts = folder / PARTS_FOLDER / f"{name}.json"
        self._hash = hashlib.sha256()
        self._file: Any = None
        self.size_bytes = 0
        self.validator = Validator()

    def open(self) -> None:
        """Open the part of an earlier run, or a new one."""
        self.validator = self._read_facts()
        self._file = self._path.open("r+b") if self._path.exists() else self._new()
        if not self.validator.if_range:
            self.restart(Validator())
            return
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        while data := self._file.read(_READ_BYTES):
            self._hash.update(data)
            self.size_bytes += len(data)

    def restart(self, validator: Validator, *, keeps_facts: bool = True) -> None:
        """Begin again with another version of the file. ``keeps_facts``: a later run may continue the part.

        The part is a new file: the former one may have become a whole file already, under another name.
        """
        self._file.close()
        self._path.unlink(missing_ok=True)
        self._facts.unlink(missing_ok=True)
        self._file = self._new()
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        self.validator = validator
        if validator.if_range and keeps_facts:
            self._facts.write_text(json.dumps({"etag": validator.etag, "last_modified": validator.last_modified}))

    def _new(self) -> BinaryIO:
        """Make the file; like results, it holds customers' data."""
        return os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _RIGHTS), "w+b")

    def write(self, data: bytes) -> None:
        """Append data."""
        self._file.write(data)
        self._hash.update(data)
        self.size_bytes += len(data)

    @property
    def sha256(self) -> str:
        """The hash of the data so far."""
        return self._hash.hexdigest()

    def close(self) -> None:
        """Keep the part for the next attempt."""
        if self._file is not None:
            self._file.close()

    def discard(self) -> None:
        """Delete the part."""
        self.close()
        self._path.unlink(missing_ok=True)
        self._facts.unlink(missing_ok=True)

    def finish(self, name: str, former: str) -> str:
        """Make the part a whole file, which is on the disk then, and return its place, relative to the folder.

        It replaces the ``former`` file of the same address. Without one, it gets the first free place for ``name`` and
        replaces no file.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        target = self._folder / former
        if former and (target.parent == self._folder or _is_own_folder(target.parent)):
            self._path.replace(target)
            _sync_folder(target.parent)
            return former
        for number in range(1, _MOST_PLACES):
            file = place(name, number)
            target = self._folder / file
            if number > 1 and not _is_own_folder(target.parent):
                continue
            if self._link(target):
                _sync_folder(target.parent)
                return file
        raise OSError(errno.EEXIST, f"there are too many files with the name {name}")

    def _link(self, target: Path) -> bool:
        """Give the part its name as well; return False if another file has it."""
        try:
            os.link(self._path, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            try:
                target.open("x").close()  # reserves the name on disks without links
            except FileExistsError:
                return False
            self._path.replace(target)
        return True

    def _read_facts(self) -> Validator:
        try:
            facts = json.loads(self._facts.read_text())
            return Validator(etag=str(facts["etag"]), last_modified=str(facts["last_modified"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Validator()


def _is_own_folder(path: Path) -> bool:
    """Make a folder for files whose name is taken; return False if there is something else, such as a link."""
    try:
        path.mkdir(exist_ok=True)
    except FileExistsError:
        return False
    return not path.is_symlink()


def delete_unrecorded(folder: Path, recorded: Collection[str]) -> None:
    """Delete the files that a killed run completed and did not enter in the lock: they are fetched again.

    Such a file is linked to its part. ``recorded``: the places of the files in the lock. Raises OSError.
    """
    parts = folder / PARTS_FOLDER
    linked = {status.st_ino: path for path in parts.glob("*.part") if (status := path.stat()).st_nlink > 1}
    if not linked:
        return
    for top in (folder, *(each for each in folder.iterdir() if each.name.isdecimal() and each.is_dir())):
        for path in top.iterdir():
            status = path.lstat()
            is_part = status.st_ino in linked and linked[status.st_ino].samefile(path)
            if is_part and path.relative_to(folder).as_posix() not in recorded:
                path.unlink()
    for path in linked.values():
        path.unlink()
        path.with_suffix(".json").unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
