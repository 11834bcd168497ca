"""Queries about past runs: what each did, how it ended, and the current states of its rows."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from importer.errors import UsageError
from importer.ledger import database, leases, schema
from importer.ledger.records import FOUND, SET_CREATED
from importer.ledger.store import Ledger

PRUNED_BEFORE = "pruned_before"  # in `ledger_meta`: the requests of runs that ended before were deleted
_SHOWN_RUNS = 10
_IDS = ("number", "ticket_id", "ticket_key")
_MADE = ("created", FOUND, SET_CREATED)  # outcomes that give a ticket's number
_attempts, _tickets, _forgotten = schema.attempts.c, schema.tickets.c, schema.forgotten.c
_rejections = schema.rejections.c


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRun:
    """One run. ``live``: its process is still running.

    ``did``: the number of its rows in each state when it ended. ``states``: the number of the rows that it sent,
    settled or rejected in each state now. ``unconfirmed``: its requests whose answer was not recorded.
    ``unknown_since``: since when the oldest of these rows that are unknown now is unknown. ``accepted_ledger``: the
    reason of its ``--accept-ledger``. ``pruned``: its requests and rejections were deleted,
    so that ``states`` is empty.
    """

    id: str
    account: str
    source: str
    command: str
    manifest: str
    results: str
    host: str
    user: str
    started_at: str
    ended_at: str | None
    exit_code: int | None
    stopped: str
    live: bool
    did: dict[str, int]
    states: dict[str, int]
    unconfirmed: int
    unknown_since: str | None
    accepted_ledger: str | None
    pruned: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRow:
    """One row that a run sent, settled, rejected or forgot: the outcome in that run, and the row's current state."""

    row: int
    key: str
    state: str
    number: str
    ticket_id: str
    ticket_key: str
    outcome: str  # of the run's last request for it; empty without an answer
    attempts: int  # by this run
    settled_at: str
    unknown_since: str  # only of a row that is unknown now
    error_code: str
    error: str


def past_runs(ledger: Ledger) -> list[PastRun]:
    """Return every run of a ledger, the newest first."""
    with ledger.reading() as db:
        rows = db.execute(schema.runs.select().order_by(*schema.NEWEST_FIRST)).all()
        counts = _Counts(db, rows)
        return [_past_run(ledger, db, row, counts) for row in rows]


def past_run(ledger: Ledger, name: str) -> PastRun:
    """Return the run of this name or unique part of a name. Raises UsageError."""
    runs = schema.runs.c
    with ledger.reading() as db:
        names = db.scalars(sa.select(runs.id).order_by(*schema.NEWEST_FIRST)).all()
        named = [each for each in names if each == name] or [each for each in names if name and name in each]
        if len(named) == 1:
            row = db.execute(schema.runs.select().where(runs.id == named[0])).one()
            return _past_run(ledger, db, row, _Counts(db, [row]))
    if named:
        raise UsageError(
            f"{name!r} is part of the names of {len(named)} runs",
            details=named[:_SHOWN_RUNS],
            hint="write more of the name",
        )
    raise UsageError(f"the ledger has no run {name!r}", hint="`ticket-importer history` lists the runs")


def rows_of(ledger: Ledger, run_id: str) -> Iterator[PastRow]:
    """Yield the rows of a run, in the manifest's order."""
    every = sa.union_all(_sent_rows(run_id), _rejected_rows(run_id), _forgotten_rows(run_id)).subquery()
    with ledger.reading() as db:
        for row in db.execute(sa.select(every).order_by(every.c.row, every.c.key)):
            yield PastRow(**row._asdict())


