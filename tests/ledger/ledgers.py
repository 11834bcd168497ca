"""Shared helpers: a ledger in a file, runs, and access to the file from outside."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import tempfile
from pathlib import Path

import psycopg

from importer.ledger.records import Claim, Intent, LedgerEntry, Outcome, RunInfo, new_run_id
from importer.ledger.store import Ledger
from importer.models import TicketIds

IDS = TicketIds(number="157", ticket_id="5af882cc-0000-4000-8000-000000000000", key="#157")
_ADDRESS = "ledger.url"  # a file in the folder of a test


def url_of(path: Path, query: str = "") -> str:
    return f"sqlite:///{path}{query}"


def new_ledger(folder: Path) -> Ledger:
    return Ledger.create(address(folder))


def copied_ledger(folder: Path) -> Ledger:
    """Return a new ledger; its file is a copy of another new one."""
    if address(folder).startswith("sqlite:"):
        path = folder / "ledger.sqlite"
        path.write_bytes(empty_ledger_file())
        path.chmod(0o600)
    return reopened(folder)


@functools.cache
def empty_ledger_file() -> bytes:
    """Return the file of a ledger without rows, which takes long to make."""
    with tempfile.TemporaryDirectory() as folder:
        new_ledger(Path(folder)).close()
        return (Path(folder) / "ledger.sqlite").read_bytes()


def reopened(folder: Path) -> Ledger:
    return Ledger.open(address(folder))


def use_server(folder: Path, url: str) -> None:
    """Let the ledger of a folder be in the database of this address."""
    (folder / _ADDRESS).write_text(url, encoding="utf-8")


def address(folder: Path) -> str:
    address = folder / _ADDRESS
    return address.read_text(encoding="utf-8") if address.exists() else url_of(folder / "ledger.sqlite")


def new_run(source: str = "old-helpdesk", account: str = "tenant") -> RunInfo:
    return RunInfo(
        id=new_run_id(source),
        account=account,
        source=source,
        command="run",
        manifest="tickets.csv",
        manifest_sha256="00",
        mapping_sha256="11",
        key_field=None,
    )


def live_run(ledger: Ledger, *keys: str, source: str = "old-helpdesk", account: str = "tenant") -> RunInfo:
    """Return a live run that holds the rows of these keys."""
    run = new_run(source, account)
    ledger.begin_run(run)
    ledger.claim(run, claims(*keys))
    return run


def claims(*keys: str) -> list[Claim]:
    return [Claim(key=key, manifest_row=row) for row, key in enumerate(keys, start=2)]


def intent(key: str) -> Intent:
    return Intent(key=key, content=f"content of {key}", request="{}")


def ids_of(key: str) -> TicketIds:
    """Return a row's ticket: a different one for each row, and ``IDS`` for row A."""
    if key == "A":
        return IDS
    number = 1_000 + int.from_bytes(key.encode())
    return TicketIds(number=str(number), ticket_id=f"guid-{number}", key=f"#{number}")


def created(key: str) -> Outcome:
    return Outcome(key=key, state="created", outcome="created", ids=ids_of(key), http_status=200)


def entry(ledger: Ledger, run: RunInfo, key: str) -> LedgerEntry:
    return ledger.look_up(run.account, run.source, [key])[key]


def query(folder: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    """Query or change the ledger as another program would. A ``?`` stands for a value."""
    url = address(folder)
    if not url.startswith("sqlite:"):
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as server:
            found = server.execute(sql.replace("?", "%s"), values or None)
            return found.fetchall() if found.description else []
    with contextlib.closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as db:
        return db.execute(sql, values).fetchall()


def expire_lease(folder: Path, run: RunInfo) -> None:
    query(folder, "update runs set lease_until = 0 where id = ?", run.id)
