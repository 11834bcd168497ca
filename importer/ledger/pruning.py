"""`ledger prune`: deletes what old runs left in the ledger, but never what tells that a ticket exists.

Rows keep their keys, states and IDs. What `resolve` needs stays, too: requests without a clear answer, and those around
the requests of unknown rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from importer.ledger import schema
from importer.ledger.history import PRUNED_BEFORE, past_runs
from importer.ledger.records import utc_before
from importer.ledger.store import Ledger

_IDS_AT_ONCE = 20_000
# Requests before that of an unknown row that stay: `resolve` finds the least number that its ticket can have by them.
_KEPT_BEFORE_UNKNOWN = 2_000
_PRUNED_TO = "pruned_to"  # in `ledger_meta`: the greatest number of a deleted request
_tickets, _attempts, _runs = schema.tickets.c, schema.attempts.c, schema.runs.c
_rejections = schema.rejections.c


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """What was or would be deleted. ``before``: what ended later stays. ``unknown``: rows that keep requests."""

    before: str
    requests: int
    rejections: int
    texts: int
    unknown: int


def count_prunable(ledger: Ledger, older_than_s: float) -> Pruned:
    """Return what ``prune`` would delete."""
    before = utc_before(older_than_s)
    with ledger.reading() as db:
        condition, unknown = _prunable_attempts(db, before)
        return Pruned(
            before=before,
            requests=_count(db, schema.attempts, condition),
            rejections=_count(db, schema.rejections, _prunable_rejections(before)),
            texts=_count(db, schema.tickets, _prunable_errors(before)),
            unknown=unknown,
        )


def prune(ledger: Ledger, before: str) -> Pruned:
    """Delete what ended before a moment, in short transactions: requests, rejections, and texts of errors.

    Runs may go on meanwhile. `history` keeps the numbers of rows that the old runs left in each state.
    """
    _keep_counts(ledger, before)
    with ledger.reading() as db:
        condition, unknown = _prunable_attempts(db, before)
        greatest = db.scalar(sa.select(sa.func.max(_attempts.id))) or 0
        last_ticket = db.scalar(sa.select(sa.func.max(_tickets.id))) or 0
    requests = texts = 0
    for start in range(0, greatest, _IDS_AT_ONCE):
        with ledger.writing() as db:
            these = _attempts.id.between(start + 1, start + _IDS_AT_ONCE) & condition
            last = db.scalar(sa.select(sa.func.max(_attempts.id)).where(these))
            if last is not None:
                requests += db.execute(schema.attempts.delete().where(these)).rowcount
                _set(db, _PRUNED_TO, str(last))  # the numbers rise
    for start in range(0, last_ticket, _IDS_AT_ONCE):
        with ledger.writing() as db:
            these = _tickets.id.between(start + 1, start + _IDS_AT_ONCE) & _prunable_errors(before)
            texts += db.execute(schema.tickets.update().where(these).values(error="")).rowcount
    with ledger.writing() as db:
        rejections = db.execute(schema.rejections.delete().where(_prunable_rejections(before))).rowcount
        _erase_details(db, before)
        if ledger.path is not None:
            _set(db, "compact", "1")  # the next start frees the space
    return Pruned(before=before, requests=requests, rejections=rejections, texts=texts, unknown=unknown)


def _count(db: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool]) -> int:
    return db.scalars(sa.select(sa.func.count()).select_from(table).where(condition)).one()


def _old_runs(before: str) -> sa.Select[tuple[str]]:
    return sa.select(_runs.id).where(_runs.ended_at < before)


def _is_settled() -> sa.ColumnElement[bool]:
    return _tickets.state.not_in(("unknown", "sending"))


def _has_no_clear_answer(attempts: sa.FromClause) -> sa.ColumnElement[bool]:
    return attempts.c.outcome.is_(None) | (attempts.c.outcome == "unclear")


def _prunable_attempts(db: sa.Connection, before: str) -> tuple[sa.ColumnElement[bool], int]:
    """Return the condition for requests to delete, and the number of unknown rows that keep others.

    The last request stays: SQLite would give its number to the next one.
    """
    bounds = dict(_bounds(db))
    may_go: sa.ColumnElement[bool] = _tickets.account.not_in(list(bounds)) if bounds else sa.true()
    for account, bound in bounds.items():
        may_go |= (_tickets.account == account) & (_attempts.id < bound)
    settled = sa.exists().where((_tickets.id == _attempts.ticket) & _is_settled() & may_go)
    other = schema.attempts.alias()
    unclear = sa.exists().where((other.c.ticket == _attempts.ticket) & _has_no_clear_answer(other))
    greatest = db.scalar(sa.select(sa.func.max(_attempts.id))) or 0
    condition = (_attempts.id < greatest) & _attempts.run.in_(_old_runs(before)) & settled & ~unclear
    return condition, _count(db, schema.tickets, ~_is_settled()) if bounds else 0


def _bounds(db: sa.Connection) -> Iterator[tuple[str, int]]:
    """Yield each account with unknown rows, and the first of its requests that stays."""
    joined = sa.select(_tickets.account, sa.func.min(_attempts.id)).join(
        schema.tickets, _tickets.id == _attempts.ticket
    )
    unknown = joined.where(~_is_settled() & _has_no_clear_answer(schema.attempts)).group_by(_tickets.account)
    for account, first in db.execute(unknown).all():
        earlier = (
            sa.select(_attempts.id)
            .join(schema.tickets, _tickets.id == _attempts.ticket)
            .where((_tickets.account == account) & (_attempts.id < first) & (_attempts.outcome == "created"))
            .order_by(_attempts.id.desc())
        )
        yield account, db.scalar(earlier.offset(_KEPT_BEFORE_UNKNOWN).limit(1)) or 0


def _prunable_errors(before: str) -> sa.ColumnElement[bool]:
    is_old = (_tickets.finished_at != "") & (_tickets.finished_at < before)
    return is_old & _is_settled() & (_tickets.error != "")


def _prunable_rejections(before: str) -> sa.ColumnElement[bool]:
    """Return the condition for rejections to delete: those of a source's last run stay, to compare the next with."""
    later = schema.runs.alias()
    is_last = ~sa.exists().where(
        (later.c.account == _runs.account)
        & (later.c.source == _runs.source)
        & (later.c.started_at > _runs.started_at)
        & (later.c.command == "run")
        & later.c.rows.is_not(None)
        & later.c.partial.is_not(True)
    )
    return _rejections.run.in_(_old_runs(before).where(~is_last))


