"""The ledger's files are readable by their owner only, whatever the umask: they hold customers' data."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from pathlib import Path

log = logging.getLogger("importer")

OWNER_ONLY = 0o600
_OWNER_ONLY_FOLDER = 0o700
_OTHERS = 0o077
_BESIDE = ("", "-wal", "-shm", "-journal")  # SQLite gives its other files the rights of the first


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, for their owner only. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=_OWNER_ONLY_FOLDER)
            if stat.S_IMODE(folder.stat().st_mode) != _OWNER_ONLY_FOLDER:  # a umask has taken rights of the owner
                folder.chmod(_OWNER_ONLY_FOLDER)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder")


def create_private(path: Path) -> int:
    """Create a file that is not there, for its owner only, and open it; give its number. Raises OSError.

    What is there is left alone, links included. Nobody else can open the new file at any moment.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    number = os.open(path, flags, OWNER_ONLY)
    if os.name == "posix" and stat.S_IMODE(os.fstat(number).st_mode) != OWNER_ONLY:
        os.fchmod(number, OWNER_ONLY)  # a umask has taken rights of the owner
    return number


def create_ledger(path: Path) -> None:
    """Create the empty file that SQLite is about to open, if there is none. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        os.close(create_private(Path(os.path.realpath(path))))


def tighten(path: Path) -> None:
    """Take the rights of others on a ledger's files away, and warn that they had some."""
    if os.name != "posix":
        return
    for each in (path.with_name(f"{path.name}{end}") for end in _BESIDE):
        try:
            mode = stat.S_IMODE(each.stat().st_mode)
            if not mode & _OTHERS:
                continue
            each.chmod(mode & ~_OTHERS)
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("others than its owner can use the ledger's file %s (rights %03o): %s", each, mode, error)
            continue
        log.warning(
            "others than its owner could use the ledger's file %s (rights %03o); now they can't (%03o)",
            each,
            mode,
            mode & ~_OTHERS,
        )
