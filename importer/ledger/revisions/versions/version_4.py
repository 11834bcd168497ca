"""Version 4: the bodies of settled requests are erased; hashes of their titles and leads stay."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"

_CHUNK = 2_000  # bodies in memory at the same time
_meta = sa.table("ledger_meta", sa.column("name", sa.Text), sa.column("value", sa.Text))
_tickets = sa.table(
    "tickets",
    sa.column("id", sa.Integer),
    sa.column("state", sa.Text),
    sa.column("title_hash", sa.Text),
    sa.column("lead_hash", sa.Text),
)
_attempts = sa.table(
    "attempts",
    sa.column("id", sa.Integer),
    sa.column("ticket", sa.Integer),
    sa.column("request", sa.Text),
    sa.column("title_hash", sa.Text),
)


def upgrade() -> None:
    """Add the hash of a request's title, fill all hashes from the bodies, and erase those of settled rows."""
    op.add_column("attempts", sa.Column("title_hash", sa.Text, nullable=False, server_default=""))
    db = op.get_bind()
    secret = bytes.fromhex(db.scalar(sa.select(_meta.c.value).where(_meta.c.name == "secret")) or "")
    hash_ticket = (
        _tickets.update()
        .where(_tickets.c.id == sa.bindparam("of_ticket"))
        .values(title_hash=sa.bindparam("title"), lead_hash=sa.bindparam("lead"))
    )
    hash_and_erase = (
        _attempts.update()
        .where(_attempts.c.id == sa.bindparam("of_attempt"))
        .values(title_hash=sa.bindparam("title"), request=sa.bindparam("left"))
    )
    for chunk in _chunks(db):
        values = [_hashed(row, secret) for row in chunk]
        if sent := [each for each in values if each["title"] or each["lead"]]:
            db.execute(hash_ticket, sent)
        db.execute(hash_and_erase, values)
    if db.dialect.name == "sqlite":  # PostgreSQL removes the remains itself
        db.execute(_meta.insert().values(name="compact", value="needed"))


def _chunks(db: sa.Connection) -> Iterator[list[Any]]:
    """Yield all requests in their order, so that the last request of a ticket gives its hashes."""
    last = 0
    while True:
        statement = (
            sa.select(_attempts.c.id, _attempts.c.ticket, _attempts.c.request, _tickets.c.state)
            .join(_tickets, _tickets.c.id == _attempts.c.ticket)
            .where((_attempts.c.id > last) & (_attempts.c.request != ""))
            .order_by(_attempts.c.id)
            .limit(_CHUNK)
        )
        chunk = list(db.execute(statement))
        if not chunk:
            return
        yield chunk
        last = chunk[-1].id


def _hashed(row: Any, secret: bytes) -> dict[str, object]:
    title, lead = _title_and_lead(row.request)
    return {
        "of_attempt": row.id,
        "of_ticket": row.ticket,
        "title": _hash(title, secret),
        "lead": _hash(lead, secret),
        "left": row.request if row.state in ("unknown", "sending") else "",
    }


def _title_and_lead(request: str) -> tuple[str, str]:
    """Return the title and the lead's identifier, as ``models.Ticket`` does in this version."""
    try:
        ticket = json.loads(request)
        fields = {each["SchemaName"]: each["Value"] for each in ticket.get("Fields", [])}
        title, lead = fields.get("Title", ""), ticket.get("LeadId")
        if lead is None:
            names = ("LeadDetail.EmailAddress", "LeadDetail.Phone")
            lead = next((fields[name] for name in names if fields.get(name)), "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # not a ticket of this program
        return "", ""
    return str(title), str(lead).lower()


def _hash(text: str, secret: bytes) -> str:
    if not text:
        return ""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=secret, digest_size=16).hexdigest()
