"""Which row has a ticket: a number or a GUID that an account gives twice proves nothing for the second row.

There is no unique index: rows of one key (``duplicates: first``) and older ledgers share numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from importer.ledger import database, schema
from importer.ledger.records import Outcome, RunInfo
from importer.models import TicketIds

NUMBER_TWICE = "number-twice"
_Row = tuple[str, str]  # source and key
_tickets = schema.tickets.c
_NOTHING: sa.ColumnElement[str] = sa.literal_column(
    "''"
)  # in the statement itself: only so does it fit the condition of the partial indexes


def has_ticket(db: sa.Connection, account: str) -> bool:
    """Say whether the ledger has a ticket of an account."""
    known = sa.select(_tickets.id).where((_tickets.account == account) & (_tickets.number != _NOTHING)).limit(1)
    return db.execute(known).first() is not None


def greatest_number(db: sa.Connection, account: str) -> int:
    """Give the greatest ticket number that the ledger knows of an account; 0 if it knows none."""
    known = sa.select(_tickets.number).where((_tickets.account == account) & (_tickets.number != _NOTHING))
    return max((int(number) for number in db.scalars(known) if number.isdecimal()), default=0)


def lock_settling(db: sa.Connection, account: str) -> None:
    """Let no other transaction settle tickets of this account before this one ends."""
    if db.dialect.name == "postgresql":  # SQLite has one writer at a time
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"tickets of {account}", 0))))


def duplicates_as_unknown(db: sa.Connection, run: RunInfo, outcomes: Sequence[Outcome]) -> dict[Outcome, Outcome]:
    """Find the outcomes whose ticket another row of the account has; give for each what is true of its row instead."""
    made = [(each, each.ids) for each in outcomes if each.ids is not None]
    owners = _owners(db, run.account, [ids for _, ids in made])
    twice: dict[Outcome, Outcome] = {}
    for outcome, ids in made:
        row = (run.source, outcome.key)
        names = _names(ids)
        owner = next((owners[name] for name in names if owners.get(name, row) != row), None)
        if owner is None:
            owners |= dict.fromkeys(names, row)
            continue
        twice[outcome] = replace(
            outcome,
            state="unknown",
            outcome="unclear",
            ids=None,
            error_code=NUMBER_TWICE,
            error=_message(db, run.account, ids, owner, row),
        )
    return twice


def _names(ids: TicketIds) -> list[tuple[str, str]]:
    """Both ways in which an account names a ticket, as far as it does."""
    return [("number", ids.number), *([("ticket_id", ids.ticket_id)] if ids.ticket_id else [])]


def _owners(db: sa.Connection, account: str, ids: Sequence[TicketIds]) -> dict[tuple[str, str], _Row]:
    """The rows that have these tickets, by number and by GUID. Each is a search in an index."""
    owners: dict[tuple[str, str], _Row] = {}
    for column in (_tickets.number, _tickets.ticket_id):
        wanted = [name for each in ids for kind, name in _names(each) if kind == column.name]
        if not wanted:
            continue
        found = sa.select(column, _tickets.source, _tickets.key).where(
            (_tickets.account == account) & (column != _NOTHING) & database.column_is_in(db, column, wanted)
        )
        owners |= {(column.name, name): (source, key) for name, source, key in db.execute(found)}
    return owners


def _message(db: sa.Connection, account: str, ids: TicketIds, owner: _Row, row: _Row) -> str:
    named = f"ticket {ids.number}" + (f" ({ids.ticket_id})" if ids.ticket_id else "")
    return (
        f"the answer for {_described(db, account, row)} names {named}, which is that of "
        f"{_described(db, account, owner)}; nothing proves that there are two"
    )


def _described(db: sa.Connection, account: str, row: _Row) -> str:
    source, key = row
    where = (_tickets.account == account) & (_tickets.source == source) & (_tickets.key == key)
    number = db.scalar(sa.select(_tickets.manifest_row).where(where))
    return f"row {number} (key {key!r}, source {source!r})"
