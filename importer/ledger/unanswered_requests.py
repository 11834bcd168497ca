"""Requests without a clear answer, known ticket numbers, and the results of resolving unknown rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from importer.ledger import leases, request_bodies, schema
from importer.ledger.records import CREATE, FOUND, SET_CREATED, Outcome, RowFinding, RunInfo, utc_now
from importer.ledger.store import Ledger
from importer.ledger.ticket_numbers import duplicates_as_unknown, lock_settling

_GIVES_A_NUMBER = (FOUND, SET_CREATED)


@dataclass(frozen=True, kw_only=True, slots=True)
class UnansweredRequest:
    """A request that may have created a ticket with an unknown number.

    ``request``: the ticketDTO as sent; empty if the row is settled.
    """

    ticket: int  # the row in the ledger, whatever its source
    key: str
    attempt: int
    settled_after: int | None
    request: str
    title_hash: str
    key_field: str | None
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownNumber:
    """A row's ticket number, and the request that was answered with it, if any."""

    number: str
    key: str
    source: str
    manifest_row: int
    attempt: int | None
    settled_after: int | None

    def __str__(self) -> str:
        return f"row {self.manifest_row} (key {self.key!r}, source {self.source!r})"


def unanswered_requests(ledger: Ledger, account: str) -> list[UnansweredRequest]:
    """Return an account's create requests that may have created a ticket with an unknown number, in order.

    This includes requests of created rows: if a row was sent several times, each request may have created a ticket.
    """
    attempts, tickets, runs = schema.attempts.c, schema.tickets.c, schema.runs.c
    statement = (
        sa.select(
            attempts.id,
            attempts.ticket,
            attempts.outcome,
            attempts.settled_after,
            attempts.request,
            attempts.title_hash,
            attempts.detail,
            tickets.key,
            runs.key_field,
        )
        .join(schema.tickets, tickets.id == attempts.ticket)
        .join(schema.runs, runs.id == attempts.run)
        .where((tickets.account == account) & _may_have_made_a_ticket())
        .order_by(attempts.id)
    )
    of_ticket: defaultdict[int, list[Any]] = defaultdict(list)
    with ledger.reading() as db:
        for row in db.execute(statement).all():
            of_ticket[row.ticket].append(row)
    return [
        UnansweredRequest(
            ticket=row.ticket,
            key=row.key,
            attempt=row.id,
            settled_after=row.settled_after,
            request=row.request,
            title_hash=row.title_hash,
            key_field=row.key_field,
            detail=row.detail,
        )
        for rows in of_ticket.values()
        for row in _without_number(rows)
    ]


def _may_have_made_a_ticket() -> sa.ColumnElement[bool]:
    outcome = schema.attempts.c.outcome
    return (schema.attempts.c.operation == CREATE) & (outcome.is_(None) | outcome.in_(["unclear", *_GIVES_A_NUMBER]))


def _without_number(rows: list[Any]) -> list[Any]:
    """Return the requests that no number belongs to.

    A number that was found later belongs to the request before it if there is only one; otherwise all stay open.
    """
    open_ones: list[Any] = []
    for row in rows:
        if row.outcome not in _GIVES_A_NUMBER:
            open_ones.append(row)
        elif len(open_ones) == 1:
            open_ones = []
    return open_ones


def known_numbers(ledger: Ledger, account: str) -> list[KnownNumber]:
    """Return the number of every ticket of an account in the ledger."""
    attempts, tickets = schema.attempts.c, schema.tickets.c
    statement = (
        sa.select(
            tickets.number,
            tickets.key,
            tickets.source,
            tickets.manifest_row,
            attempts.id.label("attempt"),
            attempts.settled_after,
        )
        .join(
            schema.attempts,
            (attempts.ticket == tickets.id)
            & (attempts.operation == CREATE)
            & (attempts.outcome == "created")
            & attempts.forgotten_by.is_(None),
            isouter=True,
        )
        .where((tickets.account == account) & (tickets.number != ""))
    )
    with ledger.reading() as db:
        return [KnownNumber(**row._asdict()) for row in db.execute(statement)]


def record_findings(ledger: Ledger, run: RunInfo, findings: Sequence[RowFinding]) -> set[str]:
    """Record findings about unknown rows that ``run`` holds; return the keys of the recorded ones.

    Rows that are no longer unknown stay unchanged, and rows whose ticket belongs to another row too. Raises
    StoppedEarly, and records nothing, if another run has taken over.
    """
    settled: set[str] = set()
    with ledger.writing() as db:
        leases.renew(db, run.id)
        lock_settling(db, run.account)
        for finding in findings:
            if _record(db, run, finding):
                settled.add(finding.key)
    return settled


def _record(db: sa.Connection, run: RunInfo, finding: RowFinding) -> bool:
    columns, now = schema.tickets.c, utc_now()
    where = (
        (columns.account == run.account)
        & (columns.source == run.source)
        & (columns.key == finding.key)
        & (columns.held_by == run.id)
        & (columns.state == "unknown")
    )
    values = {"state": finding.state, "error_code": finding.error_code, "error": finding.error}
    if finding.state != "unknown":
        values |= {"run": run.id, "finished_at": "" if finding.state == "pending" else now}
    if finding.ids is not None:
        ids = finding.ids
        if duplicates_as_unknown(
            db, run, [Outcome(key=finding.key, state=finding.state, outcome=finding.outcome, ids=ids)]
        ):
            return False
        values |= {"number": ids.number, "ticket_id": ids.ticket_id, "ticket_key": ids.key}
    ticket = db.execute(schema.tickets.update().where(where).values(values).returning(columns.id)).scalar()
    if ticket is None:
        return False
    db.execute(
        schema.attempts.insert().values(
            ticket=ticket,
            run=run.id,
            intended_at=now,
            request="",
            outcome=finding.outcome,
            detail=finding.error,
            settled_at=now,
        )
    )
    db.execute(request_bodies.erase_bodies(columns.id == ticket))
    return True
