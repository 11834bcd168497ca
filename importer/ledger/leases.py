"""Leases of runs: a run holds its rows while it renews its lease.

When a lease has expired, the run's rows are released, and its requests without an answer become unknown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import filelock
import sqlalchemy as sa

from importer.errors import HeldByAnotherRun, LedgerError, StoppedEarly
from importer.ledger import database, permissions, schema
from importer.ledger.records import Claim, RunInfo, utc_now

LEASE_S = 60.0

# Built once, because every commit of intents executes it.
_IS_LIVE = (schema.runs.c.id == sa.bindparam("p_run")) & schema.runs.c.ended_at.is_(None)
# A server that has lost the run's last request, such as a standby that lagged behind, may have lost others, too.
_HAS_SENT = sa.exists().where(
    (schema.attempts.c.id == sa.bindparam("p_sent", type_=sa.Integer))
    & (schema.attempts.c.run == sa.bindparam("p_run", type_=sa.Text))
)
_LIVE_RUN = schema.runs.update().where(
    _IS_LIVE & ((sa.bindparam("p_sent", type_=sa.Integer) == sa.literal_column("0")) | _HAS_SENT)
)
_RENEW = _LIVE_RUN.values(lease_until=sa.bindparam("p_until"))
_RENEW_ON_SERVER = _LIVE_RUN.values(lease_until=sa.text(f"extract(epoch from clock_timestamp()) + {LEASE_S}"))


def now(db: sa.Connection) -> float:
    """Return seconds on a clock that users don't set: PostgreSQL's clock, or the time since this machine started."""
    if db.dialect.name == "postgresql":
        return float(db.scalar(sa.text("select extract(epoch from clock_timestamp())")) or 0.0)
    return database.boot_clock_s()


def renew(db: sa.Connection, run_id: str, last_attempt: int = 0) -> None:
    """Extend a lease. ``last_attempt``: the run's last request, if it has sent any.

    Raises StoppedEarly if another run has taken over, and LedgerError if the ledger has lost the last request.
    """
    values: dict[str, Any] = {"p_run": run_id, "p_sent": last_attempt}
    if db.dialect.name == "postgresql":
        renewed = db.execute(_RENEW_ON_SERVER, values)
    else:
        renewed = db.execute(_RENEW, {**values, "p_until": now(db) + LEASE_S})
    if not renewed.rowcount:
        check_sent(db, run_id, last_attempt)
        raise StoppedEarly(
            "this run was paused for so long that another one has taken over its rows",
            hint="let that run finish, then run the same command again",
        )


def check_sent(db: sa.Connection, run_id: str, last_attempt: int) -> None:
    """Raise LedgerError if the ledger has lost the last request of this run."""
    if last_attempt and not db.scalar(sa.select(_HAS_SENT), {"p_run": run_id, "p_sent": last_attempt}):
        raise LedgerError(
            f"the ledger {database.safe_url(str(db.engine.url))} has lost requests that this run had recorded: its "
            "server was replaced by one that lacks the last transactions",
            hint="nothing more is sent; bring back the server that has them, or `rerun` the results of this run",
        )


def end_expired_runs(db: sa.Connection, ledger: Path | None, run: RunInfo | None = None) -> None:
    """End every run whose lease has expired, of the account and source of ``run`` or of all.

    Its requests in flight become unknown.
    """
    columns = schema.runs.c
    where: sa.ColumnElement[bool] = columns.ended_at.is_(None)
    if run is not None:
        where &= (columns.account == run.account) & (columns.source == run.source)
    for other in db.execute(schema.runs.select().where(where)).all():
        # A run that has renewed its lease meanwhile is live.
        unchanged = (columns.id == other.id) & (columns.lease_until == other.lease_until) & columns.ended_at.is_(None)
        if is_expired(db, other, ledger):
            ended = db.execute(schema.runs.update().where(unchanged).values(ended_at=utc_now()))
            if ended.rowcount:
                release_rows(db, other.id)


def end_run(db: sa.Connection, run_id: str, exit_code: int, stopped: str) -> None:
    """Record how a run ended, and release its rows."""
    alive = (schema.runs.c.id == run_id) & schema.runs.c.ended_at.is_(None)
    values = {"ended_at": utc_now(), "exit_code": exit_code, "stopped": stopped or None}
    db.execute(schema.runs.update().where(alive).values(**values))
    release_rows(db, run_id)


def release_rows(db: sa.Connection, run_id: str) -> None:
    """Release a run's rows, and record in which states it leaves them; its requests in flight become unknown."""
    held = schema.tickets.c.held_by == run_id
    sending = sa.select(schema.tickets.c.id).where(held & (schema.tickets.c.state == "sending"))
    leads = schema.leads_under_way
    db.execute(leads.delete().where(leads.c.ticket.in_(sending)))
    left_open = schema.attempts.c.ticket.in_(sending) & schema.attempts.c.outcome.is_(None)
    db.execute(schema.attempts.update().where(left_open).values(settled_after=schema.last_attempt()))
    db.execute(
        schema.tickets.update()
        .where(held & (schema.tickets.c.state == "sending"))
        .values(
            state="unknown",
            error_code="interrupted",
            error=f"run {run_id} ended before the request was answered",
            finished_at=utc_now(),
        )
    )
    did = json.dumps(states_of_held_rows(db, run_id))
    db.execute(schema.runs.update().where((schema.runs.c.id == run_id) & schema.runs.c.did.is_(None)).values(did=did))
    db.execute(schema.tickets.update().where(held).values(held_by=None))


