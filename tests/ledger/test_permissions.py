"""Only its owner can read a ledger's files, for any umask and at any moment."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from importer.errors import LedgerError
from importer.ledger.store import Ledger
from tests.ledger.ledgers import live_run, new_ledger, new_run, query, reopened, url_of
from tests.ledger.test_migrations import ROOT, ledger_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights of owner, group and others")


@pytest.fixture(params=[0o000, 0o022, 0o377], ids=oct)
def umask(request):
    former = os.umask(request.param)
    yield
    os.umask(former)


def rights(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_every_file_of_a_ledger_is_private(tmp_path: Path, umask: None) -> None:
    """The ledger, its log, its index, the reserve, the lock of a run, and new folders."""
    folder = tmp_path / "state" / "importer"
    with contextlib.closing(new_ledger(folder)) as ledger:
        run = live_run(ledger, "A")
        names = {"ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "ledger.sqlite.reserve"}
        found = rights(folder)
        assert names < found.keys()
        assert any(name.endswith(".lock") for name in found)
        assert set(found.values()) == {0o600}
        ledger.end_run(run.id, 0)
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]


def test_a_new_ledger_is_private_at_every_moment(tmp_path: Path) -> None:
    """Its file is created with its final permissions: the test watches every call that opens or creates a file."""
    watches = f"""
import os, sys
os.umask(0)
sys.addaudithook(lambda event, args: event == "sqlite3.connect" and print(oct(os.stat({str(tmp_path / "l.sqlite")!r}).st_mode & 0o777)))
from importer.errors import LedgerError
from importer.ledger.store import Ledger
Ledger.create("sqlite:///{tmp_path}/l.sqlite").close()
"""
    done = subprocess.run(
        [sys.executable, "-c", watches], cwd=ROOT, check=True, capture_output=True, text=True, timeout=50
    )
    assert set(done.stdout.split()) == {"0o600"}


def test_permissions_of_other_users_are_removed_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The warning comes once. The permissions of an existing folder stay."""
    tmp_path.chmod(0o755)
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        live_run(ledger, "A")
        for path in tmp_path.glob("ledger.sqlite*"):
            path.chmod(0o644)
        with caplog.at_level(logging.WARNING, logger="importer"):
            for _ in range(2):
                reopened(tmp_path).close()
        found = rights(tmp_path)
        assert {found[f"ledger.sqlite{end}"] for end in ("", "-wal", "-shm")} == {0o600}
    messages = [record.getMessage() for record in caplog.records]
    assert [message.split("permissions ")[1][:3] for message in messages] == ["644"] * 3
    assert str(tmp_path / "ledger.sqlite") in messages[0]
    assert tmp_path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("opened", [Ledger.open, Ledger.create])
@pytest.mark.parametrize("kind", ["a folder", "a text", "another program's database"])
def test_what_is_no_ledger_keeps_its_permissions_and_content(tmp_path: Path, kind: str, opened) -> None:
    """A file or folder that was named by mistake is refused with its name."""
    other = tmp_path / "other"
    if kind == "a folder":
        other.mkdir()
    elif kind == "a text":
        other.write_text("ID,Subject\n" * 100, "utf-8")
    else:
        with contextlib.closing(sqlite3.connect(other)) as database:
            database.execute("create table bookmarks (address)")
    other.chmod(0o755)
    with pytest.raises(LedgerError, match=str(other)) as caught:
        opened(url_of(other))
    assert caught.value.hint
    assert other.stat().st_mode & 0o777 == 0o755
    if kind == "another program's database":
        with contextlib.closing(sqlite3.connect(other)) as database:
            assert database.execute("select name from sqlite_master").fetchall() == [("bookmarks",)]


def test_the_backup_before_an_upgrade_is_private(tmp_path: Path) -> None:
    """Even if the ledger itself was not."""
    ledger_of(2, tmp_path)
    (tmp_path / "ledger.sqlite").chmod(0o644)
    Ledger.open(url_of(tmp_path / "ledger.sqlite")).close()
    assert set(rights(tmp_path).values()) == {0o600}


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
def test_the_reserve_is_not_written_through_a_link(tmp_path: Path, link) -> None:
    """A linked file elsewhere keeps its content."""
    victim = tmp_path / "victim"
    victim.write_text("precious", "utf-8")
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        link(victim, tmp_path / "ledger.sqlite.reserve")
        live_run(ledger, "A")
    assert victim.read_text("utf-8") == "precious"


@pytest.mark.parametrize("ended", [True, False], ids=["ended", "killed"])
def test_the_log_is_emptied_when_a_run_ends_or_begins(tmp_path: Path, ended: bool) -> None:  # noqa: FBT001
    """Another process keeps the ledger open, so that closing it does not empty the log."""
    log = tmp_path / "ledger.sqlite-wal"
    with contextlib.closing(new_ledger(tmp_path)) as watcher, contextlib.closing(reopened(tmp_path)) as ledger:
        run = live_run(ledger, *(f"key {number}" for number in range(1_000)))
        assert watcher.states(run.account, run.source, ["key 1"])
        assert log.stat().st_size > 0
        if ended:
            ledger.end_run(run.id, 0)
        else:
            with contextlib.closing(reopened(tmp_path)) as second:
                before = log.stat().st_size
                second.begin_run(new_run("other"))
                assert log.stat().st_size < before / 2
            return
        assert log.stat().st_size == 0
        copy = tmp_path / "copy"
        copy.mkdir()
        (copy / "ledger.sqlite").write_bytes((tmp_path / "ledger.sqlite").read_bytes())
        assert query(copy, "select count(*) from tickets") == [(1_000,)]
