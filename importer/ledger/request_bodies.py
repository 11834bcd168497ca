"""The bodies of requests: plain texts of tickets, erased once it is known what became of their row.

The body of a row that is `unknown` stays: `resolve` looks for the ticket that it asked for. Of a request without an
answer whose row is settled all the same, such as by another request, the hash of the title stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from importer.ledger import database, schema

_tickets, _attempts = schema.tickets.c, schema.attempts.c


def is_settled() -> sa.ColumnElement[bool]:
    """Whether it is known what became of all requests for a ticket."""
    return (_tickets.state != sa.literal_column("'unknown'")) & (_tickets.state != sa.literal_column("'sending'"))


def erase(tickets: sa.ColumnElement[bool]) -> sa.Update:
    """A statement that erases the bodies of the tickets for which this holds, if they are settled."""
    settled = sa.select(_tickets.id).where(tickets & is_settled())
    # A row that has no body, as after most requests, is not written again.
    has_body = _attempts.request != sa.literal_column("''")
    return (
        schema.attempts.update().where(_attempts.ticket.in_(settled) & has_body).values(request=sa.literal_column("''"))
    )


def erase_of_keys(db: sa.Connection, account: str, source: str, keys: Sequence[str]) -> None:
    """Erase the bodies of those of the keys that are settled."""
    these = (_tickets.account == account) & (_tickets.source == source) & database.column_is_in(db, _tickets.key, keys)
    db.execute(erase(these))
