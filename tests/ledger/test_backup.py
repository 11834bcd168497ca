"""`ledger backup`: a complete copy at one moment, made while others write; it never replaces a file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ImporterError, LedgerError, UsageError
from importer.ledger.backup import back_up
from importer.ledger.store import Ledger
from tests import fork_server
from tests.cli.shop import ended
from tests.ledger.ledgers import created, entry, intent, live_run, new_ledger, url_of
from tests.ledger.test_migrations import ledger_of


def copied(folder: Path, target: str = "copy.sqlite") -> Path:
    back_up(url_of(folder / "ledger.sqlite"), folder / target)
    return folder / target


def test_a_backup_holds_what_a_killed_run_left_in_the_log(tmp_path: Path) -> None:
    """The last commits are in the log beside the file; a plain copy of the file would miss them."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = live_run(ledger, "A")
        ledger.commit(run, [intent("A")])
        ledger.commit(run, [created("A")])
        assert (tmp_path / "ledger.sqlite-wal").stat().st_size > 0
        backup = back_up(url_of(tmp_path / "ledger.sqlite"), tmp_path / "copy.sqlite")
    assert backup.rows == 1
    assert backup.size_bytes == (tmp_path / "copy.sqlite").stat().st_size
    assert (tmp_path / "copy.sqlite").stat().st_mode & 0o777 == 0o600
    (tmp_path / "ledger.sqlite").unlink()
    (tmp_path / "copy.sqlite").rename(tmp_path / "ledger.sqlite")
    with contextlib.closing(Ledger.open(url_of(tmp_path / "ledger.sqlite"))) as restored:
        assert entry(restored, run, "A").state == "created"


def test_a_backup_is_of_one_moment_while_runs_go_on(tmp_path: Path) -> None:
    """A run that commits all the time never waits long, and each copy has all rows of a commit or none."""
    over = threading.Event()
    commits = 0

    def work() -> None:
        nonlocal commits
        while not over.is_set():
            ledger.commit(run, [intent("A"), intent("B")])
            ledger.commit(run, [failed("A"), failed("B")])
            commits += 1

    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = live_run(ledger, "A", "B", *(f"key {number}" for number in range(20_000)))
        thread = threading.Thread(target=work)
        thread.start()
        try:
            for number in range(5):
                path = copied(tmp_path, f"copy {number}.sqlite")
                with contextlib.closing(sqlite3.connect(path)) as db:
                    assert db.execute("pragma integrity_check").fetchone() == ("ok",)
                    sql = "select count(*) from attempts join tickets on tickets.id = ticket group by key"
                    counts = [row[0] for row in db.execute(sql)]
                    assert len(set(counts)) <= 1, "both rows of a commit are there, or none"
        finally:
            over.set()
            thread.join()
    assert commits


def failed(key: str):
    from importer.ledger.records import Outcome  # noqa: PLC0415

    return Outcome(key=key, state="failed", outcome="refused", error_code="refused", error="no", http_status=400)


