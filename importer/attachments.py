"""Cells to files: split, found below one root, and checked. A file is never read here, only looked at."""

from __future__ import annotations

import errno
import functools
import mimetypes
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from importer.mapping import AttachmentRules
from importer.models import Attachment

_REMEMBERED = 200_000
_DEEP = 32
_UNICODE_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
_BAD_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_CONTENT_TYPES = mimetypes.MimeTypes()  # Python's own table: the same on every machine
for _ending, _type in {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".heic": "image/heic",
    ".log": "text/plain",
    ".msg": "application/vnd.ms-outlook",
    ".webp": "image/webp",
}.items():
    _CONTENT_TYPES.add_type(_type, _ending)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a named file can't be attached. ``code`` is one of the catalogue's."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Named:
    """One file name of a cell, and what it stands for."""

    column: str
    name: str
    found: Attachment | Fault


class _File(NamedTuple):
    """A file that is fine, in little room: there may be as many as rows."""

    path: str
    size_bytes: int
    modified_ns: int


_FAULTY = -1  # in place of a cell's bytes


class AttachmentFinder:
    """Finds the files that cells name. ``root`` is absolute; nothing outside it is ever opened."""

    def __init__(self, rules: AttachmentRules, root: Path, *, remembered: int = _REMEMBERED) -> None:
        """``remembered``: how many names, and as many cells and folders, are kept in memory."""
        self._rules = rules
        self._root = root
        self._remembered = remembered
        self._place = _Place(root, remembered)
        self._known: dict[str, _File | Fault] = {}
        self._sizes: dict[str, int] = {}  # cell -> bytes of its files
        self._not_one: dict[str, int] = {}  # cell -> how many files, where that is another number than one

    @property
    def columns(self) -> tuple[str, ...]:
        """The manifest's columns that name files."""
        return self._rules.columns

    def find(self, cells: Iterable[tuple[str, str]]) -> list[Named]:
        """Look up every file that the (column, cell) pairs of one row name, in order."""
        named = [
            Named(column, name, _attachment(name, found) if isinstance(found := self._look_up(name), _File) else found)
            for column, cell in cells
            for name in self._names(cell)
        ]
        if len(named) > self._rules.max_files:
            over = named[self._rules.max_files]
            fault = Fault(
                "attachment-too-many", f"{len(named)} attachments; at most {self._rules.max_files} are allowed"
            )
            return [*named[: self._rules.max_files], Named(over.column, over.name, fault)]
        return named

    def find_all(self, cells: Sequence[Sequence[str]]) -> FoundFiles:
        """Look up every file that the rows of a chunk name: ``cells`` are those of each of ``columns``, by row.

        As ``find`` for each row, many times faster: what many rows name is looked at once, and of rows without a fault
        only sizes are given.
        """
        try:
            sizes = self._sizes_of(cells)
        except KeyError:
            self._learn(set[str]().union(*cells))
            sizes = self._sizes_of(cells)
        is_faulty = (sizes == _FAULTY).any(axis=0)
        if self._not_one or len(cells) > self._rules.max_files:
            is_faulty |= sum(map(self._numbers_of, cells)) > self._rules.max_files
        return FoundFiles(
            finder=self,
            cells=cells,
            size_bytes=np.maximum(sizes, 0).sum(axis=0),
            faulty_rows=np.flatnonzero(is_faulty),
        )

    def _sizes_of(self, cells: Sequence[Sequence[str]]) -> npt.NDArray[np.int64]:
        get_size = self._sizes.__getitem__
        return np.array([np.fromiter(map(get_size, column), dtype=np.int64, count=len(column)) for column in cells])

    def _learn(self, cells: set[str]) -> None:
        new = cells.difference(self._sizes)
        if len(self._sizes) + len(new) > self._remembered:
            self._sizes.clear()
            self._not_one.clear()
            new = cells
        for cell in new:
            names = self._names(cell)
            # A name by itself is remembered as the cell that it is.
            look = self._look_up if len(names) > 1 else self._check
            sizes = [found.size_bytes if type(found) is _File else _FAULTY for found in map(look, names)]
            self._sizes[cell] = _FAULTY if _FAULTY in sizes else sum(sizes)
            if cell and len(names) != 1:
                self._not_one[cell] = len(names)

    def _numbers_of(self, column: Sequence[str]) -> npt.NDArray[np.int64]:
        return np.array([self._not_one.get(cell, 1) if cell else 0 for cell in column], dtype=np.int64)

    def _names(self, cell: str) -> list[str]:
        return [name for part in cell.split(self._rules.separator) if (name := part.strip())] if cell else []

    def _look_up(self, name: str) -> _File | Fault:
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= self._remembered:
                self._known.clear()
            found = self._known[name] = self._check(name)
        return found

    def _check(self, name: str) -> _File | Fault:
        if _BAD_NAME.search(name):
            return Fault(
                "attachment-bad-name", f"the path {name!r} holds a character that can't be sent in a file name"
            )
        path, status = self._place.locate(name)
        if not self._place.contains(path):
            return Fault("attachment-outside-root", f"{name!r} lies outside {self._root}")
        if isinstance(status, OSError):
            if status.errno in _NOT_THERE:
                return Fault("attachment-missing", f"there is no file {name!r} in {self._root}")
            return Fault("attachment-unreadable", f"{name!r} can't be looked at: {status.strerror}")
        return self._judge(name, path, status)

    def _judge(self, name: str, path: str, status: os.stat_result) -> _File | Fault:
        rules = self._rules
        if not stat.S_ISREG(status.st_mode):
            return Fault("attachment-not-a-file", f"{name!r} is not a regular file")
        if not os.access(path, os.R_OK):
            return Fault("attachment-unreadable", f"{name!r} may not be read by this user")
        if status.st_size == 0:
            return Fault("attachment-empty", f"{name!r} has no bytes")
        if status.st_size > rules.max_file_size_bytes:
            return Fault(
                "attachment-too-large",
                f"{name!r} has {status.st_size:,} bytes; at most {rules.max_file_size_bytes:,} are allowed",
            )
        # Of a link its own ending: what people see is what it must tell.
        if rules.extensions and _ending_of(_last_part(name)).lower() not in rules.extensions:
            return Fault("attachment-type", f"{name!r} does not end in one of {', '.join(rules.extensions)}")
        return _File(path, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundFiles:
    """The files that the rows of a chunk name; positions count its rows from 0.

    ``size_bytes``: the sum of each row's files, those with a fault left out. ``faulty_rows``: where something is wrong.
    """

    finder: AttachmentFinder
    cells: Sequence[Sequence[str]]
    size_bytes: npt.NDArray[np.int64]
    faulty_rows: npt.NDArray[np.intp]

    def of(self, position: int) -> list[Named]:
        """The files of one row, in order; they may be looked at again."""
        return self.finder.find(zip(self.finder.columns, (column[position] for column in self.cells), strict=True))


class _Place:
    """Where named files really are, below one root or not.

    A path is real when each of its links is followed, which asks the system for every part of it. But a name in a
    folder of which the real path is known adds one part to it, and unless that is a link, this is the real path. So
    folders are remembered, those inside the root, and most files cost one call.
    """

    def __init__(self, root: Path, remembered: int) -> None:
        self._root = root
        self._remembered = remembered
        real = os.path.realpath(root)
        self._real = real if real.endswith(os.sep) else real + os.sep
        # The short cut knows slashes only; where folders are parted by something else, nothing is remembered.
        self._folders: dict[str, str | None] = {"": self._real if os.sep == "/" else None}

    def contains(self, real_path: str) -> bool:
        """Say whether a real path is the root's or lies below it."""
        return real_path.startswith(self._real) or real_path == self._real.removesuffix(os.sep)

    def locate(self, name: str) -> tuple[str, os.stat_result | OSError]:
        """The real path of a named file: as written, else as Windows writes paths, else in another Unicode form.

        An archive made on a Mac has decomposed names (NFD), and the manifest beside it seldom has. The error is there
        in place of the status if there is no such file, or if it can't be looked at.
        """
        found = self._follow(name)
        if not isinstance(found[1], OSError):
            return found
        native = name.replace("\\", "/")
        tried = {name: found}
        for form in (native, *(unicodedata.normalize(kind, native) for kind in _UNICODE_FORMS)):
            if form not in tried:
                found = tried[form] = self._follow(form)
                if not isinstance(found[1], OSError):
                    return found
        return tried[native]

    def _follow(self, name: str) -> tuple[str, os.stat_result | OSError]:
        folder, last = self._parted(name)
        try:
            if folder is not None:
                path = folder + last
                status = os.lstat(path)
                if not stat.S_ISLNK(status.st_mode):
                    return path, status
            path = os.path.realpath(self._root / name)
            return path, Path(path).stat()
        except OSError as error:
            return path, error

    def _parted(self, name: str) -> tuple[str | None, str]:
        """A name's folder, as a real path inside the root if it is known to be one, and its last part."""
        end = name.rfind("/") + 1
        last = name[end:]
        return (None if last in ("", ".", "..") else self._folder(name[:end])), last

    def _folder(self, name: str) -> str | None:
        """The real path of a folder, with a slash at the end; None if that lies outside the root."""
        if name in self._folders:
            return self._folders[name]
        if len(self._folders) >= self._remembered:
            self._folders = {"": self._folders[""]}
        path = ""
        if name.count("/") < _DEEP:
            parent, last = self._parted(name[:-1])
            if parent is not None and _is_folder(parent + last):
                path = parent + last
        path = path or os.path.realpath(self._root / name)
        path = path if path.endswith("/") else f"{path}/"
        self._folders[name] = path if path.startswith(self._real) and os.sep == "/" else None
        return self._folders[name]


def _is_folder(path: str) -> bool:
    """Say whether there is a folder, and not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _attachment(name: str, file: _File) -> Attachment:
    shown_name = _last_part(name)
    return Attachment(
        path=Path(file.path),
        name=shown_name,
        size_bytes=file.size_bytes,
        modified_ns=file.modified_ns,
        content_type=_content_type(_ending_of(shown_name)),
    )


@functools.lru_cache(maxsize=1_000)
def _content_type(ending: str) -> str:
    content_type, encoding = _CONTENT_TYPES.guess_type(f"file.{ending}")
    return content_type if content_type and not encoding else "application/octet-stream"


def _last_part(name: str) -> str:
    """The file name as the manifest writes it: a link's own name, not its target's."""
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def _ending_of(file_name: str) -> str:
    """What stands behind the last dot; nothing in `.pdf`, which is a name."""
    stem, _, ending = file_name.rpartition(".")
    return ending if stem else ""
