"""Files that appear whole or not at all: whoever looks on, or comes after a crash, never finds a half of one."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from importer.errors import UsageError

_ENDING = ".tmp"
_NAME_CHARS = 40  # of a file that a disk takes: with more around them it might not


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Give an empty file beside ``path`` to be written; it takes its place when the block ends without an error.

    Until then nobody else can read it, and with ``private`` not even then; else it has the rights of the file that it
    replaces, or those that the user gives to new files. Raises OSError: ``path`` is as it was.
    """
    prefix = f".{path.name[:_NAME_CHARS]}."
    _remove_left_behind(path.parent, prefix)
    descriptor, temporary = _new_file(path.parent, prefix)
    try:
        yield temporary
        if not private:
            temporary.chmod(stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask())
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


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
