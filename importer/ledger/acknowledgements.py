"""Writes acknowledgements: known bad rows don't decide the exit code until their cells change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields

from importer.ledger import database, schema
from importer.ledger.records import Acknowledgement
from importer.ledger.store import Ledger


def acknowledge(ledger: Ledger, account: str, source: str, rows: Sequence[Acknowledgement]) -> None:
    """Record acknowledged rows; a later acknowledgement of the same content replaces the former."""
    with ledger.writing() as db:
        statement = database.insert(db, schema.acknowledgements)
        primary = [column.name for column in schema.acknowledgements.primary_key]
        others = {
            each.name: statement.excluded[each.name] for each in fields(Acknowledgement) if each.name not in primary
        }
        values = [{"account": account, "source": source, **asdict(each)} for each in rows]
        db.execute(statement.on_conflict_do_update(index_elements=primary, set_=others), values)