def _erase_details(db: sa.Connection, before: str) -> None:
    """Erase the texts of the answers that stay, unless their row is unknown."""
    settled = sa.exists().where((_tickets.id == _attempts.ticket) & _is_settled())
    these = _attempts.run.in_(_old_runs(before)) & (_attempts.detail != "") & settled
    db.execute(schema.attempts.update().where(these).values(detail=""))


def _keep_counts(ledger: Ledger, before: str) -> None:
    """Store what the old runs did, which could not be counted later; and since when nothing is pruned."""
    old = [
        {"p_run": run.id, "p_did": json.dumps(run.did)}
        for run in past_runs(ledger)
        if run.ended_at is not None and run.ended_at < before and not run.pruned
    ]
    with ledger.writing() as db:
        if old:
            where = _runs.id == sa.bindparam("p_run")
            db.execute(schema.runs.update().where(where).values(did=sa.bindparam("p_did")), old)
        _set(db, PRUNED_BEFORE, before)


def _set(db: sa.Connection, name: str, value: str) -> None:
    """Store a value in `ledger_meta`, unless a greater one is there."""
    known = db.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == name))
    if known is None:
        db.execute(schema.meta.insert().values(name=name, value=value))
    elif (len(known), known) < (len(value), value):
        db.execute(schema.meta.update().where(schema.meta.c.name == name).values(value=value))
