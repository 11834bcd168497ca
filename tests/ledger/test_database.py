"""A ledger that can't be used: one error that says which, why and what to do, and never a password."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from importer.errors import LedgerError
from importer.ledger import Ledger, safe_url
from importer.ledger.schema import SCHEMA_VERSION
from tests.ledger.making import ask, begun, claims, entry, intent, new_ledger, new_run, reopened, url_of


def refusal(url: str, deed=Ledger.open) -> str:
    with pytest.raises(LedgerError) as caught:
        deed(url)
    assert caught.value.hint, "the error says what to do next"
    assert caught.value.exit_code == 2
    return "\n".join(caught.value.lines())


def test_a_ledger_is_made_once_and_found_again(tmp_path) -> None:
    """`create` makes the folders on the way, and of a ledger that is there it keeps all that it knows."""
    folder = tmp_path / "state" / "importer"
    assert not Ledger.exists(url_of(folder / "ledger.sqlite"))
    with contextlib.closing(new_ledger(folder)) as first:
        run = begun(first, "A")
        first.end_run(run.id, 0)
    assert Ledger.exists(url_of(folder / "ledger.sqlite"))
    with contextlib.closing(new_ledger(folder)) as again:
        assert entry(again, run, "A").state == "pending"


def test_every_commit_is_on_the_disk_when_it_returns(tmp_path) -> None:
    """WAL with full synchronisation, on every connection: a power cut takes nothing that was committed."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger, ledger._engine.connect() as db:
        assert db.exec_driver_sql("pragma journal_mode").scalar() == "wal"
        assert db.exec_driver_sql("pragma synchronous").scalar() == 2
        assert db.exec_driver_sql("pragma foreign_keys").scalar() == 1


def test_a_missing_ledger_is_not_made_by_opening_it(tmp_path) -> None:
    """A ledger that is not there makes every row look new; the error warns of that, and names the command."""
    text = refusal(url_of(tmp_path / "none.sqlite"))
    assert "there is no ledger" in text
    assert "ticket-importer ledger init" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+pysqlite"])
