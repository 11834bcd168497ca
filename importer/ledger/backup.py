"""`ledger backup`: a copy of an SQLite ledger as it is at one moment, while runs go on."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from importer.errors import LedgerError, UsageError
from importer.ledger import database, opening, permissions

_PATIENCE_S = 30.0
_STEP_PAGES = 5_000  # between two steps the process hears signals
_NAME_CHARS = 40  # of a name that a disk takes: with more around them it might not
_BESIDE = ("-wal", "-shm", "-journal", ".reserve")


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """What a backup holds."""

    rows: int
    size_bytes: int


def back_up(url: str, target: Path) -> Backup:
    """Copy the ledger into a new file that its owner alone can read; it is there whole or not at all.

    The ledger is not brought up to date for that. Raises UsageError if the target can't be made, and LedgerError.
    """
    ledger = database.sqlite_path(url)
    if ledger is None:
        raise LedgerError(
            f"the ledger {database.safe_url(url)} is on a PostgreSQL server, which has a tool for backups",
            hint="use pg_dump, such as `pg_dump --format=custom --file=ledger.dump DATABASE`, and pg_restore",
        )
    if not opening.exists(url):
        raise opening.no_ledger(url)
    _refuse(ledger, target)
    with _new_file(target) as temporary:
        with database.translated_errors(url):
            rows = _copy(ledger, temporary)
        size_bytes = temporary.stat().st_size
    return Backup(rows=rows, size_bytes=size_bytes)


def _refuse(ledger: Path, target: Path) -> None:
    """Raise UsageError for a target that is there, or that SQLite would take for a part of the ledger."""
    place = Path(os.path.realpath(target.parent)) / target.name
    real = Path(os.path.realpath(ledger))
    own = {each.with_name(f"{each.name}{end}") for each in (ledger.absolute(), real) for end in ("", *_BESIDE)}
    if place in own:
        raise UsageError(f"{target} is a file of the ledger itself", hint="name another file for the backup")
    if os.path.lexists(target):
        raise UsageError(f"{target} is there already", hint="name a new file for the backup, or remove the old one")


@contextlib.contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """Give a file to be written, which then gets the name ``target`` if nobody has taken that. Raises UsageError."""
    try:
        number, name = tempfile.mkstemp(prefix=f".{target.name[:_NAME_CHARS]}.", suffix=".tmp", dir=target.parent)
    except OSError as error:
        raise UsageError(
            f"the backup {target} can't be written: {error.strerror}", hint="choose another place for it"
        ) from error
    os.close(number)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        _link(temporary, target)
    except FileExistsError as error:
        raise UsageError(f"{target} is there already", hint="name a new file for the backup") from error
    except OSError as error:
        raise UsageError(
            f"the backup {target} can't be written: {error.strerror}", hint="choose another place for it"
        ) from error
    finally:
        for end in ("", *_BESIDE):
            temporary.with_name(f"{temporary.name}{end}").unlink(missing_ok=True)


def _link(temporary: Path, target: Path) -> None:
    """Give a file its name. Raises FileExistsError if the name is taken, by a link, too."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # a disk without links: the name is taken first, then the file put there
        os.close(permissions.create_private(target))
        temporary.replace(target)
    with contextlib.suppress(OSError):  # not every system lets a folder be opened
        _sync(target.parent)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _copy(ledger: Path, target: Path) -> int:
    """Copy a ledger as it is now, check the copy, and count its tickets. Raises LedgerError and sqlite3.Error."""
    with (
        contextlib.closing(database.sqlite3_connection(ledger, _PATIENCE_S)) as here,
        contextlib.closing(sqlite3.connect(target, isolation_level=None)) as there,
    ):
        here.execute("begin")  # what is read from here on is of one moment, whatever runs write meanwhile
        here.execute("select count(*) from ledger_meta").fetchone()
        here.backup(there, pages=_STEP_PAGES)
        here.execute("rollback")
        there.execute("pragma journal_mode = delete")  # one file, with nothing beside it
        found = there.execute("pragma quick_check(1)").fetchone()[0]
        if found != "ok":
            raise LedgerError(
                f"the ledger {ledger} is damaged, and so would be its backup: {found}",
                hint="restore the ledger from an earlier backup; do not import without it",
            )
        return int(there.execute("select count(*) from tickets").fetchone()[0])
