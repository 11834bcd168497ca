"""Real paths of attachments, and whether they are below the root."""

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
    """The root folder of the attachments.

    Finding a real path takes a system call for each part of the path. Real paths of folders inside the root are cached,
    so that most files take one call: a name in a cached folder is real unless it is a link itself.
    """

    def __init__(self, root: Path, remembered: int) -> None:
        self._root = root
        self._remembered = remembered
        real = os.path.realpath(root)
        self._real = real if real.endswith(os.sep) else real + os.sep
        # The cache works with slashes only; on systems with another separator nothing is cached.
        self._folders: dict[str, str | None] = {"": self._real if os.sep == "/" else None}

    @property
    def real_root(self) -> str:
        """Real path of the root, with a slash at its end."""
        return self._real

    def contains(self, real_path: str) -> bool:
        """Return whether a real path is the root or below it."""
        return real_path.startswith(self._real) or real_path == self._real.removesuffix(os.sep)

    def locate(self, name: str) -> tuple[str, os.stat_result | OSError]:
        """Return the real path and status of a named file, or the path and the error.

        The name is tried as written, then with slashes for backslashes, then in both Unicode forms: archives made on a
        Mac have decomposed names (NFD), manifests seldom do.
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
        """Return the real path of a folder, or ``None`` if it is outside the root. ``name`` ends with a slash."""
        if os.sep == "/":
            return self._folder(name)
        path = _resolved(os.path.join(self._root, name))  # noqa: PTH118
        return path + os.sep if self.contains(path) else None

    def look(self, name: str) -> os.stat_result:
        """Return the status of a path below the root, links followed, even out of the root. Raises OSError."""
        return os.stat(self._real + name)  # noqa: PTH116 - a Path takes five times as long to make

    def below(self, path: str) -> str | None:
        """Return an absolute path relative to the root (as given, or real); ``None`` if it is not below the root."""
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
            # The system decides first: `in.txt/.` and `in.txt/../in.txt` are no files.
            status = os.stat(given)  # noqa: PTH116
            return os.path.realpath(given, strict=True), status
        except OSError as error:
            return _resolved(given), error

    def _parted(self, name: str) -> tuple[str | None, str]:
        """Return the real path of a name's folder, if it is inside the root, and the name's last part."""
        end = name.rfind("/") + 1
        last = name[end:]
        return (None if last in _NO_NAMES else self._folder(name[:end])), last

    def _folder(self, name: str) -> str | None:
        """Return the real path of a folder, with a slash at the end; ``None`` if it is outside the root."""
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
        # Where `..` leads depends on links, so such names are not cached.
        is_plain = os.sep == "/" and ".." not in name.split("/")
        self._folders[name] = path if is_plain and path.startswith(self._real) else None
        return self._folders[name]


def _resolved(path: str) -> str:
    """Return a path with its links followed."""
    try:
        return os.path.realpath(path)
    except OSError:  # a link that was replaced meanwhile
        return os.path.abspath(path)  # noqa: PTH100 - as fast as realpath, and it need not exist


def _is_folder(path: str) -> bool:
    """Return whether the path is a folder, and not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