def _sent_rows(run_id: str) -> sa.Select[Any]:
    last = (
        sa.select(_attempts.ticket, sa.func.max(_attempts.id).label("last"), sa.func.count().label("tries"))
        .where(_attempts.run == run_id)
        .group_by(_attempts.ticket)
        .subquery()
    )
    is_forgotten = _attempts.forgotten_by.is_not(None)
    return (
        sa.select(
            _tickets.manifest_row.label("row"),
            _tickets.key,
            sa.case((is_forgotten, "forgotten"), else_=_tickets.state).label("state"),
            *(
                sa.case((is_forgotten, sa.func.coalesce(_forgotten[name], "")), else_=_tickets[name]).label(name)
                for name in _IDS
            ),
            sa.func.coalesce(_attempts.outcome, "").label("outcome"),
            last.c.tries.label("attempts"),
            sa.func.coalesce(_attempts.settled_at, "").label("settled_at"),
            sa.case((_is_unknown(), _tickets.finished_at), else_="").label("unknown_since"),
            sa.case((is_forgotten, ""), else_=_tickets.error_code).label("error_code"),
            sa.case((is_forgotten, ""), else_=_tickets.error).label("error"),
        )
        .join(last, last.c.ticket == _tickets.id)
        .join(schema.attempts, _attempts.id == last.c.last)
        .join(
            schema.forgotten,
            (_forgotten.ticket == _tickets.id) & (_forgotten.run == _attempts.forgotten_by),
            isouter=True,
        )
    )


def _is_unknown() -> sa.ColumnElement[bool]:
    return (_tickets.state == "unknown") & _attempts.forgotten_by.is_(None)


def _rejected_rows(run_id: str) -> sa.Select[Any]:
    none = sa.literal("")
    return sa.select(
        _rejections.manifest_row.label("row"),
        _rejections.key,
        sa.literal("rejected").label("state"),
        *(none.label(name) for name in _IDS),
        none.label("outcome"),
        sa.literal(0).label("attempts"),
        none.label("settled_at"),
        none.label("unknown_since"),
        _rejections.code,
        _rejections.error,
    ).where(_rejections.run == run_id)


def _forgotten_rows(run_id: str) -> sa.Select[Any]:
    """Return the rows that a run of `ledger forget` forgot, with the numbers of their tickets."""
    none = sa.literal("")
    return (
        sa.select(
            _tickets.manifest_row.label("row"),
            _tickets.key,
            sa.literal("forgotten").label("state"),
            *(_forgotten[name] for name in _IDS),
            _forgotten.state.label("outcome"),
            sa.literal(0).label("attempts"),
            _forgotten.finished_at.label("settled_at"),
            none.label("unknown_since"),
            none.label("error_code"),
            none.label("error"),
        )
        .join(schema.tickets, _tickets.id == _forgotten.ticket)
        .where(_forgotten.run == run_id)
    )


class _Counts:
    """Counts of runs: rows by current state, tickets that they made, requests without an answer.

    The requests and rejections of runs that ended before ``pruned_before`` were deleted.
    """

    def __init__(self, db: sa.Connection, runs: Sequence[sa.Row[Any]]) -> None:
        self.pruned_before = db.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == PRUNED_BEFORE)) or ""
        self.states: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.made, self.unconfirmed = Counter[str](), Counter[str]()
        self.unknown_since: dict[str, str] = {}
        final = {run.id: did for run in runs if (did := _final_counts(run)) is not None}
        if final:
            for run in _changed_later(db, runs):
                final.pop(run, None)
        for run, did in final.items():
            self.states[run] = dict(sorted(did.items()))
            self.made[run] = did.get("created", 0)
        self._count_requests(db, [run.id for run in runs if run.id not in final])
        self.rejected = _by_run(db, schema.rejections)
        self.forgotten = _by_run(db, schema.forgotten)
        for state_now, of_runs in (("rejected", self.rejected), ("forgotten", self.forgotten)):
            for name, count in of_runs.items():
                self.states[name][state_now] = count

    def _count_requests(self, db: sa.Connection, runs: list[str]) -> None:
        if not runs:
            return
        state = sa.case((_attempts.forgotten_by.is_not(None), "forgotten"), else_=_tickets.state)
        sent = (  # in one pass, as there may be millions of requests
            sa.select(
                _attempts.run,
                state.label("state"),
                sa.func.count(_tickets.id.distinct()).label("rows"),
                sa.func.min(_tickets.finished_at).label("oldest"),
                sa.func.count(sa.case((_attempts.outcome.in_(_MADE), 1))).label("made"),
                sa.func.count(sa.case((_attempts.outcome.is_(None), 1))).label("unconfirmed"),
            )
            .join(schema.tickets, _tickets.id == _attempts.ticket)
            .where(database.column_is_in(db, _attempts.run, runs))
            .group_by(_attempts.run, state)
            .order_by(state)
        )
        for row in db.execute(sent):
            self.states[row.run][row.state] = row.rows
            self.made[row.run] += row.made
            self.unconfirmed[row.run] += row.unconfirmed
            if row.state == "unknown":
                self.unknown_since[row.run] = row.oldest