def test_an_older_ledger_is_copied_without_upgrade(tmp_path: Path) -> None:
    """A backup before an upgrade has the older version."""
    ledger_of(2, tmp_path)
    path = copied(tmp_path)
    for each in (path, tmp_path / "ledger.sqlite"):
        with contextlib.closing(sqlite3.connect(each)) as db:
            assert db.execute("select value from ledger_meta").fetchall() == [("2",)]


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("what", ["file", "folder", "symbolic link", "broken link", "pipe", "ledger", "linked folder"])
def test_an_existing_target_is_never_replaced(tmp_path: Path, what: str) -> None:
    """It is not written through, and no temporary file stays."""
    new_ledger(tmp_path).close()
    target, victim = tmp_path / "copy.sqlite", tmp_path / "victim"
    victim.write_text("precious", "utf-8")
    match what:
        case "file":
            target.write_text("precious", "utf-8")
        case "folder":
            target.mkdir()
        case "symbolic link":
            target.symlink_to(victim)
        case "broken link":
            target.symlink_to(tmp_path / "nothing")
        case "pipe":
            os.mkfifo(target)
        case "ledger":
            target = tmp_path / "ledger.sqlite"
        case "linked folder":
            (tmp_path / "link").symlink_to(tmp_path)
            target = tmp_path / "link" / "ledger.sqlite"
    before, content = left(tmp_path), (tmp_path / "ledger.sqlite").read_bytes()
    with pytest.raises(UsageError, match=r"exists already|ledger's own files") as caught:
        back_up(url_of(tmp_path / "ledger.sqlite"), target)
    assert caught.value.hint
    assert left(tmp_path) == before
    assert victim.read_text("utf-8") == "precious"
    assert (tmp_path / "ledger.sqlite").read_bytes() == content


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal", ".reserve"])
def test_a_name_that_the_ledger_uses_is_refused(tmp_path: Path, end: str) -> None:
    """SQLite would treat such a file as part of the ledger."""
    new_ledger(tmp_path).close()
    with pytest.raises(UsageError, match="ledger's own files"):
        copied(tmp_path, f"ledger.sqlite{end}")
    assert left(tmp_path) == {"ledger.sqlite"}


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """The folder is not created."""
    new_ledger(tmp_path).close()
    with pytest.raises(UsageError, match="can't be written"):
        copied(tmp_path, "none/copy.sqlite")
    assert left(tmp_path) == {"ledger.sqlite"}


@pytest.mark.parametrize("what", ["missing", "text", "another program's", "damaged"])
def test_a_damaged_ledger_is_not_copied(tmp_path: Path, what: str) -> None:
    """A backup that can't be restored is useless: no file stays."""
    path = tmp_path / "ledger.sqlite"
    match what:
        case "text":
            path.write_text("no database" * 100, "utf-8")
        case "another program's":
            with contextlib.closing(sqlite3.connect(path)) as db:
                db.execute("create table bookmarks (url text)")
        case "damaged":
            with contextlib.closing(new_ledger(tmp_path)) as ledger:
                run = live_run(ledger, *(f"key {number}" for number in range(2_000)))
                ledger.end_run(run.id, 0)
            content = bytearray(path.read_bytes())
            content[len(content) // 2 : len(content) // 2 + 20_000] = b"\xa5" * 20_000
            path.write_bytes(content)
    before = left(tmp_path)
    with pytest.raises(LedgerError) as caught:
        copied(tmp_path)
    assert caught.value.hint
    assert left(tmp_path) - {"ledger.sqlite-wal", "ledger.sqlite-shm"} == before


def test_a_ledger_on_a_server_needs_pg_dump() -> None:
    """The error needs no connection, and shows no password."""
    with pytest.raises(ImporterError, match="PostgreSQL") as caught:
        back_up("postgresql+psycopg://importer:hunter2@127.0.0.1:1/db", Path("copy.sqlite"))
    assert caught.value.exit_code == 2
    assert "pg_dump" in caught.value.hint
    assert "hunter2" not in "\n".join(caught.value.lines())


def test_the_command_needs_only_the_ledgers_address(tmp_path: Path) -> None:
    """No home folder and no other settings, as in a container."""
    environment = {"LSQ_LEDGER": str(tmp_path / "ledger.sqlite"), "PATH": os.environ["PATH"]}

    def command(*words: str) -> str:
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        done = ended(fork_server.start("ledger", *words, cwd=tmp_path, env=environment, encoding="utf-8", **streams))
        assert done.code == 0, done.err
        return done.out

    assert "created the ledger" in command("init")
    said = command("backup", "copy.sqlite")
    size_bytes = (tmp_path / "copy.sqlite").stat().st_size
    assert said == f"copied the ledger to copy.sqlite: 0 rows, {size_bytes:,} bytes, checked\n"
