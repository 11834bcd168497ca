"""`ledger backup`: a consistent copy of an SQLite ledger, made while runs use it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from importer.errors import LedgerError, UsageError
from importer.ledger import database, opening
from importer.ledger.sqlite_copy import BESIDE, copy_ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """Number of rows and size of a finished backup."""

    rows: int
    size_bytes: int


def back_up(url: str, target: Path) -> Backup:
    """Copy the ledger to a new file that only its owner can read. The file appears complete or not at all.

    An older ledger is not upgraded. Raises UsageError if the target can't be written, and LedgerError.
    """
    ledger = database.sqlite_path(url)
    if ledger is None:
        raise LedgerError(
            f"the ledger {database.safe_url(url)} is on a PostgreSQL server, which this command can't back up",
            hint="use pg_dump, such as `pg_dump --format=custom --file=ledger.dump DATABASE`, and pg_restore",
        )
    if not opening.exists(url):
        raise opening.no_ledger(url)
    _refuse(ledger, target)
    with opening.looking(url):
        pass  # a ledger that was moved is refused
    try:
        rows = copy_ledger(url, ledger, target)
        return Backup(rows=rows, size_bytes=target.stat().st_size)
    except FileExistsError as error:
        raise _exists_already(target) from error
    except OSError as error:
        raise UsageError(
            f"the backup {target} can't be written: {error.strerror}", hint="choose another place for it"
        ) from error


def _refuse(ledger: Path, target: Path) -> None:
    """Raise UsageError if the target exists, or if SQLite would treat it as a file of the ledger."""
    place = Path(os.path.realpath(target.parent)) / target.name
    real = Path(os.path.realpath(ledger))
    own = {each.with_name(f"{each.name}{end}") for each in (ledger.absolute(), real) for end in ("", *BESIDE)}
    if place in own:
        raise UsageError(f"{target} is one of the ledger's own files", hint="choose another name for the backup")
    if os.path.lexists(target):
        raise _exists_already(target)


def _exists_already(target: Path) -> UsageError:
    return UsageError(f"{target} exists already", hint="choose another name for the backup, or remove the old one")
