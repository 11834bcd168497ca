"""Marks of a ledger that was moved, and of one that arrives; neither can be used."""

from __future__ import annotations

import sqlalchemy as sa

from importer.errors import LedgerError
from importer.ledger import database, schema

# Names in `ledger_meta`. The value is the address of the other ledger, without its password.
MOVED_TO = "moved_to"
ARRIVES_FROM = "arrives_from"  # until the former ledger has its mark
# Schema version of a moved ledger: versions of this program that don't know the marks refuse it as too new.
MOVED_VERSION = 999_999


def marks(db: sa.Connection) -> dict[str, str]:
    """Return the marks of a ledger, by name; usually none."""
    columns = schema.meta.c
    found = db.execute(sa.select(columns.name, columns.value).where(columns.name.in_([MOVED_TO, ARRIVES_FROM])))
    return dict(found.all())


def refuse_moved(db: sa.Connection) -> None:
    """Raise LedgerError if the ledger was moved, or arrives."""
    found = marks(db)
    place = database.safe_url(str(db.engine.url))
    if MOVED_TO in found:
        raise LedgerError(
            f"the ledger {place} was moved to {found[MOVED_TO]}",
            hint="name the new ledger with LSQ_LEDGER or --ledger; the old one lacks all tickets since then",
        )
    if ARRIVES_FROM in found:
        raise LedgerError(
            f"the ledger {place} is not complete: the move from {found[ARRIVES_FROM]} was interrupted",
            hint="repeat the same `ticket-importer ledger move`; until then the former ledger is the right one",
        )
