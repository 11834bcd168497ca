"""The guards of transactions and connections."""

from __future__ import annotations

import contextlib
import threading

import psycopg
import pytest
import sqlalchemy as sa

from importer.errors import LedgerError
from importer.ledger import postgres
from importer.ledger.records import Outcome
from importer.ledger.store import Ledger
from tests.ledger.ledgers import entry, intent, live_run
from tests.postgres.server import PostgresServer


def test_each_transaction_sets_its_own_limits(ledger: Ledger) -> None:
    """Nothing is left for the next user of the connection: a pooler gives it to others."""
    names = ("synchronous_commit", "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    with ledger.writing() as db:
        inside = [db.scalar(sa.text(f"show {name}")) for name in names]
        raw = db.connection.dbapi_connection
        assert raw is not None
        db.commit()
        outside = [raw.cursor().execute(f"show {name}").fetchone()[0] for name in names]
    assert inside == ["on", "20s", "1min", "20s"]
    assert outside == ["on", "0", "0", "0"]


def test_a_server_that_may_forget_tickets_is_refused() -> None:
    """A crash of a server with fsync = off may lose the last tickets; they would be created twice."""
    with contextlib.closing(PostgresServer(fsync="off", full_page_writes="off")) as server:
        url = server.database("ledger")
        with pytest.raises(LedgerError, match="fsync = off and full_page_writes = off"):
            Ledger.create(url)


def test_a_nul_in_a_servers_answer_is_stored_as_another_sign(ledger: Ledger) -> None:
    """PostgreSQL can't store it; the row must not be lost because of it."""
    run = live_run(ledger, "A")
    ledger.commit(run, [intent("A")])
    ledger.commit(run, [Outcome(key="A", state="failed", outcome="refused", error_code="refused", error="a\0b")])
    assert entry(ledger, run, "A").error == "a\ufffdb"


def test_two_that_create_the_ledger_at_once_succeed(database: str) -> None:
    """One creates the tables, the others find them."""
    failures: list[BaseException] = []

    def create() -> None:
        try:
            Ledger.create(database).close()
        except BaseException as error:  # noqa: BLE001 - the test shows it
            failures.append(error)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("address", "unverified"),
    [
        ("", False),
        ("host=localhost", False),
        ("host=/run/postgresql sslmode=prefer", False),
        ("host=db.example.com", True),
        ("host=db.example.com sslmode=require", True),
        ("host=db.example.com sslmode=verify-full", False),
    ],
)
def test_an_unverified_connection_to_another_machine_is_noticed(address: str, *, unverified: bool) -> None:
    """`require` encrypts, but takes any server for the right one."""
    options = {each.keyword.decode(): each.val for each in psycopg.pq.Conninfo.get_defaults()}
    options |= {each.keyword.decode(): each.val for each in psycopg.pq.Conninfo.parse(address.encode()) if each.val}
    assert postgres.is_unverified({name: (value or b"").decode() for name, value in options.items()}) is unverified


def test_marks_of_killed_processes_are_removed(ledger: Ledger, other: Ledger, server: PostgresServer) -> None:
    """The mark of a process that lives stays: it shows whether its last transaction counts."""

    def marks() -> list[str]:
        with server.connect("ledger") as db:
            return [row[0] for row in db.execute("select name from ledger_meta where name like 'commit %'").fetchall()]

    run = live_run(ledger, "A")
    (living,) = marks()
    with server.connect("ledger") as db:
        db.execute("insert into ledger_meta values ('commit 1', '2026-01-01T00:00:00Z 4711')")
    second = live_run(other, "B")
    assert living in marks()
    assert "commit 1" not in marks()
    ledger.end_run(run.id, 0)
    other.end_run(second.id, 0)
    assert marks() == []
