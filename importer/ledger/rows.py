"""Rows in the ledger: look-ups, rejected rows, and rows from a results file. None of them needs a live run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa

from importer.ledger import database, request_bodies, schema
from importer.ledger.connection import LedgerConnection
from importer.ledger.records import (
    Acknowledgement,
    Acknowledgements,
    ForgottenTicket,
    LedgerEntry,
    Rejection,
    RowFromResults,
    RunInfo,
    effective_state,
)
from importer.models import TicketIds

_KEY = ["account", "source", "key"]


class LedgerRows(LedgerConnection):
    """The rows of one open ledger."""

    def look_up(self, account: str, source: str, keys: Sequence[str]) -> dict[str, LedgerEntry]:
        """Return the tickets of any number of keys, by key."""
        found: dict[str, LedgerEntry] = {}
        columns = schema.tickets.c
        with self.reading() as db:
            wanted = database.column_is_in(db, columns.key, keys)
            where = (columns.account == account) & (columns.source == source) & wanted
            for row in db.execute(sa.select(*_ENTRY).where(where)).all():
                found[row[1]] = _entry(row)
        return found

    def states(self, account: str, source: str, keys: Sequence[str]) -> dict[str, str]:
        """Return the states of the tickets of these keys; much faster than ``look_up``.

        A pending row that the account refused, or that the user set to pending, is ``refused``; see ``LedgerEntry``.
        """
        columns = schema.tickets.c
        with self.reading() as db:
            wanted = database.column_is_in(db, columns.key, keys)
            where = (columns.account == account) & (columns.source == source) & wanted
            # `all` fetches much faster than one row at a time.
            found = db.execute(sa.select(columns.key, columns.state, columns.error_code).where(where)).all()
            return {key: effective_state(state, code) for key, state, code in found}

    def reject(self, run_id: str, rejections: Sequence[Rejection]) -> None:
        """Record rows that validation rejected."""
        if not rejections:
            return
        with self.writing() as db:
            db.execute(schema.rejections.insert(), [{"run": run_id, **asdict(each)} for each in rejections])

    def rejections(self, run_id: str, rows: tuple[int, int]) -> dict[int, Rejection]:
        """Return the rejections of a run by row, in a range of rows with both ends included."""
        columns = schema.rejections.c
        where = (columns.run == run_id) & columns.manifest_row.between(*rows)
        wanted = sa.select(
            columns.manifest_row, columns.key, columns.code, columns.error, columns.hint, columns.content
        )
        with self.reading() as db:
            return {row.manifest_row: Rejection(**row._asdict()) for row in db.execute(wanted.where(where))}

    def acknowledgements(self, account: str, source: str) -> Acknowledgements:
        """Return the acknowledged rows of an account and source: few, as a user has named each."""
        columns = schema.acknowledgements.c
        wanted = sa.select(*(columns[each.name] for each in fields(Acknowledgement)))
        with self.reading() as db:
            rows = db.execute(wanted.where((columns.account == account) & (columns.source == source)))
            return {(row.key, row.content): Acknowledgement(**row._asdict()) for row in rows}

    def forgotten_tickets(self, account: str, source: str, keys: Sequence[str]) -> set[ForgottenTicket]:
        """Return the forgotten tickets of these keys."""
        columns, tickets = schema.forgotten.c, schema.tickets.c
        statement = sa.select(tickets.key, columns.number, columns.sent_by).join(
            schema.tickets, tickets.id == columns.ticket
        )
        with self.reading() as db:
            if db.execute(sa.select(columns.run).limit(1)).first() is None:  # no user has ever forgotten any
                return set()
            of_source = (tickets.account == account) & (tickets.source == source)
            found = db.execute(statement.where(of_source & database.column_is_in(db, tickets.key, keys)))
            return {ForgottenTicket(**row._asdict()) for row in found}

    def add_from_results(self, run: RunInfo, imports: Sequence[RowFromResults]) -> None:
        """Add rows of a results file that this ledger does not know; known rows stay unchanged."""
        if not imports:
            return
        values = [
            {
                "account": run.account,
                "source": run.source,
                "key": known.key,
                "state": known.state,
                "manifest_row": known.manifest_row,
                "number": known.ids.number if known.ids else "",
                "ticket_id": known.ids.ticket_id if known.ids else "",
                "ticket_key": known.ids.key if known.ids else "",
                "error_code": known.error_code,
                "error": known.error,
                "attempts": known.attempts,
                "finished_at": known.finished_at,
                "run": known.run,
            }
            for known in imports
        ]
        with self.writing() as db:
            statement = database.insert(db, schema.tickets)
            state = schema.tickets.c.state  # single comparisons: IN is not possible in an executemany
            unsent_here = ((state == "pending") | (state == "failed")) & (schema.tickets.c.attempts == 0)
            # A ticket that was created with another ledger exists, whatever the outcome of requests here.
            may_be_made = (state == "pending") | (state == "failed") | (state == "unknown")
            made_there = (statement.excluded.state == "created") & may_be_made
            db.execute(
                statement.on_conflict_do_update(
                    index_elements=_KEY,
                    set_={name: statement.excluded[name] for name in values[0] if name not in _KEY},
                    where=unsent_here | made_there,
                ),
                values,
            )
            request_bodies.erase_bodies_of_keys(db, run.account, run.source, [known.key for known in imports])


_ENTRY = [
    schema.tickets.c[name]
    for name in (
        "id",
        "key",
        "state",
        "held_by",
        "run",
        "content",
        "error_code",
        "error",
        "attempts",
        "finished_at",
        "number",
        "ticket_id",
        "ticket_key",
    )
]


def _entry(row: Sequence[Any]) -> LedgerEntry:
    ticket, key, state, held_by, run, content, error_code, error, attempts, finished_at, number, ticket_id, shown = row
    return LedgerEntry(
        id=ticket,
        key=key,
        state=state,
        held_by=held_by,
        run=run,
        content=content,
        ids=TicketIds(number=number, ticket_id=ticket_id, key=shown) if number else None,
        error_code=error_code,
        error=error,
        attempts=attempts,
        finished_at=finished_at,
    )
