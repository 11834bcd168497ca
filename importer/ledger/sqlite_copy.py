"""Copies an SQLite ledger to a new file at one moment, while other processes use the ledger."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from importer.errors import LedgerError, UsageError
from importer.ledger import database
from importer.runtime.atomic_files import create_private

BESIDE = ("-wal", "-shm", "-journal", ".reserve")  # endings of the files beside a ledger

_PATIENCE_S = 30.0
_STEP_PAGES = 5_000  # the process handles signals between two steps
_NAME_CHARS = 40  # of the target's name in the temporary name, which must not be too long


def copy_ledger(url: str, ledger: Path, target: Path) -> int:
    """Copy a ledger, check the copy, and return its number of tickets.

    The target appears complete or not at all, and only its owner can read it. Raises FileExistsError if it exists,
    OSError or UsageError if it can't be written, and LedgerError.
    """
    with new_file(target) as temporary, database.translated_errors(url):
        try:
            return _copy(ledger, temporary)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            problem = f"{target} can't be written: its disk is full"  # the ledger itself is only read
            raise UsageError(problem, hint="free space on it, or name a file on another disk") from error


@contextlib.contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Give a temporary file to write; name it ``target`` at the end. Raises OSError."""
    number, name = tempfile.mkstemp(prefix=f".{target.name[:_NAME_CHARS]}.", suffix=".tmp", dir=target.parent)
    os.close(number)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        _link(temporary, target)
    finally:
        for end in ("", *BESIDE):
            temporary.with_name(f"{temporary.name}{end}").unlink(missing_ok=True)


def _link(temporary: Path, target: Path) -> None:
    """Rename a file. Raises FileExistsError if the new name exists, also as a link."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # a disk without hard links: create the name first, then replace it
        os.close(create_private(target))
        temporary.replace(target)
    with contextlib.suppress(OSError):  # not every system can open a folder
        _sync(target.parent)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _copy(ledger: Path, target: Path) -> int:
    with (
        contextlib.closing(database.sqlite3_connection(ledger, _PATIENCE_S)) as source,
        contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        source.execute("begin")  # a read transaction: later writes of other processes are not seen
        source.execute("select count(*) from ledger_meta").fetchone()
        source.backup(copy, pages=_STEP_PAGES)
        source.execute("rollback")
        copy.execute("pragma journal_mode = delete")  # a single file, without a log beside it
        found = copy.execute("pragma quick_check(1)").fetchone()[0]
        if found != "ok":
            raise LedgerError(
                f"the ledger {ledger} is damaged, so no backup was made: {found}",
                hint="restore the ledger from an earlier backup; do not import without it",
            )
        return int(copy.execute("select count(*) from tickets").fetchone()[0])
