"""Files that appear whole or not at all: whoever looks on, or comes after a crash, never finds a half of one."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from importer.errors import UsageError

_NAME_CHARS = 40  # of a file that a disk takes: with more around them it might not


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Give an empty file beside ``path`` to be written; it takes its place when the block ends without an error.

    Until then nobody else can read it, and with ``private`` not even then; else it has the rights of the file that it
    replaces, or those that the user gives to new files. Raises OSError: ``path`` is as it was.
    """
    prefix = f".{path.name[:_NAME_CHARS]}."
    descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=".tmp", dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        if not private:
            temporary.chmod(stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
