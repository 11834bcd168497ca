"""Detects ticket numbers and GUIDs that the account gives to two rows: for the second row they prove nothing.

There is no unique index, because rows of one key (``duplicates: first``) and older ledgers share numbers.
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
)  # literal, because a parameter would not match the partial indexes' condition


def has_ticket(db: sa.Connection, account: str) -> bool:
    """Return whether the ledger has a ticket of an account."""
    known = sa.select(_tickets.id).where((_tickets.account == account) & (_tickets.number != _NOTHING)).limit(1)
    return db.execute(known).first() is not None


def greatest_number(db: sa.Connection, account: str) -> int:
    """Return the greatest known ticket number of an account; 0 without any."""
    known = sa.select(_tickets.number).where((_tickets.account == account) & (_tickets.number != _NOTHING))
    return max((int(number) for number in db.scalars(known) if number.isdecimal()), default=0)


def lock_settling(db: sa.Connection, account: str) -> None:
    """Make other transactions wait to settle tickets of this account until this one ends."""
    if db.dialect.name == "postgresql":  # SQLite allows one writer at a time
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"tickets of {account}", 0))))


def duplicates_as_unknown(db: sa.Connection, run: RunInfo, outcomes: Sequence[Outcome]) -> dict[Outcome, Outcome]:
    """Return the outcomes whose ticket belongs to another row of the account, each with its ``unknown`` replacement."""
    with_ids = [(each, each.ids) for each in outcomes if each.ids is not None]
    owners = _owners(db, run.account, [ids for _, ids in with_ids])
    twice: dict[Outcome, Outcome] = {}
    for outcome, ids in with_ids:
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
    """Return a ticket's number and, if it has one, its GUID, with their columns' names."""
    return [("number", ids.number), *([("ticket_id", ids.ticket_id)] if ids.ticket_id else [])]


def _owners(db: sa.Connection, account: str, ids: Sequence[TicketIds]) -> dict[tuple[str, str], _Row]:
    """Return the rows that have these tickets, by number and by GUID. Both are index searches."""
    searches = []
    for column in (_tickets.number, _tickets.ticket_id):
        wanted = [name for each in ids for kind, name in _names(each) if kind == column.name]
        if wanted:
            found = sa.select(
                sa.literal_column(f"'{column.name}'").label("kind"), column, _tickets.source, _tickets.key
            )
            is_wanted = database.column_is_in(db, column, wanted)
            searches.append(found.where((_tickets.account == account) & (column != _NOTHING) & is_wanted))
    rows = db.execute(sa.union_all(*searches)) if searches else ()
    return {(kind, name): (source, key) for kind, name, source, key in rows}


def _message(db: sa.Connection, account: str, ids: TicketIds, owner: _Row, row: _Row) -> str:
    named = f"ticket {ids.number}" + (f" ({ids.ticket_id})" if ids.ticket_id else "")
    return (
        f"the answer for {_described(db, account, row)} names {named}, but that is the ticket of "
        f"{_described(db, account, owner)}; it is unknown whether a second ticket exists"
    )


def _described(db: sa.Connection, account: str, row: _Row) -> str:
    source, key = row
    where = (_tickets.account == account) & (_tickets.source == source) & (_tickets.key == key)
    number = db.scalar(sa.select(_tickets.manifest_row).where(where))
    return f"row {number} (key {key!r}, source {source!r})"
