"""Writes files that appear completely or not at all, and never writes through links, pipes or devices."""

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
_NAME_CHARS = 40  # of a file's name: with a prefix and an ending, a longer name may be too long for the disk
_LOOSEST = 0o640  # the files hold customers' data, so the umask can't allow more
_PRIVATE = 0o600
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(
    os, "O_NONBLOCK", 0
)  # without O_NONBLOCK, opening a pipe waits for its reader
_KINDS = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFDIR: "a folder", stat.S_IFSOCK: "a socket"}


class NotOursError(OSError):
    """A file can't be written because something else has its name; ``strerror`` says what."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EEXIST, what)


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield an empty file beside ``path``, which replaces ``path`` when the block ends without an error.

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
    """Make a temporary file that is locked while its descriptor is open, so that no process deletes it."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=_ENDING, dir=folder)
        lock_open_file(descriptor)
        if os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        os.close(descriptor)  # another process deleted it before it was locked


def _remove_left_behind(folder: Path, prefix: str) -> None:
    """Delete the temporary files that killed runs of this user have left: those that are not locked."""
    if os.name != "posix":
        return
    ours = re.compile(rf"{re.escape(prefix)}[a-z0-9_]{{8}}{re.escape(_ENDING)}")
    with contextlib.suppress(OSError):
        for path in [each for each in folder.iterdir() if ours.fullmatch(each.name)]:
            with contextlib.suppress(OSError):  # deleted meanwhile, or not readable by this user
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    state = os.fstat(descriptor)
                    if stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and lock_open_file(descriptor):
                        path.unlink()
                finally:
                    os.close(descriptor)


def lock_open_file(descriptor: int) -> bool:
    """Lock a file until its descriptor is closed; return whether that was possible."""
    if os.name != "posix":
        return False
    import fcntl  # noqa: PLC0415 - Windows has none

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def create(path: Path, *, flags: int = 0, mode: int = _LOOSEST) -> int:
    """Create a new file and open it for writing. Raises OSError, such as FileExistsError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | flags | _NO_LINKS, mode)


def create_private(path: Path) -> int:
    """Create a new file that only its owner can ever open, whatever the umask. Raises OSError."""
    descriptor = create(path, mode=_PRIVATE)
    if os.name == "posix" and stat.S_IMODE(os.fstat(descriptor).st_mode) != _PRIVATE:
        os.fchmod(descriptor, _PRIVATE)  # the umask removed permissions of the owner
    return descriptor


def create_anew(path: Path) -> int:
    """Create a file and open it for writing; replace one that a killed run has left. Raises OSError."""
    refuse_other_than_file(path, alone=True)
    path.unlink(missing_ok=True)
    return create(path)


def open_made(path: Path) -> int:
    """Open and empty a file that `replacing` has made, or create it; never follow a link. Raises OSError."""
    try:
        descriptor = _open_plain(path, os.O_WRONLY)
    except FileNotFoundError:
        return create_private(path)
    if os.fstat(descriptor).st_size:
        os.ftruncate(descriptor, 0)
    return descriptor


def open_own(path: Path) -> int:
    """Open a file of this user for reading; never follow a link. Raises OSError."""
    descriptor = _open_plain(path, os.O_RDONLY)
    if os.name == "posix" and os.fstat(descriptor).st_uid != os.geteuid():
        os.close(descriptor)
        raise NotOursError("the file belongs to another user")
    return descriptor


def sync_folder(folder: Path) -> None:
    """Make new, renamed and removed files of a folder durable, if the system can sync a folder."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_to_append(path: Path) -> int:
    """Open a file, a terminal or ``/dev/null`` for appending, or create the file. Raises OSError.

    One that is there must have no other name, as what is behind that might be anything. It loses the rights that are
    too many for what is written now.
    """
    try:
        return create(path, flags=os.O_APPEND)
    except FileExistsError:
        descriptor = _open_plain(path, os.O_WRONLY | os.O_APPEND, devices=True)
    with contextlib.suppress(OSError):  # a file of another user that this user may write to
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & _LOOSEST)
    return descriptor


def refuse_other_than_file(path: Path, *, or_link: bool = False, alone: bool = False) -> None:
    """Raise NotOursError if ``path`` exists and is no regular file; OSError if that is unknown.

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
    """Give a file a second, free name; copy it if the disk has no hard links. Raises OSError."""
    source = path.resolve()
    try:
        os.link(source, kept)  # the file is never missing
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, such as that of a memory stick
        with source.open("rb") as there, os.fdopen(create_private(kept), "wb") as here:
            shutil.copyfileobj(there, here)
        shutil.copystat(source, kept)
    with contextlib.suppress(OSError):  # a file of another user
        rights = stat.S_IMODE(kept.stat().st_mode)
        if rights & ~_LOOSEST:
            kept.chmod(rights & _LOOSEST)


@contextmanager
def writing(what: str, option: str) -> Iterator[None]:
    """Turn an OSError of the block into a UsageError: ``what`` can't be written, choose another ``option``."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{what} can't be written: {error.strerror}", hint=f"choose another file or folder for {option}"
        ) from error


def is_same(path: Path, other: Path) -> bool:
    """Return whether both paths exist and are the same file. Raises OSError."""
    return path.exists() and other.exists() and path.samefile(other)


def begins_as(path: Path, beginnings: tuple[bytes, ...]) -> bool:
    """Return whether a file is empty or begins with one of ``beginnings``. Raises OSError.

    What is no file, such as a pipe, which would be waited for, begins as nothing.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(max(map(len, beginnings)))
    return not start or start.startswith(beginnings)


def _open_plain(path: Path, flags: int, *, devices: bool = False) -> int:
    """Open an existing regular file that has no other hard link. Raises OSError."""
    if not devices:
        refuse_other_than_file(path)  # opening a pipe has an effect on its writer
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
        raise NotOursError(f"{_KINDS.get(stat.S_IFMT(status.st_mode), 'a device')} has this name, and not a file")
    if alone and status.st_nlink > 1:
        raise NotOursError("the file has a second name (a hard link), and would change under that name, too")


def _rights(path: Path) -> int:
    """Return the permissions of a file that replaces ``path``."""
    try:
        return stat.S_IMODE(path.stat().st_mode) & _LOOSEST
    except FileNotFoundError:
        return _LOOSEST & ~_umask()


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
