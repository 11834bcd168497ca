"""Who is alive: a run holds its rows while it renews its lease; a dead one's are free, and what it sent is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import filelock
import sqlalchemy as sa

from importer.errors import HeldByAnotherRun, LedgerError, StoppedEarly
from importer.ledger import database, permissions, schema
from importer.ledger.records import RunInfo, utc_now

LEASE_S = 60.0

# Made once: it is part of every commit of intents.
_RENEW = (
    schema.runs.update()
    .where((schema.runs.c.id == sa.bindparam("given_run")) & schema.runs.c.ended_at.is_(None))
    .values(lease_until=sa.bindparam("given_until"))
)


def now(db: sa.Connection) -> float:
    """Seconds on a clock that nobody sets: PostgreSQL's own, or this machine's time since it was started."""
    if db.dialect.name == "postgresql":
        return float(db.scalar(sa.text("select extract(epoch from clock_timestamp())")) or 0.0)
    return database.boot_clock_s()


def renew(db: sa.Connection, run_id: str) -> None:
    """Move a lease forward. Raises StoppedEarly if another run has taken over."""
    if not db.execute(_RENEW, {"given_run": run_id, "given_until": now(db) + LEASE_S}).rowcount:
        raise StoppedEarly(
            "this run was paused for so long that another one has taken over its rows",
            hint="let that run finish, then run the same command again",
        )


def end_expired_runs(db: sa.Connection, run: RunInfo, ledger: Path | None) -> None:
    """End every dead run of this account and source; what it had under way is unknown."""
    columns = schema.runs.c
    where = (columns.account == run.account) & (columns.source == run.source) & columns.ended_at.is_(None)
    for other in db.execute(schema.runs.select().where(where)).all():
        if not is_expired(db, other, ledger):
            continue
        db.execute(schema.runs.update().where(columns.id == other.id).values(ended_at=utc_now()))
        release_rows(db, other.id)


def release_rows(db: sa.Connection, run_id: str) -> None:
    """Let a run's rows go; what it had under way is unknown."""
    held = schema.tickets.c.held_by == run_id
    sending = sa.select(schema.tickets.c.id).where(held & (schema.tickets.c.state == "sending"))
    left_open = schema.attempts.c.ticket.in_(sending) & schema.attempts.c.outcome.is_(None)
    db.execute(schema.attempts.update().where(left_open).values(settled_after=schema.last_attempt()))
    db.execute(
        schema.tickets.update()
        .where(held & (schema.tickets.c.state == "sending"))
        .values(
            state="unknown",
            error_code="interrupted",
            error=f"run {run_id} ended while the request was under way",
            finished_at=utc_now(),
        )
    )
    db.execute(schema.tickets.update().where(held).values(held_by=None))


def is_expired(db: sa.Connection, other: sa.Row[Any], ledger: Path | None) -> bool:
    """Say whether a run that has not ended never will: its machine was started anew, or its process is gone."""
    if db.dialect.name == "sqlite" and other.boot_id != database.boot_id():
        return True
    if other.lease_until < now(db):
        return True
    return ledger is not None and RunLock(ledger, other.id).is_free()


def refuse_held(db: sa.Connection, run: RunInfo, keys: Sequence[str]) -> None:
    """Raise HeldByAnotherRun if a live run holds a row with one of these keys."""
    columns = schema.tickets.c
    of_others = (
        (columns.account == run.account)
        & (columns.source == run.source)
        & database.column_is_in(db, columns.key, keys)
        & columns.held_by.is_not(None)
        & (columns.held_by != run.id)
        & schema.runs.c.ended_at.is_(None)
    )
    statement = sa.select(columns.key, schema.runs).join(schema.runs, schema.runs.c.id == columns.held_by)
    other = db.execute(statement.where(of_others).limit(1)).first()
    if other is not None:
        raise HeldByAnotherRun(
            f"run {other.id} on host {other.host} (process {other.pid}, started {other.started_at}) holds rows of this "
            f"manifest, such as the one with key {other.key!r}",
            hint="wait until it has ended, or stop it; then run the same command again",
        )


def refuse_live(db: sa.Connection, ledger: Path | None) -> None:
    """Raise LedgerError if a run is at work: it is an older program's, which knows only the tables as they are."""
    columns = schema.runs.c
    known: sa.Select[Any] = sa.select(columns.id, columns.host, columns.pid, columns.boot_id, columns.lease_until)
    for other in db.execute(known.where(columns.ended_at.is_(None))).all():
        if not is_expired(db, other, ledger):
            raise LedgerError(
                f"the ledger is an older version's, and run {other.id} of that version on host {other.host} (process "
                f"{other.pid}) is at work with it",
                hint="wait until it has ended, then run the same command again",
            )


class RunLock:
    """A file beside an SQLite ledger that a live run holds locked; the system lets go of it when the process ends."""

    def __init__(self, ledger: Path, run_id: str) -> None:
        self._path = ledger.with_name(f"{ledger.name}.{run_id.rsplit('.', 1)[-1]}.lock")
        self._lock = filelock.FileLock(self._path, mode=permissions.OWNER_ONLY)

    def take(self) -> None:
        """Lock it. Raises OSError or filelock.Timeout."""
        self._lock.acquire(blocking=False)

    def drop(self) -> None:
        """Unlock and remove it."""
        self._lock.release()
        self._path.unlink(missing_ok=True)

    def is_free(self) -> bool:
        """Say whether nobody holds it; then it is removed."""
        try:
            self.take()
        except (filelock.Timeout, PermissionError):  # another user's: then its lease alone tells
            return False
        self.drop()
        return True
