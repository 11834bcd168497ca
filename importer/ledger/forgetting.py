"""Forgets rows: they count as new again. What is forgotten of them stays in the ledger, for `history`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from importer.ledger import database, leases, request_bodies, schema
from importer.ledger.records import AMBIGUOUS, FOUND, NOT_FOUND, SET_CREATED, SET_PENDING, RunInfo
from importer.ledger.store import Ledger

_tickets, _attempts = schema.tickets.c, schema.attempts.c
_acknowledgements = schema.acknowledgements.c
_FINDINGS = (FOUND, NOT_FOUND, AMBIGUOUS, SET_CREATED, SET_PENDING)  # of `resolve`, which sends nothing
_KEYS_AT_ONCE = 10_000
_FORGOTTEN = {  # what is kept of a row, and where
    "ticket": _tickets.id,
    "state": _tickets.state,
    "sent_by": _tickets.run,
    "number": _tickets.number,
    "ticket_id": _tickets.ticket_id,
    "ticket_key": _tickets.ticket_key,
    "finished_at": _tickets.finished_at,
}
_AS_NEW = dict.fromkeys(
    ("content", "number", "ticket_id", "ticket_key", "error_code", "error", "finished_at", "title_hash", "lead_hash"),
    "",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SentRow:
    """A row that was sent. ``number``: of its ticket; empty if none is known."""

    key: str
    manifest_row: int
    state: str
    number: str


_SENT_ROW = (_tickets.key, _tickets.manifest_row, _tickets.state, _tickets.number)
_WAS_SENT = (_tickets.state != "pending") | (_tickets.attempts > 0)


def rows_sent_by(ledger: Ledger, run_id: str) -> list[SentRow]:
    """Return the rows that a run sent and no later run sent again."""
    is_request = _attempts.outcome.is_(None) | _attempts.outcome.not_in(_FINDINGS)
    of_run = sa.select(_attempts.ticket).where(_attempts.run == run_id)
    last = (
        sa.select(sa.func.max(_attempts.id).label("id"))
        .where(is_request & _attempts.forgotten_by.is_(None) & _attempts.ticket.in_(of_run))
        .group_by(_attempts.ticket)
        .subquery()
    )
    statement = (
        sa.select(*_SENT_ROW)
        .join(schema.attempts, _attempts.ticket == _tickets.id)
        .join(last, last.c.id == _attempts.id)
        .where((_attempts.run == run_id) & _WAS_SENT)
    )
    with ledger.reading() as db:
        return _sent_rows(db, statement)


def rows_of_keys(ledger: Ledger, account: str, source: str, keys: Sequence[str]) -> list[SentRow]:
    """Return the rows with one of these keys that were sent."""
    of_source = (_tickets.account == account) & (_tickets.source == source) & _WAS_SENT
    with ledger.reading() as db:
        return [
            row
            for some in _parts(keys)
            for row in _sent_rows(
                db, sa.select(*_SENT_ROW).where(of_source & database.column_is_in(db, _tickets.key, some))
            )
        ]


def _sent_rows(db: sa.Connection, statement: sa.Select[Any]) -> list[SentRow]:
    return [SentRow(**row._asdict()) for row in db.execute(statement.order_by(_tickets.manifest_row, _tickets.key))]


def other_numbers(ledger: Ledger, run: RunInfo, most: int) -> list[str]:
    """Return the latest ticket numbers of the account that belong to no row that ``run`` holds."""
    is_other = (_tickets.held_by != run.id) | _tickets.held_by.is_(None)
    where = (_tickets.account == run.account) & (_tickets.number != "") & is_other
    with ledger.reading() as db:
        return list(db.scalars(sa.select(_tickets.number).where(where).order_by(_tickets.id.desc()).limit(most)))


def forget_rows(ledger: Ledger, run: RunInfo, keys: Sequence[str], acknowledged: Sequence[tuple[str, str]]) -> None:
    """Make rows that ``run`` holds new again, all or none, and end acknowledgements, named by key and content.

    Raises StoppedEarly if another run has taken over.
    """
    with ledger.writing() as db:
        leases.renew(db, run.id)
        for some in _parts(keys):
            held = (_tickets.account == run.account) & (_tickets.source == run.source) & (_tickets.held_by == run.id)
            these = held & database.column_is_in(db, _tickets.key, some)
            ids = sa.select(_tickets.id).where(these)
            kept = sa.select(sa.literal(run.id), *_FORGOTTEN.values()).where(these)
            db.execute(schema.forgotten.insert().from_select(["run", *_FORGOTTEN], kept, include_defaults=False))
            open_ones = _attempts.ticket.in_(ids) & _attempts.forgotten_by.is_(None)
            db.execute(schema.attempts.update().where(open_ones).values(forgotten_by=run.id))
            db.execute(schema.tickets.update().where(these).values(state="pending", run=None, attempts=0, **_AS_NEW))
            db.execute(request_bodies.erase_bodies(these))
            db.execute(schema.tickets.update().where(these).values(held_by=None))
        for key, content in acknowledged:
            of_source = (_acknowledgements.account == run.account) & (_acknowledgements.source == run.source)
            this = (_acknowledgements.key == key) & (_acknowledgements.content == content)
            db.execute(schema.acknowledgements.delete().where(of_source & this))


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _KEYS_AT_ONCE] for start in range(0, len(keys), _KEYS_AT_ONCE))