def test_an_empty_file_is_no_ledger(tmp_path, driver) -> None:
    """What a crash or `touch` left behind knows nothing."""
    (tmp_path / "ledger.sqlite").touch()
    url = f"{driver}:///{tmp_path}/ledger.sqlite"
    assert not Ledger.exists(url)
    assert "there is no ledger" in refusal(url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite+pysqlite://", "sqlite:///file:x?uri=true"])
@pytest.mark.parametrize("deed", [Ledger.open, Ledger.create, Ledger.exists])
def test_a_ledger_in_memory_is_refused(url, deed) -> None:
    """It would be forgotten, and with it which tickets were made."""
    assert "in memory would be forgotten" in refusal(url, deed)


@pytest.mark.parametrize(
    "url", ["mysql://user@host/db", "sqlite:x", "://", "nonsense", "postgresql+psycopg://host:port/db", "sqlight:///x"]
)
@pytest.mark.parametrize("deed", [Ledger.open, Ledger.create, Ledger.exists])
def test_an_address_that_is_none_is_refused(url, deed) -> None:
    """Whatever was typed there, it is an error with an example and not a traceback."""
    assert "not a ledger's address" in refusal(url, deed)


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
    """Not in the message, the details or the hint, whichever part of the address it stands in."""
    assert "hunter2" not in refusal(url, deed)
    assert "hunter2" not in safe_url(url)


def test_a_server_that_is_away_is_an_error_with_a_way_out() -> None:
    """A PostgreSQL that can't be reached, named with a driver or without."""
    for scheme in ("postgresql", "postgresql+psycopg"):
        assert "check its address and the server" in refusal(f"{scheme}://importer@127.0.0.1:1/db?connect_timeout=2")


def test_a_driver_that_does_not_exist_is_an_error(tmp_path) -> None:
    """`postgresql+nonsense` is no traceback either."""
    assert "can't be used" in refusal("postgresql+nonsense://host/db")
    assert "can't be used" in refusal(f"sqlite+nonsense:///{tmp_path}/x", Ledger.create)


def test_what_is_not_a_database_is_named_so(tmp_path) -> None:
    """A text file in the ledger's place is neither read nor overwritten."""
    path = tmp_path / "ledger.sqlite"
    path.write_text("ID,Subject\n" * 100, encoding="utf-8")
    for deed in (Ledger.open, Ledger.create):
        assert "the file is something else" in refusal(url_of(path), deed)
    assert path.read_text(encoding="utf-8").startswith("ID,Subject")


def test_another_programs_database_is_no_ledger(tmp_path) -> None:
    """An SQLite file without the ledger's tables."""
    ask(tmp_path, "create table bookmarks (url text)")
    assert "it is no ledger" in refusal(url_of(tmp_path / "ledger.sqlite"))


@pytest.mark.parametrize("deed", [Ledger.open, Ledger.create])
def test_a_ledger_of_another_version_is_left_alone(tmp_path, deed) -> None:
    """A newer program's ledger is refused by its version, and not a table of it is added or changed."""
    new_ledger(tmp_path).close()
    ask(tmp_path, "update ledger_meta set value = '99'")
    ask(tmp_path, "drop table rejections")
    text = refusal(url_of(tmp_path / "ledger.sqlite"), deed)
    assert f"schema version 99; this program knows {SCHEMA_VERSION}" in text
    assert ask(tmp_path, "select name from sqlite_master where name = 'rejections'") == []


def test_a_damaged_ledger_is_not_used(tmp_path) -> None:
    """Pages overwritten with noise: found when it is opened, before a row is judged by what is left of it."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = begun(ledger, *(f"key {number}" for number in range(2_000)))
        ledger.end_run(run.id, 0)
    path = tmp_path / "ledger.sqlite"
    ask(tmp_path, "pragma wal_checkpoint(truncate)")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20_000] = b"\xa5" * 20_000
    path.write_bytes(content)
    text = refusal(url_of(path))
    assert "damaged" in text
    assert "backup" in text


def test_a_ledger_that_may_not_be_written_is_an_error_when_a_run_begins(tmp_path) -> None:
    """A file whose header forbids writing is what a read-only one is to SQLite, even for root."""
    new_ledger(tmp_path).close()
    ask(tmp_path, "pragma wal_checkpoint(truncate)")
    path = tmp_path / "ledger.sqlite"
    with path.open("r+b") as file:
        file.seek(18)
        file.write(b"\x03")  # the version that a writer must know
    with contextlib.closing(Ledger.open(url_of(path))) as ledger, pytest.raises(LedgerError) as caught:
        ledger.begin_run(new_run())
    assert "let the user that runs the import write to it" in caught.value.hint
    assert list(tmp_path.glob("*.lock")) == [], "a run that never began leaves no lock"


def test_a_ledger_that_another_program_holds_is_an_error_and_not_a_hang(tmp_path) -> None:
    """Locked for longer than the patience that its address sets."""
    new_ledger(tmp_path).close()
    path = tmp_path / "ledger.sqlite"
    with (
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder,
        contextlib.closing(Ledger.open(url_of(path, "?timeout=0.05"))) as ledger,
    ):
        holder.execute("begin immediate")
        with pytest.raises(LedgerError, match="locked") as caught:
            ledger.begin_run(new_run())
        assert "another program holds it" in caught.value.hint
        holder.execute("rollback")
        run = begun(ledger, "A")
        assert entry(ledger, run, "A").state == "pending"


def test_a_reader_does_not_wait_for_a_writer(tmp_path) -> None:
    """`validate` may look things up while a run commits."""
    new_ledger(tmp_path).close()
    with (
        contextlib.closing(reopened(tmp_path)) as ledger,
        contextlib.closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as writer,
    ):
        run = begun(ledger, "A")
        writer.execute("begin immediate")
        assert entry(ledger, run, "A").state == "pending"
        writer.execute("rollback")


def test_a_full_disk_is_an_error_and_leaves_the_ledger_whole(tmp_path) -> None:
    """SQLite's own limit on its pages stands in for the disk: nothing of the transaction that failed is there."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = begun(ledger, "A")
        with ledger._engine.connect() as db:  # goes back to the pool with its limit
            db.exec_driver_sql("pragma max_page_count = 1")
        with pytest.raises(LedgerError) as caught:
            ledger.claim(run, claims(*(f"{number:0100}" for number in range(5_000))))
        assert "make room on the disk" in caught.value.hint
        assert ledger.look_up(run.account, run.source, [f"{0:0100}"]) == {}
        ledger.commit(run, [intent("A")])


def test_a_folder_in_the_ledgers_place_is_an_error(tmp_path) -> None:
    """A folder is not a file that could be opened."""
    assert "can't be used" in refusal(url_of(tmp_path))
    assert "can't be used" in refusal(url_of(tmp_path), Ledger.create)


def test_a_file_where_the_ledgers_folder_should_be_is_an_error(tmp_path) -> None:
    """The folder can't be made: an error of the ledger's, not of Python's."""
    (tmp_path / "file").touch()
    assert "check its folder" in refusal(url_of(tmp_path / "file" / "sub" / "ledger.sqlite"), Ledger.create)