def states_of_held_rows(db: sa.Connection, run_id: str) -> dict[str, int]:
    """Return the number of a run's rows in each state: those that it sent or settled, and those that are pending."""
    columns = schema.tickets.c
    where = (columns.held_by == run_id) & ((columns.run == run_id) | (columns.state == "pending"))
    counted = sa.select(columns.state, sa.func.count()).where(where).group_by(columns.state)
    return dict(db.execute(counted).all())


def is_expired(db: sa.Connection, other: sa.Row[Any], ledger: Path | None) -> bool:
    """Return whether an open run is dead: its machine restarted, its lease expired, or its process is gone."""
    if db.dialect.name == "sqlite" and other.boot_id != database.boot_id():
        return True
    if other.lease_until < now(db):
        return True
    return ledger is not None and RunLock(ledger, other.id).is_free()


def claim_rows(db: sa.Connection, run: RunInfo, claims: Sequence[Claim]) -> dict[str, str]:
    """Reserve rows for a run, except those that another live run holds; return the states of the reserved rows by key.

    One statement decides: two runs that claim the same row at the same time can't both have it.
    """
    columns = schema.tickets.c
    holder = schema.runs.alias()
    # As text: SQLAlchemy would not see that this column is the one of the row that the statement changes.
    held_by: sa.ColumnElement[str] = sa.literal_column("tickets.held_by")
    is_live = sa.exists().where((holder.c.id == held_by) & holder.c.ended_at.is_(None))
    statement = database.insert(db, schema.tickets)
    claimed = statement.on_conflict_do_update(
        index_elements=["account", "source", "key"],
        set_={"held_by": statement.excluded.held_by, "manifest_row": statement.excluded.manifest_row},
        where=columns.held_by.is_(None) | (columns.held_by == run.id) | ~is_live,
    ).returning(columns.key, columns.state)
    common = {"account": run.account, "source": run.source, "state": "pending", "held_by": run.id}
    rows = [{**common, "key": each.key, "manifest_row": each.manifest_row} for each in claims]
    return {row.key: row.state for row in db.execute(claimed, rows).all()}


def held_by_another_run(db: sa.Connection, run: RunInfo, keys: Sequence[str]) -> HeldByAnotherRun:
    """Return the error that names the run that holds one of these rows."""
    columns = schema.tickets.c
    of_others = (
        (columns.account == run.account)
        & (columns.source == run.source)
        & database.column_is_in(db, columns.key, keys)
        & (columns.held_by != run.id)
    )
    statement = sa.select(columns.key, schema.runs).join(schema.runs, schema.runs.c.id == columns.held_by)
    other = db.execute(statement.where(of_others).limit(1)).first()
    who = (
        f"run {other.id} is still importing rows of this manifest, such as the row with key {other.key!r} "
        f"(host {other.host}, process {other.pid}, started {other.started_at})"
        if other is not None  # it may have ended meanwhile
        else f"another run was importing rows of this manifest, such as the row with key {keys[0]!r}"
    )
    return HeldByAnotherRun(who, hint="wait until that run has ended, or stop it; then run the same command again")


def live_runs(db: sa.Connection, ledger: Path | None) -> list[sa.Row[Any]]:
    """Return the ID, host and process of every live run, in a ledger of any version."""
    columns = schema.runs.c
    known: sa.Select[Any] = sa.select(columns.id, columns.host, columns.pid, columns.boot_id, columns.lease_until)
    started = db.execute(known.where(columns.ended_at.is_(None))).all()
    return [each for each in started if not is_expired(db, each, ledger)]


def refuse_live_runs(db: sa.Connection, ledger: Path | None, why: str) -> None:
    """Raise LedgerError if a run is live. ``why`` this must not be: the beginning of the message."""
    for other in live_runs(db, ledger):
        raise LedgerError(
            f"{why}, but run {other.id} still uses it (host {other.host}, process {other.pid})",
            hint="wait until that run has ended, then run the same command again",
        )


class RunLock:
    """Lock file beside an SQLite ledger. A live run holds the lock; the system releases it when the process ends."""

    def __init__(self, ledger: Path, run_id: str) -> None:
        self._path = ledger.with_name(f"{ledger.name}.{run_id.rsplit('.', 1)[-1]}.lock")
        self._lock = filelock.FileLock(self._path, mode=permissions.OWNER_ONLY)

    def acquire(self) -> None:
        """Lock it. Raises OSError or filelock.Timeout."""
        self._lock.acquire(blocking=False)

    def release(self) -> None:
        """Unlock and remove it."""
        self._lock.release()
        self._path.unlink(missing_ok=True)

    def is_free(self) -> bool:
        """Return whether the lock is free; then remove the file."""
        try:
            self.acquire()
        except (filelock.Timeout, PermissionError):  # another user's file: only the lease decides
            return False
        self.release()
        return True
