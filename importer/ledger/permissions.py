"""Keeps the ledger's files readable by their owner only, for any umask: they contain customers' data."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from pathlib import Path

from importer.runtime.atomic_files import create_private

log = logging.getLogger("importer")

OWNER_ONLY = 0o600
_OWNER_ONLY_FOLDER = 0o700
_OTHERS = 0o077
_BESIDE = ("", "-wal", "-shm", "-journal")  # SQLite gives its other files the permissions of the first


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, for their owner only. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=_OWNER_ONLY_FOLDER)
            if stat.S_IMODE(folder.stat().st_mode) != _OWNER_ONLY_FOLDER:  # the umask removed permissions of the owner
                folder.chmod(_OWNER_ONLY_FOLDER)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")


def create_ledger(path: Path) -> None:
    """Create an empty file for SQLite to open, unless it exists. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        os.close(create_private(Path(os.path.realpath(path))))


def remove_access_of_others(path: Path) -> None:
    """Remove other users' permissions on a ledger's files, with a warning."""
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
            log.warning("other users have access to the ledger's file %s (permissions %03o): %s", each, mode, error)
            continue
        log.warning(
            "other users had access to the ledger's file %s (permissions %03o); this access was removed (%03o)",
            each,
            mode,
            mode & ~_OTHERS,
        )
