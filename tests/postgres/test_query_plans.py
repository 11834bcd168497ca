"""On a server with many rows, statements find theirs by an index: of a start, a run, and the history of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from importer.ledger.history import past_run, rows_of
from importer.ledger.host_note import NotedRun
from importer.ledger.identity import lacking, last_run_elsewhere
from importer.ledger.previous_exports import count_other_keys
from importer.ledger.store import Ledger
from tests.ledger.ledgers import live_run
from tests.ledger.test_query_plans import LARGE, work
from tests.postgres.server import PostgresServer

ROWS = 40_000
FILL = (
    """insert into runs (id, account, source, command, manifest, manifest_sha256, mapping_sha256, started_at, ended_at,
    host, boot_id, pid, lease_until, did) select 'old' || each, 'tenant', 'old-helpdesk', 'run', 'a.csv', '', '',
    '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', 'host', '', 1, 0, '{"created": 100}'
    from generate_series(0, %(rows)s / 100) as each""",
    """insert into tickets (account, source, key, state, run, manifest_row, number, ticket_id, attempts)
    select 'tenant', 'old-helpdesk', 'key' || each, 'created', 'old' || each / 100, each, each, 'guid' || each, 1
    from generate_series(1, %(rows)s) as each""",
    """insert into attempts (ticket, run, intended_at, request, outcome)
    select id, run, '2026-01-01T00:00:00Z', '', 'created' from tickets""",
)


@contextlib.contextmanager
def statements() -> Iterator[dict[str, Any]]:
    """Collect every statement that the driver sends in the block, with its parameters."""
    seen: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patched:
        for kind in (psycopg.Cursor, psycopg.ServerCursor):
            _listen(patched, kind, seen)
        yield seen


def _listen(patched: pytest.MonkeyPatch, kind: Any, seen: dict[str, Any]) -> None:
    execute, execute_many = kind.execute, kind.executemany

    def note(cursor: Any, sql: str, values: Any = None, **options: Any) -> Any:
        if isinstance(sql, str):
            seen.setdefault(sql, values)
        return execute(cursor, sql, values, **options)

    def note_many(cursor: Any, sql: str, values: Any, **options: Any) -> Any:
        rows = list(values)
        seen.setdefault(sql, rows[0])
        return execute_many(cursor, sql, rows, **options)

    patched.setattr(kind, "execute", note)
    patched.setattr(kind, "executemany", note_many)


@pytest.fixture
def large(ledger: Ledger, server: PostgresServer) -> Ledger:
    """A ledger with many rows, whose server has counted them."""
    with server.connect("ledger") as db:
        for statement in FILL:
            db.execute(statement, {"rows": ROWS})
        db.execute("analyze")
    return ledger


def whole_reads(server: PostgresServer, seen: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the statements that read a whole large table, and which.

    A table that a LIMIT is taken from is read only until there are so many rows.
    """
    found = []
    with server.connect("ledger") as db:
        for sql, values in seen.items():
            if sql.split(maxsplit=1)[0].upper() in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                lines = [str(row[0]) for row in db.execute(f"explain {sql}", values)]
                above = ["", *lines]
                found += [
                    (sql, table)
                    for table in LARGE
                    for line, parent in zip(lines, above, strict=False)
                    if f"Seq Scan on {table}" in line and "Limit" not in parent
                ]
    return found


def test_a_run_finds_its_rows_by_an_index(large: Ledger, url: str, server: PostgresServer) -> None:
    """Its start, its end, and the checks before the first call, too."""
    noted = NotedRun(run="old7", ledger="", place="", source="", results="", began_at="", attempt=700, tickets=1)
    with statements() as seen, contextlib.closing(Ledger.open(url)) as ledger:
        work(ledger)
        run = live_run(ledger, "X", "key5")
        count_other_keys(ledger, run, 1, 1)
        last_run_elsewhere(ledger, run.account)
        assert lacking(ledger, [noted]) == []
    assert len(seen) > 50
    assert whole_reads(server, seen) == []
    assert large.id


def test_the_history_of_a_run_reads_requests_in_one_pass(large: Ledger, server: PostgresServer) -> None:
    """Requests have no index by run, as each one would make sending slower; their rows are found by an index."""
    with statements() as seen:
        assert past_run(large, "old77").did == {"created": 100}
        assert len(list(rows_of(large, "old77"))) == 100
    assert {table for _, table in whole_reads(server, seen)} == {"attempts"}
