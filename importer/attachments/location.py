"""Where named files really are, below one root or not."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from pathlib import Path
from typing import Literal

NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)

_DEEP = 32
_NO_NAMES = ("", ".", "..")
_UNICODE_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


class AttachmentFolder:
    """Paths below a root, followed to where they lead.

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

    @property
    def real_root(self) -> str:
        """The root's real path, with a slash at its end."""
        return self._real

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

    def folder(self, name: str) -> str | None:
        """The real path of a folder below the root, named with a slash at its end; None if it lies outside."""
        if os.sep == "/":
            return self._folder(name)
        path = _resolved(os.path.join(self._root, name))  # noqa: PTH118
        return path + os.sep if self.contains(path) else None

    def look(self, name: str) -> os.stat_result:
        """What is at the end of a path below the root, links followed, inside or not. Raises OSError."""
        return os.stat(self._real + name)  # noqa: PTH116 - a Path takes five times as long to make

    def below(self, path: str) -> str | None:
        """An absolute path as one from the root on; None if it does not begin with the root, as given or as it is."""
        for top in (str(self._root), self._real):
            if path.startswith(top := top.rstrip("/") + "/"):
                return path[len(top) :]
        return None

    def _follow(self, name: str) -> tuple[str, os.stat_result | OSError]:
        end = name.rfind("/") + 1
        last = name[end:]
        folder = self._folders.get(name[:end]) if last not in _NO_NAMES else None
        if folder is None:
            folder, last = self._parted(name)
        try:
            if folder is not None:
                path = folder + last
                status = os.lstat(path)
                if not stat.S_ISLNK(status.st_mode):
                    return path, status
        except OSError as error:
            return path, error
        given = os.path.join(self._root, name)  # noqa: PTH118 - a Path would drop what ends in `/` or `/.`
        try:
            # The system's own reading comes first: to it, `in.txt/.` and `in.txt/../in.txt` are no files.
            status = os.stat(given)  # noqa: PTH116
            return os.path.realpath(given, strict=True), status
        except OSError as error:
            return _resolved(given), error

    def _parted(self, name: str) -> tuple[str | None, str]:
        """A name's folder, as a real path inside the root if it is known to be one, and its last part."""
        end = name.rfind("/") + 1
        last = name[end:]
        return (None if last in _NO_NAMES else self._folder(name[:end])), last

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
        path = path or _resolved(os.path.join(self._root, name))  # noqa: PTH118
        path = path if path.endswith("/") else f"{path}/"
        # What `..` leads to depends on whether there is such a folder, so each name is looked up by itself.
        is_plain = os.sep == "/" and ".." not in name.split("/")
        self._folders[name] = path if is_plain and path.startswith(self._real) else None
        return self._folders[name]


def _resolved(path: str) -> str:
    """A path with its links followed, as far as there are any."""
    try:
        return os.path.realpath(path)
    except OSError:  # a link that was exchanged for something else in between
        return os.path.abspath(path)  # noqa: PTH100 - as fast as realpath, and it need not exist


def _is_folder(path: str) -> bool:
    """Say whether there is a folder, and not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
