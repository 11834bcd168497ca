"""`ledger info`, `check`, `prune` and `move`: what they show, find, delete and carry over, in a file and on a server."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from importer.errors import LedgerError
from importer.ledger.consistency import LedgerCheck, check_ledger
from importer.ledger.figures import figures
from importer.ledger.records import Outcome, Rejection
from importer.ledger.store import Ledger
from importer.models import Rate
from importer.rate_limit import slot_records
from importer.rate_limit.pool_text import pool_from_text
from importer.rate_limit.slots import SlotRequest
from tests.ledger.ledgers import address, created, intent, live_run, query
from tests.ledger.test_migrations import ledger_of


def failed(key: str) -> Outcome:
    return Outcome(key=key, state="failed", outcome="refused", error_code="refused", error="no", http_status=400)


def unclear(key: str) -> Outcome:
    return Outcome(key=key, state="unknown", outcome="unclear", error_code="interrupted", error="cut off")


def used(ledger: Ledger) -> str:
    """Let a run send three rows, reject one, and use a slot; return its name."""
    run = live_run(ledger, "A", "B", "C")
    ledger.commit(run, [intent(key) for key in "ABC"])
    ledger.commit(run, [created("A"), failed("B"), unclear("C")])
    ledger.reject(run.id, [Rejection(manifest_row=5, key="D", code="required", error="empty", hint="fill it")])
    with contextlib.closing(slot_records.slot_records(ledger, run.account)) as slots:
        request = SlotRequest(run=run.id, rate=Rate(25, 5), margin_s=0.1, ceiling=25)
        slots.change([lambda pool, now: pool.book(request, now)])
    ledger.end_run(run.id, 1)
    return run.id


def checked(folder: Path) -> LedgerCheck:
    return check_ledger(address(folder), lambda text: pool_from_text(text, 0.0, 0.0))


def test_info_counts_rows_runs_and_requests(ledger: Ledger, tmp_path: Path) -> None:
    """Everything is counted by the database."""
    used(ledger)
    known = figures(address(tmp_path))
    assert known.accounts == {"tenant": {"created": 1, "failed": 1, "unknown": 1}}
    assert (known.runs, known.running, known.requests, known.rejections) == (1, 0, 3, 1)
    assert known.oldest is not None
    assert known.size_bytes > 4096
    live_run(ledger, "E")
    assert figures(address(tmp_path)).running == 1


def test_a_ledger_as_runs_leave_it_has_no_problem(ledger: Ledger, tmp_path: Path) -> None:
    """Also while a run sends."""
    assert not checked(tmp_path).problems
    used(ledger)
    ledger.commit(live_run(ledger, "E"), [intent("E")])
    found = checked(tmp_path)
    assert not found.problems
    assert found.complete


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("update tickets set state = 'made' where key = 'B'", "1 row of tickets are in a state that does not exist"),
        ("update tickets set number = '' where key = 'A'", "have no ticket number"),
        ("update tickets set state = 'sending', held_by = null where key = 'B'", "sent by no run"),
        ("update tickets set held_by = 'nobody' where key = 'B'", "held by a run that does not exist"),
        ("update attempts set request = 'text'", "the text of their request is still there"),
        ("update attempts set settled_at = null", "an answer without a time"),
        ("update quotas set pool = '{'", "the slots of account tenant can't be read"),
        ("update runs set did = '{'", "can't be read"),
        ("update ledger_meta set value = 'ab' where name = 'secret'", "the secret of the hashes"),
        ("drop index tickets_by_number", "the index tickets_by_number is missing"),
        ("alter table rejections drop column hint", "the column rejections.hint is missing"),
    ],
)
def test_check_finds_what_no_run_leaves(ledger: Ledger, tmp_path: Path, sql: str, problem: str) -> None:
    """Each of these makes later runs wrong or stops them."""
    used(ledger)
    try:
        query(tmp_path, sql)
        (found,) = checked(tmp_path).problems
        assert problem in found
    finally:
        repair(tmp_path, sql)


def repair(folder: Path, sql: str) -> None:
    """Undo a change of the tables and of the secret, which the tests share on a server."""
    undo = {
        "drop": "create index tickets_by_number on tickets (account, number) where number != ''",
        "alter": "alter table rejections add column hint text not null default ''",
        "update": f"update ledger_meta set value = '{'ab' * 32}' where name = 'secret'",
    }
    query(folder, undo[sql.split(maxsplit=1)[0]])


@pytest.mark.file
def test_check_finds_damaged_pages_and_indexes(ledger: Ledger, tmp_path: Path) -> None:
    """A row that an index lacks counts as new: its ticket would be created twice."""
    used(ledger)
    ledger.close()
    path = tmp_path / "ledger.sqlite"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        number = db.execute("select rootpage from sqlite_master where name = 'sqlite_autoindex_tickets_1'").fetchone()[
            0
        ]
        size = db.execute("pragma page_size").fetchone()[0]
        db.execute("pragma wal_checkpoint(truncate)")
    content = bytearray(path.read_bytes())
    content[(number - 1) * size + 3 : (number - 1) * size + 5] = b"\0\0"  # the page says that it has no entries
    path.write_bytes(content)
    found = checked(tmp_path)
    assert "the file is damaged" in found.problems[0]
    assert not found.complete


@pytest.mark.file
@pytest.mark.parametrize("version", [1, 4])
def test_an_older_ledger_is_shown_and_checked_as_it_is(tmp_path: Path, version: int) -> None:
    """It is not upgraded; an upgraded one has no problem."""
    ledger_of(version, tmp_path)
    assert figures(address(tmp_path)).schema == version
    found = checked(tmp_path)
    assert (found.schema, found.complete, found.problems) == (version, False, [])
    Ledger.open(address(tmp_path)).close()
    found = checked(tmp_path)
    assert (found.complete, found.problems) == (True, [])


def test_a_newer_ledger_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    """Its rows mean something else."""
    version = figures(address(tmp_path)).schema
    query(tmp_path, f"update ledger_meta set value = '{version + 1}' where name = 'schema_version'")
    try:
        with pytest.raises(LedgerError, match=f"schema version {version + 1}"):
            checked(tmp_path)
    finally:
        query(tmp_path, f"update ledger_meta set value = '{version}' where name = 'schema_version'")
