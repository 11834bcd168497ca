"""Files that appear whole or not at all, and that are never written through links, pipes or devices."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from importer.errors import UsageError

_ENDING = ".tmp"
_NAME_CHARS = 40  # of a file that a disk takes: with more around them it might not
_LOOSEST = 0o640  # what is written holds customers' data, whatever the umask allows
_PRIVATE = 0o600
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe would be waited for
_KINDS = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFDIR: "a folder", stat.S_IFSOCK: "a socket"}


class NotOursError(OSError):
    """A file can't be written because something else stands in its place, which ``strerror`` names."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EEXIST, what)


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Give an empty file beside ``path`` to be written; it takes its place when the block ends without an error.

    Until then nobody else can read it, and with ``private`` not even then; else it has the rights of the file that it
    replaces, or those that the user gives to new files, but never more than ``rw-r-----``. A link at ``path`` is
    replaced and not followed; a pipe, folder or device is refused. Raises OSError: ``path`` is as it was.
    """
    refuse_other_than_file(path, or_link=True)
    prefix = f".{path.name[:_NAME_CHARS]}."
    _remove_left_behind(path.parent, prefix)
    descriptor, temporary = _new_file(path.parent, prefix)
    try:
        yield temporary
        made, there = os.fstat(descriptor), temporary.lstat()
        if (made.st_dev, made.st_ino) != (there.st_dev, there.st_ino):
            raise NotOursError("another program has replaced the file while it was written")
        if not private:
            temporary.chmod(_rights(path))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(descriptor)


def _new_file(folder: Path, prefix: str) -> tuple[int, Path]:
    """Make a temporary file that is locked for as long as its descriptor is open, so that nobody sweeps it."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=_ENDING, dir=folder)
        _lock(descriptor)
        if os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        os.close(descriptor)  # another process swept it before it was locked


def _remove_left_behind(folder: Path, prefix: str) -> None:
    """Remove the temporary files that killed runs of this user have left: those that nobody has locked."""
    if os.name != "posix":
        return
    ours = re.compile(rf"{re.escape(prefix)}[a-z0-9_]{{8}}{re.escape(_ENDING)}")
    with contextlib.suppress(OSError):
        for path in [each for each in folder.iterdir() if ours.fullmatch(each.name)]:
            with contextlib.suppress(OSError):  # no longer there, or not ours to open
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    state = os.fstat(descriptor)
                    if stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and _lock(descriptor):
                        path.unlink()
                finally:
                    os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a file until its descriptor is closed or the process ends; false where it is locked or can't be."""
    if os.name != "posix":
        return False
    import fcntl  # noqa: PLC0415 - Windows has none

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def create(path: Path, *, flags: int = 0, mode: int = _LOOSEST) -> int:
    """Make a file that is not there, and open it to be written. Raises OSError, FileExistsError above all."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | flags | _NO_LINKS, mode)


def create_anew(path: Path) -> int:
    """The same in place of a file that a killed run has left. Raises OSError."""
    refuse_other_than_file(path, alone=True)
    path.unlink(missing_ok=True)
    return create(path)


def open_made(path: Path) -> int:
    """Open a file that `replacing` has made, or make it, and empty it; never a link in its place. Raises OSError."""
    try:
        descriptor = _open_plain(path, os.O_WRONLY)
    except FileNotFoundError:
        return create(path, mode=_PRIVATE)
    if os.fstat(descriptor).st_size:
        os.ftruncate(descriptor, 0)
    return descriptor


def open_to_append(path: Path) -> int:
    """Open a file to be added to, or make it; a terminal or ``/dev/null`` will do, too. Raises OSError.

    One that is there must have no other name, as what is behind that might be anything. It loses the rights that are
    too many for what is written now.
    """
    try:
        return create(path, flags=os.O_APPEND)
    except FileExistsError:
        descriptor = _open_plain(path, os.O_WRONLY | os.O_APPEND, devices=True)
    with contextlib.suppress(OSError):  # another user's, which this one may write to
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & _LOOSEST)
    return descriptor


def refuse_other_than_file(path: Path, *, or_link: bool = False, alone: bool = False) -> None:
    """Raise NotOursError if something stands at ``path`` that is no regular file; OSError if that can't be told.

    ``or_link``: a symbolic link will do, too. ``alone``: a file that has other names, by hard links, will not.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if or_link and stat.S_ISLNK(status.st_mode):
        return
    _refuse(status, alone=alone)


def keep_copy(path: Path, kept: Path) -> None:
    """Give a file a second name, which must be free; where the disk has no hard links, copy it. Raises OSError."""
    source = path.resolve()
    try:
        os.link(source, kept)  # the file is never missing, not even for a moment
    except FileExistsError:
        raise
    except OSError:  # a file system without links, such as a memory stick's
        with source.open("rb") as there, os.fdopen(create(kept, mode=_PRIVATE), "wb") as here:
            shutil.copyfileobj(there, here)
        shutil.copystat(source, kept)
    with contextlib.suppress(OSError):  # another user's file
        rights = stat.S_IMODE(kept.stat().st_mode)
        if rights & ~_LOOSEST:
            kept.chmod(rights & _LOOSEST)


@contextmanager
def writing(what: str, option: str) -> Iterator[None]:
    """Raise UsageError for an OSError: ``what`` can't be written, and ``option`` is to name another file."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{what} can't be written: {error.strerror}", hint=f"choose another name or place for {option}"
        ) from error


def is_same(path: Path, other: Path) -> bool:
    """Whether both are there and are one file, by whatever names. Raises OSError."""
    return path.exists() and other.exists() and path.samefile(other)


def begins_as(path: Path, beginnings: tuple[bytes, ...]) -> bool:
    """Whether a file is empty, or begins with one of these, and so is what would replace it. Raises OSError.

    What is no file, such as a pipe, which would be waited for, begins as nothing.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(max(map(len, beginnings)))
    return not start or start.startswith(beginnings)


def _open_plain(path: Path, flags: int, *, devices: bool = False) -> int:
    """Open a file that is there, if it is a regular one by no other name. Raises OSError."""
    if not devices:
        refuse_other_than_file(path)  # to open a pipe already does something to it
    try:
        descriptor = os.open(path, flags | _NO_LINKS)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):  # a link, a pipe or socket, a folder
            refuse_other_than_file(path)
        raise
    try:
        status = os.fstat(descriptor)
        if not (devices and stat.S_ISCHR(status.st_mode)):
            _refuse(status, alone=True)
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _refuse(status: os.stat_result, *, alone: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotOursError(f"{_KINDS.get(stat.S_IFMT(status.st_mode), 'a device')} is there, and not a file")
    if alone and status.st_nlink > 1:
        raise NotOursError("the file there has another name, by a hard link, and would change by that name, too")


def _rights(path: Path) -> int:
    """What a file is allowed that takes the place of ``path``."""
    try:
        return stat.S_IMODE(path.stat().st_mode) & _LOOSEST
    except FileNotFoundError:
        return _LOOSEST & ~_umask()


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
