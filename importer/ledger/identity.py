"""Compares a ledger with the runs that a host has noted, and records which of them it does without."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from importer.ledger import database, schema
from importer.ledger.host_note import NotedRun
from importer.ledger.store import Ledger

_KNOWN = "known "  # before a run's name in `ledger_meta`: its tickets are recorded, or the user does without them
_name, _value = schema.meta.c.name, schema.meta.c.value


def lacking(ledger: Ledger, noted: Sequence[NotedRun]) -> list[NotedRun]:
    """Return the noted runs whose requests are not in the ledger, and which may have created tickets."""
    noted = [each for each in noted if each.tickets or each.unclear]
    if not noted:
        return []
    runs, attempts = schema.runs.c, schema.attempts.c
    with ledger.reading() as db:
        names = [each.run for each in noted]
        begun = set(db.scalars(sa.select(runs.id).where(database.column_is_in(db, runs.id, names))))
        numbers = [each.attempt for each in noted]
        found = sa.select(attempts.id, attempts.run).where(attempts.id.in_(numbers))
        sent_by = dict(db.execute(found).all())
        pruned_to = int(db.scalar(sa.select(_value).where(_name == "pruned_to")) or 0)
        marks = [f"{_KNOWN}{name}" for name in names]
        known = set(db.scalars(sa.select(_name).where(database.column_is_in(db, _name, marks))))

    def has(each: NotedRun) -> bool:
        if f"{_KNOWN}{each.run}" in known:
            return True
        was_pruned = each.attempt <= pruned_to and each.attempt not in sent_by
        return each.run in begun and (was_pruned or sent_by.get(each.attempt) == each.run)

    return [each for each in noted if not has(each)]


def last_run_elsewhere(ledger: Ledger, account: str) -> NotedRun | None:
    """Return the run that sent the ledger's last request, if it is a run of this account on another host."""
    runs, attempts = schema.runs.c, schema.attempts.c
    last = sa.select(attempts.id, attempts.run).order_by(attempts.id.desc()).limit(1).subquery()
    wanted = sa.select(last.c.id.label("attempt"), schema.runs).join(schema.runs, runs.id == last.c.run)
    with ledger.reading() as db:
        found = db.execute(wanted).first()
    if found is None or found.account != account or found.host == socket.gethostname():
        return None
    did = json.loads(found.did) if found.did else {"unknown": 1}
    return NotedRun(
        run=found.id,
        ledger=ledger.id,
        place=database.safe_url(str(ledger.url)),
        source=found.source,
        results=f"{found.host}:{found.results}" if found.results else "",
        began_at=found.started_at,
        attempt=found.attempt,
        tickets=did.get("created", 0),
        unclear=did.get("unknown", 0),
    )


def record_known(ledger: Ledger, runs: Iterable[NotedRun], by: str, reason: str = "") -> None:
    """Record that run ``by`` has recorded the tickets of other runs, or that the user does without, with the reason."""
    rows = [{"name": f"{_KNOWN}{each.run}", "value": by} for each in runs]
    with ledger.writing() as db:
        db.execute(database.insert(db, schema.meta).on_conflict_do_nothing(), rows)
        if reason:
            db.execute(schema.runs.update().where(schema.runs.c.id == by).values(accepted_ledger=reason))
