"""Whether a ledger is sound and of this program's version; an older one is brought up to date when it is opened.

A version's step is added to ``STEPS`` in the same change as ``schema.SCHEMA_VERSION``. It makes the tables what they
were in that version, in statements of its own: ``schema`` goes on changing, and a step must not change with it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import sqlalchemy as sa

from importer.errors import LedgerError
from importer.ledger import database, leases, schema

Step = Callable[[sa.Connection], None]
_FIRST = 1


def _share_the_quota(db: sa.Connection) -> None:
    db.execute(
        sa.text("create table quotas (account text not null primary key, boot_id text not null, pool text not null)")
    )
    db.execute(
        sa.text(
            "create table calls (account text not null, minute integer not null, calls integer not null, "
            "primary key (account, minute))"
        )
    )


STEPS: Mapping[int, Step] = {2: _share_the_quota}
"""By the version that a step leads to, from the one before."""


def check(engine: sa.Engine, path: Path | None, steps: Mapping[int, Step] = STEPS) -> None:
    """Raise LedgerError for a ledger that is damaged or newer than this program; bring an older one up to date."""
    with engine.connect() as db:
        if path is not None:
            _refuse_damaged(db, path)
        version = _version(db)
    newest = max(steps, default=_FIRST)
    if version > newest:
        raise LedgerError(
            f"the ledger {database.shown(str(engine.url))} has schema version {version}; this program knows {newest}",
            hint="use the version of ticket-importer that wrote it, or a newer one",
        )
    if version < newest:
        _bring_up_to_date(engine, path, range(version + 1, newest + 1), steps)


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
            f"the ledger {database.shown(str(db.engine.url))} names no schema version ({text!r})",
            hint="it is damaged or no ledger; restore it from a backup",
        )
    return int(text)


def _bring_up_to_date(engine: sa.Engine, path: Path | None, versions: range, steps: Mapping[int, Step]) -> None:
    """Go from step to step, each in a transaction of its own with the version that it leads to."""
    if missing := [to for to in versions if to not in steps]:
        raise LedgerError(
            f"the ledger {database.shown(str(engine.url))} has schema version {versions.start - 1}, and this program "
            f"knows no way from there to version {missing[0]}",
            hint="open it once with the version of ticket-importer that came next, then with this one",
        )
    if path is not None:
        _back_up(path, versions.start - 1)
    for to in versions:
        with engine.connect().execution_options(writes=True) as db, db.begin():
            if _version(db, lock=True) >= to:  # another process was faster
                continue
            leases.refuse_live(db, path)
            steps[to](db)
            db.execute(schema.meta.update().where(schema.meta.c.name == "schema_version").values(value=str(to)))


def _back_up(path: Path, version: int) -> None:
    """Keep the ledger as it is beside it; a backup that is there is of the same version, and older, and stays."""
    backup = path.with_name(f"{path.name}.version-{version}.backup")
    if backup.exists():
        return
    descriptor, name = tempfile.mkstemp(prefix=f".{backup.name}.", dir=path.parent)
    os.close(descriptor)
    try:
        with contextlib.closing(sqlite3.connect(path)) as here, contextlib.closing(sqlite3.connect(name)) as there:
            here.backup(there)
        Path(name).replace(backup)  # a backup that was broken off is none
    finally:
        Path(name).unlink(missing_ok=True)
