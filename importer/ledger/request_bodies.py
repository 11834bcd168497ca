"""Erases the stored bodies of requests (the tickets' texts) when their row is settled.

Bodies of `unknown` rows stay, because `resolve` needs them to find the ticket. The hash of the title always stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from importer.ledger import database, schema
from importer.ledger.records import CREATE

_tickets, _attempts = schema.tickets.c, schema.attempts.c
_CREATE: sa.ColumnElement[str] = sa.literal_column(f"'{CREATE}'")


def is_settled() -> sa.ColumnElement[bool]:
    """Return the condition that no request for a ticket is in flight or unknown."""
    return (_tickets.state != sa.literal_column("'unknown'")) & (_tickets.state != sa.literal_column("'sending'"))


def erase_bodies(tickets: sa.ColumnElement[bool], operation: sa.ColumnElement[str] = _CREATE) -> sa.Update:
    """Return the statement that erases the bodies of an operation on these tickets, if they are settled."""
    settled = sa.select(_tickets.id).where(tickets & is_settled())
    # Rows without a body, which are most of them, are not rewritten.
    has_body = (_attempts.operation == operation) & (_attempts.request != sa.literal_column("''"))
    return (
        schema.attempts.update().where(_attempts.ticket.in_(settled) & has_body).values(request=sa.literal_column("''"))
    )


def erase_bodies_of_keys(db: sa.Connection, account: str, source: str, keys: Sequence[str]) -> None:
    """Erase the bodies of the rows of these keys, if they are settled."""
    these = (_tickets.account == account) & (_tickets.source == source) & database.column_is_in(db, _tickets.key, keys)
    db.execute(erase_bodies(these))
