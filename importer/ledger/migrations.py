"""Checks that a ledger is intact and of this program's schema version, and upgrades older ledgers.

Alembic applies the revisions. It is loaded only for an upgrade.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from importer.errors import LedgerError
from importer.ledger import database, leases, schema
from importer.ledger.moved_ledgers import refuse_moved
from importer.ledger.sqlite_copy import copy_ledger

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger("importer")
REVISIONS = Path(__file__).parent / "revisions"
_PATIENCE_S = 2.0
_NEEDS_COMPACTION = sa.select(schema.meta.c.value).where(schema.meta.c.name == "compact")


def check_or_upgrade(
    engine: sa.Engine, path: Path | None, newest: int = schema.SCHEMA_VERSION, revisions: Sequence[Path] = ()
) -> None:
    """Upgrade an older ledger. Raises LedgerError if the ledger is damaged or newer than this program.

    ``newest``: this program's schema version. ``revisions``: additional folders of revisions, for tests.
    """
    with engine.connect() as db:
        if path is not None:
            _refuse_damaged(db, path)
        refuse_moved(db)
        version = ledger_version(db)
        compact = db.scalar(_NEEDS_COMPACTION)
        refuse_newer(db, version, newest)
    if version < newest:
        _upgrade(engine, path, range(version + 1, newest + 1), revisions)
    if path is not None and (compact or version < newest):
        _compact(engine, path)


def refuse_newer(db: sa.Connection, version: int, newest: int = schema.SCHEMA_VERSION) -> None:
    """Raise LedgerError if the ledger is newer than this program."""
    if version > newest:
        raise LedgerError(
            f"the ledger {database.safe_url(str(db.engine.url))} has schema version {version}; "
            f"this program supports versions up to {newest}",
            hint="use the version of ticket-importer that wrote it, or a newer one",
        )


def _refuse_damaged(db: sa.Connection, path: Path) -> None:
    found = db.execute(sa.text("pragma quick_check(1)")).scalar()
    if found != "ok":
        raise LedgerError(
            f"the ledger {path} is damaged: {found}",
            hint="restore it from a backup; an import without it would create tickets twice",
        )


def ledger_version(db: sa.Connection, *, lock: bool = False) -> int:
    """Return the ledger's schema version. ``lock``: other processes wait until this transaction ends."""
    wanted = sa.select(schema.meta.c.value).where(schema.meta.c.name == "schema_version")
    text = db.scalar(wanted.with_for_update() if lock else wanted)
    if text is None or not text.isdecimal():
        raise LedgerError(
            f"the ledger {database.safe_url(str(db.engine.url))} has no valid schema version ({text!r})",
            hint="it is damaged or not a ledger; restore it from a backup",
        )
    return int(text)


def _upgrade(engine: sa.Engine, path: Path | None, versions: range, revisions: Sequence[Path]) -> None:
    """Upgrade version by version, one transaction for each."""
    config = _config(revisions)
    if missing := _missing(config, range(versions.start - 1, versions.stop)):
        raise LedgerError(
            f"the ledger {database.safe_url(str(engine.url))} has schema version {versions.start - 1}, "
            f"and this program has no upgrade from there to version {max(missing[0], versions.start)}",
            hint="open it once with the next version of ticket-importer, then with this one",
        )
    backup = _back_up(str(engine.url), path, versions.start - 1) if path is not None else None
    for to in versions:
        with engine.connect().execution_options(writes=True) as db, db.begin():
            if ledger_version(db, lock=True) >= to:  # another process was faster
                continue
            leases.refuse_live_runs(db, path, "the ledger must be upgraded")
            _apply(db, config, to)
            db.execute(schema.meta.update().where(schema.meta.c.name == "schema_version").values(value=str(to)))
    if backup is not None:
        log.warning(
            "the ledger %s was upgraded; %s is a backup of the version before, with texts that the upgrade erased: "
            "remove that file when you no longer need it",
            path,
            backup,
        )


def _compact(engine: sa.Engine, path: Path) -> None:
    """Write the whole file anew if a revision has erased something: free places in it may still hold copies of that.

    It is tried again at the next start if it can't be done now; the ledger can be used all the same.
    """
    with engine.connect() as db:
        if not db.scalar(_NEEDS_COMPACTION):
            return
    try:
        with contextlib.closing(database.sqlite3_connection(path, _PATIENCE_S)) as file:
            file.execute("vacuum")
            busy, *_ = file.execute("pragma wal_checkpoint(truncate)").fetchone()
            trouble = "another program reads it" if busy else ""
    except sqlite3.Error as error:
        trouble = str(error)
    if trouble:
        log.warning(
            "the file of the ledger %s may still contain erased texts (%s); the next start tries again to remove them",
            path,
            trouble,
        )
        return
    with engine.connect().execution_options(writes=True) as db, db.begin():
        db.execute(schema.meta.delete().where(schema.meta.c.name == "compact"))


def _config(revisions: Sequence[Path]) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - needed for upgrades only

    config = Config()
    folders = [REVISIONS / "versions", *revisions]
    # In Alembic's settings a percent sign is doubled.
    config.set_main_option("script_location", str(REVISIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, folders)).replace("%", "%%"))
    return config


def _missing(config: Config, versions: range) -> list[int]:
    """Return the versions without a revision."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    return [version for version in versions if str(version) not in known]


def _apply(db: sa.Connection, config: Config, to: int) -> None:
    """Apply the revision of version ``to``, in the transaction of ``db``."""
    from alembic import command  # noqa: PLC0415

    config.attributes["connection"] = db
    # The version in `ledger_meta` decides: a ledger that Alembic never upgraded has no version of Alembic.
    command.stamp(config, str(to - 1), purge=True)
    command.upgrade(config, str(to))


def _back_up(url: str, path: Path, version: int) -> Path:
    """Copy the ledger beside itself before an upgrade. An existing backup of this version is older, and stays."""
    backup = path.with_name(f"{path.name}.version-{version}.backup")
    if not backup.exists():
        with contextlib.suppress(FileExistsError):  # another process was faster
            copy_ledger(url, path, backup)
    return backup
