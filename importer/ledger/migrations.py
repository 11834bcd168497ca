"""Whether a ledger is sound and of this program's version; an older one is brought up to date when it is opened.

Alembic applies the revisions. It is loaded only where there is one to apply.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from importer.errors import LedgerError
from importer.ledger import database, leases, schema

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger("importer")
REVISIONS = Path(__file__).parent / "revisions"
_PATIENCE_S = 2.0
_IS_TO_BE_COMPACTED = sa.select(schema.meta.c.value).where(schema.meta.c.name == "compact")


def check(
    engine: sa.Engine, path: Path | None, newest: int = schema.SCHEMA_VERSION, revisions: Sequence[Path] = ()
) -> None:
    """Raise LedgerError for a ledger that is damaged or newer than this program; bring an older one up to date.

    ``newest`` is the version of this program. ``revisions``: folders of more revisions than the package has.
    """
    with engine.connect() as db:
        if path is not None:
            _refuse_damaged(db, path)
        version = _version(db)
        compact = db.scalar(_IS_TO_BE_COMPACTED)
    if version > newest:
        raise LedgerError(
            f"the ledger {database.safe_url(str(engine.url))} has schema version {version}; "
            f"this program knows {newest}",
            hint="use the version of ticket-importer that wrote it, or a newer one",
        )
    if version < newest:
        _bring_up_to_date(engine, path, range(version + 1, newest + 1), revisions)
    if path is not None and (compact or version < newest):
        _compact(engine, path)


def _refuse_damaged(db: sa.Connection, path: Path) -> None:
    found = db.execute(sa.text("pragma quick_check(1)")).scalar()
    if found != "ok":
        raise LedgerError(
            f"the ledger {path} is damaged: {found}", hint="restore it from a backup; do not import without it"
        )


def _version(db: sa.Connection, *, lock: bool = False) -> int:
    """The ledger's schema version; with ``lock``, nobody else gets to know it before this transaction ends."""
    wanted = sa.select(schema.meta.c.value).where(schema.meta.c.name == "schema_version")
    text = db.scalar(wanted.with_for_update() if lock else wanted)
    if text is None or not text.isdecimal():
        raise LedgerError(
            f"the ledger {database.safe_url(str(db.engine.url))} names no schema version ({text!r})",
            hint="it is damaged or no ledger; restore it from a backup",
        )
    return int(text)


def _bring_up_to_date(engine: sa.Engine, path: Path | None, versions: range, revisions: Sequence[Path]) -> None:
    """Go from version to version, one transaction for each."""
    config = _config(revisions)
    if missing := _missing(config, range(versions.start - 1, versions.stop)):
        raise LedgerError(
            f"the ledger {database.safe_url(str(engine.url))} has schema version {versions.start - 1}, "
            "and this program "
            f"knows no way from there to version {max(missing[0], versions.start)}",
            hint="open it once with the version of ticket-importer that came next, then with this one",
        )
    backup = _back_up(path, versions.start - 1) if path is not None else None
    for to in versions:
        with engine.connect().execution_options(writes=True) as db, db.begin():
            if _version(db, lock=True) >= to:  # another process was faster
                continue
            leases.refuse_live(db, path)
            _apply(db, config, to)
            db.execute(schema.meta.update().where(schema.meta.c.name == "schema_version").values(value=str(to)))
    if backup is not None:
        log.warning(
            "the ledger %s is brought up to date; %s holds it as it was, with every text that is erased now: "
            "remove that file when you don't need it any more",
            path,
            backup,
        )


def _compact(engine: sa.Engine, path: Path) -> None:
    """Write the whole file anew if a revision has erased something: free places in it may still hold copies of that.

    It is tried again at the next start if it can't be done now; the ledger can be used all the same.
    """
    with engine.connect() as db:
        if not db.scalar(_IS_TO_BE_COMPACTED):
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
            "the ledger %s may still hold texts that were erased from it (%s); the next start tries again",
            path,
            trouble,
        )
        return
    with engine.connect().execution_options(writes=True) as db, db.begin():
        db.execute(schema.meta.delete().where(schema.meta.c.name == "compact"))


def _config(revisions: Sequence[Path]) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - most ledgers are up to date

    config = Config()
    folders = [REVISIONS / "versions", *revisions]
    # Settings of Alembic are texts, in which a percent sign is doubled.
    config.set_main_option("script_location", str(REVISIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, folders)).replace("%", "%%"))
    return config


def _missing(config: Config, versions: range) -> list[int]:
    """The versions for which there is no revision."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    return [version for version in versions if str(version) not in known]


def _apply(db: sa.Connection, config: Config, to: int) -> None:
    """Apply the revision that leads to a version, in the transaction of ``db``."""
    from alembic import command  # noqa: PLC0415

    config.attributes["connection"] = db
    # `ledger_meta` decides. A ledger that Alembic has never changed has no record of Alembic's.
    command.stamp(config, str(to - 1), purge=True)
    command.upgrade(config, str(to))


def _back_up(path: Path, version: int) -> Path:
    """Keep the ledger as it is beside it; a backup that is there is of the same version, and older, and stays."""
    backup = path.with_name(f"{path.name}.version-{version}.backup")
    if backup.exists():
        return backup
    descriptor, name = tempfile.mkstemp(prefix=f".{backup.name}.", dir=path.parent)  # nobody else can read it
    os.close(descriptor)
    try:
        with contextlib.closing(sqlite3.connect(path)) as here, contextlib.closing(sqlite3.connect(name)) as there:
            here.backup(there)
        Path(name).replace(backup)  # a backup that was broken off is none
    finally:
        Path(name).unlink(missing_ok=True)
    return backup
