"""Queries about past runs: how each ended, and the current states of its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from importer.errors import UsageError
from importer.ledger import leases, schema
from importer.ledger.store import Ledger

_SHOWN_RUNS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRun:
    """One run. ``states``: number of its rows in each current state. ``live``: its process is still running."""

    id: str
    account: str
    source: str
    command: str
    manifest: str
    host: str
    started_at: str
    ended_at: str | None
    exit_code: int | None
    live: bool
    states: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRow:
    """One row that a run sent, settled or rejected: the outcome in that run, and the row's current state."""

    row: int
    key: str
    state: str
    number: str
    outcome: str  # of the run's last request for it; empty without an answer
    attempts: int  # by this run
    settled_at: str
    error_code: str
    error: str


def past_runs(ledger: Ledger) -> list[PastRun]:
    """Return every run of a ledger, the newest first."""
    with ledger.reading() as db:
        states = _states(db)
        # Runs that started in the same second are sorted by the boot clock.
        order = (schema.runs.c.started_at.desc(), schema.runs.c.lease_until.desc(), schema.runs.c.id)
        return [_past_run(ledger, db, row, states) for row in db.execute(schema.runs.select().order_by(*order)).all()]


def past_run(ledger: Ledger, name: str) -> PastRun:
    """Return the run of this name or unique part of a name. Raises UsageError."""
    runs = past_runs(ledger)
    named = [run for run in runs if run.id == name] or [run for run in runs if name and name in run.id]
    if len(named) == 1:
        return named[0]
    if named:
        raise UsageError(
            f"{name!r} is part of the names of {len(named)} runs",
            details=[run.id for run in named[:_SHOWN_RUNS]],
            hint="write more of the name",
        )
    raise UsageError(f"the ledger has no run {name!r}", hint="`ticket-importer history` lists the runs")


def rows_of(ledger: Ledger, run_id: str) -> Iterator[PastRow]:
    """Yield the rows of a run, in the manifest's order."""
    attempts, tickets, rejections = schema.attempts.c, schema.tickets.c, schema.rejections.c
    last = (
        sa.select(attempts.ticket, sa.func.max(attempts.id).label("last"), sa.func.count().label("tries"))
        .where(attempts.run == run_id)
        .group_by(attempts.ticket)
        .subquery()
    )
    sent = (
        sa.select(
            tickets.manifest_row.label("row"),
            tickets.key,
            tickets.state,
            tickets.number,
            sa.func.coalesce(attempts.outcome, "").label("outcome"),
            last.c.tries.label("attempts"),
            sa.func.coalesce(attempts.settled_at, "").label("settled_at"),
            tickets.error_code,
            tickets.error,
        )
        .join(last, last.c.ticket == tickets.id)
        .join(schema.attempts, attempts.id == last.c.last)
    )
    none = sa.literal("")
    rejected = sa.select(
        rejections.manifest_row.label("row"),
        rejections.key,
        sa.literal("rejected").label("state"),
        none.label("number"),
        none.label("outcome"),
        sa.literal(0).label("attempts"),
        none.label("settled_at"),
        rejections.code,
        rejections.error,
    ).where(rejections.run == run_id)
    both = sa.union_all(sent, rejected).subquery()
    with ledger.reading() as db:
        for row in db.execute(sa.select(both).order_by(both.c.row, both.c.key)):
            yield PastRow(**row._asdict())


def _states(db: sa.Connection) -> dict[str, dict[str, int]]:
    """Return run -> state -> number of rows in that state now, of the rows that the run sent, settled or rejected."""
    attempts, tickets, rejections = schema.attempts.c, schema.tickets.c, schema.rejections.c
    states: defaultdict[str, dict[str, int]] = defaultdict(dict)
    sent = (
        sa.select(attempts.run, tickets.state, sa.func.count(tickets.id.distinct()))
        .join(schema.tickets, tickets.id == attempts.ticket)
        .group_by(attempts.run, tickets.state)
        .order_by(tickets.state)
    )
    for run, state, count in db.execute(sent):
        states[run][state] = count
    for run, count in db.execute(sa.select(rejections.run, sa.func.count()).group_by(rejections.run)):
        states[run]["rejected"] = count
    return states


def _past_run(ledger: Ledger, db: sa.Connection, row: sa.Row[Any], states: dict[str, dict[str, int]]) -> PastRun:
    return PastRun(
        id=row.id,
        account=row.account,
        source=row.source,
        command=row.command,
        manifest=row.manifest,
        host=row.host,
        started_at=row.started_at,
        ended_at=row.ended_at,
        exit_code=row.exit_code,
        live=row.ended_at is None and not leases.is_expired(db, row, ledger.path),
        states=states.get(row.id, {}),
    )
