"""Cells to files: split, found below one root, and checked. A file is never read here, only looked at."""

from __future__ import annotations

import errno
import mimetypes
import os
import re
import stat
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from importer.mapping import AttachmentRules
from importer.models import Attachment

_KNOWN_PATHS_LIMIT = 200_000
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


class AttachmentFinder:
    """Finds the files that cells name. ``root`` is absolute; nothing outside it is ever opened."""

    def __init__(self, rules: AttachmentRules, root: Path) -> None:
        self._rules = rules
        self._root = root
        self._real_root = Path(os.path.realpath(root))
        self._known: dict[str, Attachment | Fault] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The manifest's columns that name files."""
        return self._rules.columns

    def find(self, cells: Iterable[tuple[str, str]]) -> list[Named]:
        """Look up every file that the (column, cell) pairs of one row name, in order."""
        named = [
            Named(column, name, self._look_up(name))
            for column, cell in cells
            if cell
            for part in cell.split(self._rules.separator)
            if (name := part.strip())
        ]
        if len(named) > self._rules.max_files:
            over = named[self._rules.max_files]
            fault = Fault(
                "attachment-too-many", f"{len(named)} attachments; at most {self._rules.max_files} are allowed"
            )
            return [*named[: self._rules.max_files], Named(over.column, over.name, fault)]
        return named

    def _look_up(self, name: str) -> Attachment | Fault:
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= _KNOWN_PATHS_LIMIT:
                self._known.clear()
            found = self._known[name] = self._check(name)
        return found

    def _check(self, name: str) -> Attachment | Fault:
        if _BAD_NAME.search(name):
            return Fault(
                "attachment-bad-name", f"the path {name!r} holds a character that can't be sent in a file name"
            )
        path = self._locate(name)
        if not path.is_relative_to(self._real_root):
            return Fault("attachment-outside-root", f"{name!r} lies outside {self._root}")
        try:
            status = path.stat()
        except OSError as error:
            if error.errno in _NOT_THERE:
                return Fault("attachment-missing", f"there is no file {name!r} in {self._root}")
            return Fault("attachment-unreadable", f"{name!r} can't be looked at: {error.strerror}")
        return self._judge(name, path, status)

    def _locate(self, name: str) -> Path:
        """Where the named file really is: as written, else as Windows writes paths, else in another Unicode form.

        An archive made on a Mac has decomposed names (NFD), and the manifest beside it seldom has.
        """
        native = name.replace("\\", "/")
        forms = (name, native, unicodedata.normalize("NFC", native), unicodedata.normalize("NFD", native))
        for form in dict.fromkeys(forms):
            path = os.path.realpath(self._root / form)
            if os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a name that is too long
                return Path(path)
        return Path(os.path.realpath(self._root / native))

    def _judge(self, name: str, path: Path, status: os.stat_result) -> Attachment | Fault:
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
        shown_name = _last_part(name)  # a link's own: what people see is what its ending must tell
        ending = PurePosixPath(shown_name).suffix.lower().lstrip(".")
        if rules.extensions and ending not in rules.extensions:
            return Fault("attachment-type", f"{name!r} does not end in one of {', '.join(rules.extensions)}")
        content_type, encoding = _CONTENT_TYPES.guess_type(shown_name)
        return Attachment(
            path=path,
            name=shown_name,
            size_bytes=status.st_size,
            modified_ns=status.st_mtime_ns,
            content_type=content_type if content_type and not encoding else "application/octet-stream",
        )


def _last_part(name: str) -> str:
    """The file name as the manifest writes it: a link's own name, not its target's."""
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
