"""The file that is being downloaded: it continues where a killed run stopped, and becomes a whole file in one step."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

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


Places = defaultdict[str, int]  # name in lower case -> number of its next place


class PartFile:
    """The downloaded part of one file. All methods block and raise OSError.

    A small file stays in memory until it is complete. ``on_bytes`` is called with the number of bytes of each write.
    """

    def __init__(self, folder: Path, name: str, on_bytes: Callable[[int], object]) -> None:
        self._on_bytes = on_bytes
        self._folder = folder
        self._path = folder / PARTS_FOLDER / f"{name}.part"
        self._facts = folder / PARTS_FOLDER / f"{name}.json"
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = None
        self._waiting = bytearray()  # for the file
        self.size_bytes = 0
        self.validator = Validator()

    def open(self) -> None:
        """Open the part that an earlier run left, and delete it if it can't be continued."""
        self.validator = self._read_facts()
        self._file = self._path.open("r+b", buffering=0)
        if not self.validator.if_range:
            self.discard()
            return
        while data := self._file.read(_READ_BYTES):
            self._hash.update(data)
            self.size_bytes += len(data)

    def restart(self, validator: Validator, *, keeps_facts: bool = True) -> None:
        """Begin again with another version of the file. ``keeps_facts``: a later run may continue the part."""
        self.discard()
        self.validator = validator
        if validator.if_range and keeps_facts:
            self._facts.write_text(json.dumps({"etag": validator.etag, "last_modified": validator.last_modified}))

    def write(self, data: bytes) -> None:
        """Append data."""
        self._waiting += data
        self._hash.update(data)
        self.size_bytes += len(data)
        self._on_bytes(len(data))
        if len(self._waiting) > _READ_BYTES:
            self._flush()

    def _flush(self) -> None:
        """Write what waits. The file is new: a former one may have become a whole file already, with another name."""
        if self._file is None:
            # Like results, the files hold customers' data.
            self._file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _RIGHTS), "w+b", buffering=0)
        while self._waiting:
            del self._waiting[: self._file.write(self._waiting)]

    @property
    def sha256(self) -> str:
        """The hash of the data so far."""
        return self._hash.hexdigest()

    def close(self) -> None:
        """Keep the part for the next run."""
        if self._waiting:
            self._flush()
        if self._file is not None:
            self._file.close()

    def discard(self) -> None:
        """Delete the part."""
        self._waiting.clear()
        if self._file is not None or self.validator.if_range:
            self.close()
            self._file = None
            self._path.unlink(missing_ok=True)
            self._facts.unlink(missing_ok=True)
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        self.validator = Validator()

    def finish(self, name: str, former: str, places: Places, record: Callable[[str], None]) -> None:
        """Make the part a whole file, which is on the disk then, and call ``record`` with its place in the folder.

        It replaces the ``former`` file of the same address. Without one, it gets the first free place for ``name`` and
        replaces no file.
        """
        self._flush()
        assert self._file is not None  # callers finish no empty file
        os.fsync(self._file.fileno())
        target = self._folder / former
        if former and (target.parent == self._folder or _is_own_folder(target.parent)):
            self._path.replace(target)
            record(former)
        else:
            record(self._placed(name, places))
        self._file.close()
        self._file = None
        self._path.unlink(missing_ok=True)
        if self.validator.if_range:
            self._facts.unlink(missing_ok=True)

    def _placed(self, name: str, places: Places) -> str:
        for number in range(places[name.casefold()], _MOST_PLACES):
            file = place(name, number)
            target = self._folder / file
            places[name.casefold()] = number + 1
            if (number == 1 or _is_own_folder(target.parent)) and self._link(target):
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