def _final_counts(run: sa.Row[Any]) -> dict[str, int] | None:
    """Return what an ended run left, if only another run can have changed that since; else ``None``."""
    did: dict[str, int] = json.loads(run.did) if run.ended_at is not None and run.did is not None else {"": 0}
    return did if did.keys() <= {"created", "failed"} else None


def _changed_later(db: sa.Connection, runs: Sequence[sa.Row[Any]]) -> Collection[str]:
    """Return the runs with a row that another run has sent, settled or forgotten since: few, among many requests."""
    changed = _attempts.forgotten_by.is_not(None) | _tickets.run.is_distinct_from(_attempts.run)
    of_one = _attempts.run == runs[0].id if len(runs) == 1 else sa.true()
    joined = sa.select(_attempts.run).join(schema.tickets, _tickets.id == _attempts.ticket)
    return set(db.scalars(joined.where(changed & of_one).distinct()))


def _by_run(db: sa.Connection, table: sa.Table) -> dict[str, int]:
    counted = sa.select(table.c.run, sa.func.count()).group_by(table.c.run)
    return dict(db.execute(counted).all())


def _did(db: sa.Connection, row: sa.Row[Any], counts: _Counts) -> dict[str, int]:
    """Return what a run did: the states of its rows when it ended; for a run that has not ended, until now.

    The tickets that it made are counted by its requests, as an answer may have come after its end.
    """
    if _is_pruned(row, counts):
        return dict(json.loads(row.did or "{}"))
    if row.did is not None:
        did: dict[str, int] = json.loads(row.did)
    elif row.ended_at is None:
        did = leases.states_of_held_rows(db, row.id)
    else:  # a run of an older version
        did = _last_outcomes(db, row.id)
    others = {"created": counts.made, "rejected": counts.rejected, "forgotten": counts.forgotten}
    did |= {name: number for name, of_runs in others.items() if (number := of_runs.get(row.id, 0))}
    return did


def _is_pruned(row: sa.Row[Any], counts: _Counts) -> bool:
    return row.ended_at is not None and row.ended_at < counts.pruned_before


def _last_outcomes(db: sa.Connection, run_id: str) -> dict[str, int]:
    """Estimate from its requests in which states a run of an older version left its rows."""
    last = sa.select(sa.func.max(_attempts.id)).where(_attempts.run == run_id).group_by(_attempts.ticket)
    state = sa.case(
        (_attempts.outcome.is_(None), "unknown"),
        (_attempts.outcome.in_(("unclear", "not-found", "ambiguous")), "unknown"),
        (_attempts.outcome.in_(("refused", "notsendable")), "failed"),
        (_attempts.outcome.in_(_MADE), "created"),
        else_="pending",
    )
    found = sa.select(state, sa.func.count()).where(_attempts.id.in_(last)).group_by(state)
    return dict(db.execute(found).all())


def _after_crash(states: Mapping[str, int]) -> dict[str, int]:
    """Return the states of a crashed run's rows: the next run will find those in flight to be unknown."""
    others = {state: count for state, count in states.items() if state not in ("sending", "unknown")}
    unknown = states.get("sending", 0) + states.get("unknown", 0)
    return others | ({"unknown": unknown} if unknown else {})


def _past_run(ledger: Ledger, db: sa.Connection, row: sa.Row[Any], counts: _Counts) -> PastRun:
    live = row.ended_at is None and not leases.is_expired(db, row, ledger.path)
    pruned = _is_pruned(row, counts)
    did, states = _did(db, row, counts), {} if pruned else counts.states.get(row.id, {})
    if not live:
        did, states = _after_crash(did), _after_crash(states)
    return PastRun(
        id=row.id,
        account=row.account,
        source=row.source,
        command=row.command,
        manifest=row.manifest,
        results=row.results or "",
        host=row.host,
        user=row.user_name or "",
        started_at=row.started_at,
        ended_at=row.ended_at,
        exit_code=row.exit_code,
        stopped=row.stopped or "",
        live=live,
        did=did,
        states=states,
        unconfirmed=counts.unconfirmed.get(row.id, 0),
        unknown_since=counts.unknown_since.get(row.id),
        accepted_ledger=row.accepted_ledger,
        pruned=pruned,
    )
