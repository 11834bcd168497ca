"""Unusable ledgers: one error that says which, why and what to do, and never shows a password."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from importer.errors import LedgerAway, LedgerError
from importer.ledger.database import safe_url
from importer.ledger.schema import SCHEMA_VERSION
from importer.ledger.server_outage import ServerOutage
from importer.ledger.store import Ledger
from tests.ledger.ledgers import claims, entry, intent, live_run, new_ledger, new_run, query, reopened, url_of


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for a server that is not there."""
    monkeypatch.setattr(ServerOutage, "wait", lambda *_: False)


def refusal(url: str, deed=Ledger.open) -> str:
    with pytest.raises(LedgerError) as caught:
        deed(url)
    assert caught.value.hint, "the error says what to do next"
    assert caught.value.exit_code == (3 if isinstance(caught.value, LedgerAway) else 2)
    return "\n".join(caught.value.lines())


def test_create_opens_an_existing_ledger(tmp_path) -> None:
    """`create` makes missing folders; an existing ledger keeps its contents."""
    folder = tmp_path / "state" / "importer"
    assert not Ledger.exists(url_of(folder / "ledger.sqlite"))
    with contextlib.closing(new_ledger(folder)) as first:
        run = live_run(first, "A")
        first.end_run(run.id, 0)
    assert Ledger.exists(url_of(folder / "ledger.sqlite"))
    with contextlib.closing(new_ledger(folder)) as again:
        assert entry(again, run, "A").state == "pending"


def test_every_commit_is_on_the_disk_when_it_returns(tmp_path) -> None:
    """WAL with full synchronisation on every connection: a power cut loses no commit."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger, ledger._engine.connect() as db:
        assert db.exec_driver_sql("pragma journal_mode").scalar() == "wal"
        assert db.exec_driver_sql("pragma synchronous").scalar() == 2
        assert db.exec_driver_sql("pragma foreign_keys").scalar() == 1


def test_open_does_not_create_a_ledger(tmp_path) -> None:
    """Without its ledger every row counts as new; the error warns of that, and names the command."""
    text = refusal(url_of(tmp_path / "none.sqlite"))
    assert "no ledger found" in text
    assert "ticket-importer ledger init" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+pysqlite"])
def test_an_empty_file_is_no_ledger(tmp_path, driver) -> None:
    """An empty file, left by a crash or `touch`, is not a ledger."""
    (tmp_path / "ledger.sqlite").touch()
    url = f"{driver}:///{tmp_path}/ledger.sqlite"
    assert not Ledger.exists(url)
    assert "no ledger found" in refusal(url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite+pysqlite://", "sqlite:///file:x?uri=true"])
@pytest.mark.parametrize("deed", [Ledger.open, Ledger.create, Ledger.exists])
def test_a_ledger_in_memory_is_refused(url, deed) -> None:
    """It would be lost, and with it which tickets were created."""
    assert "ledger in memory would be lost" in refusal(url, deed)


@pytest.mark.parametrize(
    "url", ["mysql://user@host/db", "sqlite:x", "://", "nonsense", "postgresql+psycopg://host:port/db", "sqlight:///x"]
)
@pytest.mark.parametrize("deed", [Ledger.open, Ledger.create, Ledger.exists])
def test_an_invalid_address_is_refused(url, deed) -> None:
    """Any text gives an error with an example, not a traceback."""
    assert "not a valid ledger address" in refusal(url, deed)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://importer:hunter2@127.0.0.1:1/db",
        "postgresql://importer:hunter2@127.0.0.1:1/db",
        "postgresql+psycopg://127.0.0.1:1/db?user=x&password=hunter2",
        "postgresql+psycopg://importer:hunter2@host:port/db",
        "mysql://importer:hunter2@host/db",
        "importer:hunter2@host/db",
    ],
)
@pytest.mark.parametrize("deed", [Ledger.open, Ledger.create])
def test_a_password_is_never_shown(url, deed) -> None:
    """Not in the message, the details or the hint, in any part of the address."""
    assert "hunter2" not in refusal(url, deed)
    assert "hunter2" not in safe_url(url)


def test_an_unreachable_server_is_an_error_with_a_hint() -> None:
    """With or without a driver in the address."""
    for scheme in ("postgresql", "postgresql+psycopg"):
        assert "check the ledger's address" in refusal(f"{scheme}://importer@127.0.0.1:1/db?connect_timeout=2")


def test_an_unknown_driver_is_an_error(tmp_path) -> None:
    """`postgresql+nonsense` gives no traceback."""
    assert "no host of this name is known" in refusal("postgresql+nonsense://host.invalid/db")
    assert "can't be used" in refusal(f"sqlite+nonsense:///{tmp_path}/x", Ledger.create)


def test_a_file_that_is_no_database_is_an_error(tmp_path) -> None:
    """A text file at the ledger's path is neither read nor overwritten."""
    path = tmp_path / "ledger.sqlite"
    path.write_text("ID,Subject\n" * 100, encoding="utf-8")
    for deed in (Ledger.open, Ledger.create):
        assert "this file is not a ledger" in refusal(url_of(path), deed)
    assert path.read_text(encoding="utf-8").startswith("ID,Subject")


