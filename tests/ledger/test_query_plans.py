"""A run among a million rows reads its own rows only: no statement of a run reads a whole table of rows or requests."""

from __future__ import annotations

import contextlib
from pathlib import Path

import sqlalchemy as sa

from importer.ledger.previous_exports import known_rows
from importer.ledger.records import Rejection
from importer.ledger.store import Ledger
from importer.ledger.ticket_numbers import has_ticket
from tests.ledger.ledgers import claims, created, intent, live_run, new_ledger, query
from tests.ledger.test_care import failed, unclear

LARGE = ("tickets", "attempts")
WHOLE = "SCAN"  # how SQLite names it in a plan


def test_a_run_never_reads_a_whole_table(tmp_path: Path) -> None:
    """SQLite plans without statistics, so that the plans of an empty ledger are those of a large one."""
    seen: set[str] = set()

    def note(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        seen.add(sql)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        with contextlib.closing(new_ledger(tmp_path)) as ledger:
            work(ledger)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    plans = {sql: plan(tmp_path, sql) for sql in seen if sql.split(maxsplit=1)[0].upper() not in ("PRAGMA", "CREATE")}
    assert len(plans) > 20
    whole = {sql: steps for sql, steps in plans.items() if any(f"{WHOLE} {table}" in steps for table in LARGE)}
    assert not whole


def work(ledger: Ledger) -> None:
    """Do what a run does with the ledger."""
    run = live_run(ledger, "A", "B", "C")
    ledger.look_up(run.account, run.source, ["A"])
    ledger.states(run.account, run.source, ["A"])
    known_rows(ledger, run.account, run.source, ["A"])
    with ledger.reading() as db:
        has_ticket(db, run.account)
    ledger.commit(run, [intent(key) for key in "ABC"])
    ledger.commit(run, [created("A"), failed("B"), unclear("C")])
    ledger.reject(run.id, [Rejection(manifest_row=5, key="D", code="required", error="empty", hint="fill it")])
    ledger.forgotten_tickets(run.account, run.source, ["A"])
    ledger.acknowledgements(run.account, run.source)
    ledger.renew(run.id)
    ledger.end_run(run.id, 1)
    ledger.claim(live_run(ledger), claims("C"))


def plan(folder: Path, sql: str) -> str:
    return "; ".join(str(row[3]) for row in query(folder, f"explain query plan {sql}", *[None] * sql.count("?")))