def test_another_programs_database_is_no_ledger(tmp_path) -> None:
    """An SQLite file without the ledger's tables."""
    query(tmp_path, "create table bookmarks (url text)")
    assert "this file is not a ledger" in refusal(url_of(tmp_path / "ledger.sqlite"))


@pytest.mark.parametrize("deed", [Ledger.open, Ledger.create])
def test_a_newer_ledger_is_refused_unchanged(tmp_path, deed) -> None:
    """A newer program's ledger is refused by its version; none of its tables is added or changed."""
    new_ledger(tmp_path).close()
    query(tmp_path, "update ledger_meta set value = '99'")
    query(tmp_path, "drop table rejections")
    text = refusal(url_of(tmp_path / "ledger.sqlite"), deed)
    assert f"schema version 99; this program supports versions up to {SCHEMA_VERSION}" in text
    assert query(tmp_path, "select name from sqlite_master where name = 'rejections'") == []


def test_a_damaged_ledger_is_not_used(tmp_path) -> None:
    """Pages overwritten with noise are found at opening, before any row is validated."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = live_run(ledger, *(f"key {number}" for number in range(2_000)))
        ledger.end_run(run.id, 0)
    path = tmp_path / "ledger.sqlite"
    query(tmp_path, "pragma wal_checkpoint(truncate)")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20_000] = b"\xa5" * 20_000
    path.write_bytes(content)
    text = refusal(url_of(path))
    assert "damaged" in text
    assert "backup" in text


def test_a_read_only_ledger_is_an_error_when_a_run_begins(tmp_path) -> None:
    """A file header that forbids writing makes it read-only, even for root."""
    new_ledger(tmp_path).close()
    query(tmp_path, "pragma wal_checkpoint(truncate)")
    path = tmp_path / "ledger.sqlite"
    with path.open("r+b") as file:
        file.seek(18)
        file.write(b"\x03")  # the file format's write version
    with contextlib.closing(Ledger.open(url_of(path))) as ledger, pytest.raises(LedgerError) as caught:
        ledger.begin_run(new_run())
    assert "permission to write to it" in caught.value.hint
    assert list(tmp_path.glob("*.lock")) == [], "a run that never began leaves no lock"


def test_a_locked_ledger_is_an_error_not_a_hang(tmp_path) -> None:
    """Locked for longer than the timeout in its address."""
    new_ledger(tmp_path).close()
    path = tmp_path / "ledger.sqlite"
    with (
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder,
        contextlib.closing(Ledger.open(url_of(path, "?timeout=0.05"))) as ledger,
    ):
        holder.execute("begin immediate")
        with pytest.raises(LedgerError, match="locked") as caught:
            ledger.begin_run(new_run())
        assert "another program keeps it locked" in caught.value.hint
        holder.execute("rollback")
        run = live_run(ledger, "A")
        assert entry(ledger, run, "A").state == "pending"


def test_a_reader_does_not_wait_for_a_writer(tmp_path) -> None:
    """`validate` can look up rows while a run commits."""
    new_ledger(tmp_path).close()
    with (
        contextlib.closing(reopened(tmp_path)) as ledger,
        contextlib.closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as writer,
    ):
        run = live_run(ledger, "A")
        writer.execute("begin immediate")
        assert entry(ledger, run, "A").state == "pending"
        writer.execute("rollback")


def test_a_full_disk_is_an_error_and_leaves_the_ledger_intact(tmp_path) -> None:
    """SQLite's page limit simulates the disk: nothing of the failed transaction stays."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = live_run(ledger, "A")
        with ledger._engine.connect() as db:  # the connection returns to the pool with its limit
            db.exec_driver_sql("pragma max_page_count = 1")
        with pytest.raises(LedgerError) as caught:
            ledger.claim(run, claims(*(f"{number:0100}" for number in range(5_000))))
        assert "free space on the disk" in caught.value.hint
        assert ledger.look_up(run.account, run.source, [f"{0:0100}"]) == {}
        ledger.commit(run, [intent("A")])


def test_a_folder_at_the_ledgers_path_is_an_error(tmp_path) -> None:
    """A folder can't be opened as a file."""
    assert "is a folder, not a file" in refusal(url_of(tmp_path))
    assert "is a folder, not a file" in refusal(url_of(tmp_path), Ledger.create)


def test_a_file_where_the_ledgers_folder_should_be_is_an_error(tmp_path) -> None:
    """The folder can't be created: a LedgerError, not an OSError."""
    (tmp_path / "file").touch()
    assert "check its folder" in refusal(url_of(tmp_path / "file" / "sub" / "ledger.sqlite"), Ledger.create)


def test_an_error_of_the_system_is_told_in_words(tmp_path) -> None:
    """The file and the reason, without an error number."""
    text = refusal(url_of(tmp_path / f"{'x' * 300}.sqlite"))
    assert f"{'x' * 300}.sqlite: File name too long" in text
    assert "Errno" not in text
