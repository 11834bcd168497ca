"""Upgrades of older ledgers: step by step, with a backup, or not at all."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from importer.errors import LedgerError
from importer.ledger import migrations, schema
from importer.ledger.database import make_engine, translated_errors
from importer.ledger.history import past_runs
from importer.ledger.store import Ledger
from importer.models import Rate
from importer.rate_limit import Booking, SlotRequest
from importer.rate_limit.slot_records import slot_records
from tests.ledger.ledgers import IDS, created, entry, intent, live_run, new_ledger, new_run, query, url_of

ROOT = Path(__file__).parents[2]
OLD = schema.SCHEMA_VERSION  # with two columns fewer than this version
NEW = OLD + 2
MIGRATES = """
import sys
from pathlib import Path
from tests.ledger.test_migrations import INVENTED, upgrade
upgrade(Path(sys.argv[1]), INVENTED)
"""
ADDS_A_COLUMN = "op.add_column('runs', sa.Column('key_field', sa.Text))"
CHANGES_A_ROW = """
    op.add_column("attempts", sa.Column("wait_s", sa.Float))
    op.execute("update tickets set error = 'by the last revision' where key = 'B'")
"""
BREAKS_OFF = f"{CHANGES_A_ROW}    raise OSError('the power is cut')"
INVENTED = {OLD + 1: ADDS_A_COLUMN, NEW: CHANGES_A_ROW}


def older_ledger(folder: Path) -> None:
    """Return a ledger of an older program: a created ticket, a row to send, two columns fewer."""
    with contextlib.closing(new_ledger(folder)) as ledger:
        run = live_run(ledger, "A", "B")
        ledger.commit(run, [intent("A")])
        ledger.commit(run, [created("A")])
        ledger.end_run(run.id, 1)
    query(folder, "alter table runs drop column key_field")
    query(folder, "alter table attempts drop column wait_s")
    set_version(folder, OLD)


def set_version(folder: Path, version: object) -> None:
    query(folder, "update ledger_meta set value = ? where name = 'schema_version'", str(version))


def version_of(folder: Path) -> int:
    return int(str(query(folder, "select value from ledger_meta where name = 'schema_version'")[0][0]))


def revisions(folder: Path, upgrades: Mapping[int, str]) -> Path:
    """Return a folder of revisions, each named by its version, with the code of its upgrade."""
    of_these = folder / f"revisions-{len(list(folder.glob('revisions-*')))}-{os.getpid()}"
    of_these.mkdir()
    for version, upgrade in upgrades.items():
        text = f"import sqlalchemy as sa\nfrom alembic import op\nrevision = '{version}'\ndown_revision = '{version - 1}'\n"
        (of_these / f"version_{version}.py").write_text(f"{text}def upgrade():\n    {upgrade.strip()}\n", "utf-8")
    return of_these


def upgrade(folder: Path, upgrades: Mapping[int, str]) -> None:
    path = folder / "ledger.sqlite"
    engine = make_engine(url_of(path))
    try:
        with translated_errors(url_of(path)):
            migrations.check_or_upgrade(engine, path, NEW, [revisions(folder, upgrades)])
    finally:
        engine.dispose()


def backups(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if "backup" in path.name)


def columns(path: Path, table: str) -> set[str]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return {row[1] for row in db.execute(f"pragma table_info({table})")}


def test_an_older_ledger_is_upgraded_step_by_step(tmp_path: Path) -> None:
    """Each step runs once, in order; then this program works with it, and all its contents stay."""
    older_ledger(tmp_path)
    upgrade(tmp_path, INVENTED)
    assert version_of(tmp_path) == NEW
    upgrade(tmp_path, INVENTED)  # nothing to do
    set_version(tmp_path, OLD)  # with all its columns it is this program's version
    with contextlib.closing(Ledger.open(url_of(tmp_path / "ledger.sqlite"))) as ledger:
        run = live_run(ledger, "A", "B")
        assert entry(ledger, run, "A").state == "created"
        assert entry(ledger, run, "B").error == "by the last revision"
        ledger.commit(run, [intent("B")])
        ledger.commit(run, [created("B")])


def test_the_upgrade_keeps_a_backup(tmp_path: Path) -> None:
    """The backup is a whole database of the version before; an older backup is not overwritten."""
    older_ledger(tmp_path)
    upgrade(tmp_path, INVENTED)
    (backup,) = backups(tmp_path)
    assert f"version-{OLD}" in backup.name
    assert "wait_s" not in columns(backup, "attempts")
    with contextlib.closing(sqlite3.connect(backup)) as db:
        assert db.execute("select key, state from tickets order by key").fetchall() == [
            ("A", "created"),
            ("B", "pending"),
        ]
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    before = backup.read_bytes()
    set_version(tmp_path, OLD)
    with pytest.raises(LedgerError, match="duplicate column"):
        upgrade(tmp_path, INVENTED)
    assert backup.read_bytes() == before


def test_an_interrupted_step_changes_nothing(tmp_path: Path) -> None:
    """Each step and its version number are one transaction: the next start continues there."""
    older_ledger(tmp_path)
    with pytest.raises(LedgerError, match="the power is cut"):
        upgrade(tmp_path, {**INVENTED, NEW: BREAKS_OFF})
    assert version_of(tmp_path) == OLD + 1
    assert "key_field" in columns(tmp_path / "ledger.sqlite", "runs")
    assert "wait_s" not in columns(tmp_path / "ledger.sqlite", "attempts")
    upgrade(tmp_path, INVENTED)
    assert version_of(tmp_path) == NEW
    assert len(backups(tmp_path)) == 2


def test_processes_that_open_it_at_once_do_each_step_once(tmp_path: Path) -> None:
    """A second `alter table` would fail: later processes find the step done."""
    older_ledger(tmp_path)
    command = [sys.executable, "-c", MIGRATES, str(tmp_path)]
    processes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    errors = [process.communicate(timeout=40)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], errors
    assert version_of(tmp_path) == NEW
    # A process that starts between two steps keeps a backup of that version, too.
    assert f"ledger.sqlite.version-{OLD}.backup" in {backup.name for backup in backups(tmp_path)}


def test_a_ledger_that_an_older_program_is_using_is_not_changed(tmp_path: Path) -> None:
    """While a run of the older version is live, its tables stay unchanged."""
    older_ledger(tmp_path)
    upgrade(tmp_path, INVENTED)
    set_version(tmp_path, OLD)
    with contextlib.closing(Ledger.open(url_of(tmp_path / "ledger.sqlite"))) as ledger:
        run = new_run()
        ledger.begin_run(run)
        query(tmp_path, "alter table attempts drop column wait_s")
        set_version(tmp_path, OLD + 1)
        with pytest.raises(LedgerError, match=f"must be upgraded, but run {run.id} still uses it") as caught:
            upgrade(tmp_path, INVENTED)
        assert "wait until that run has ended" in caught.value.hint
        ledger.end_run(run.id, 0)
    upgrade(tmp_path, INVENTED)
    assert version_of(tmp_path) == NEW


def test_a_version_without_an_upgrade_is_refused_unchanged(tmp_path: Path) -> None:
    """Too old for this program: the error comes before any change, with a hint."""
    older_ledger(tmp_path)
    with pytest.raises(LedgerError, match=f"no upgrade from there to version {OLD + 1}") as caught:
        upgrade(tmp_path, {})
    assert caught.value.hint
    assert version_of(tmp_path) == OLD
    assert backups(tmp_path) == []


@pytest.mark.parametrize("version", [NEW + 1, "one", ""])
def test_a_newer_or_missing_version_is_refused(tmp_path: Path, version: object) -> None:
    """A ledger of a newer program, or without a version, stays unchanged."""
    older_ledger(tmp_path)
    set_version(tmp_path, version)
    with pytest.raises(LedgerError, match="schema version") as caught:
        upgrade(tmp_path, INVENTED)
    assert caught.value.exit_code == 2
    assert backups(tmp_path) == []


def ledger_of(version: int, folder: Path) -> None:
    """Return a ledger as the program of this schema version wrote it; its last run was killed."""
    with contextlib.closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        db.executescript((Path(__file__).parent / f"version_{version}.sql").read_text("utf-8"))


def structure(folder: Path) -> dict[str, set[tuple[object, ...]]]:
    """Return every table's columns (name, type, nullability, default, primary key position), references and indexes."""
    tables = [str(name) for (name,) in query(folder, "select name from sqlite_master where type = 'table'")]
    found: dict[str, set[tuple[object, ...]]] = {}
    for table in tables:
        found[table] = {tuple(row[1:]) for row in query(folder, f"pragma table_info({table})")}
        found[table] |= {("references", *row[2:]) for row in query(folder, f"pragma foreign_key_list({table})")}
        for _, name, unique, origin, partial in query(folder, f"pragma index_list({table})"):
            of_these = tuple(row[2] for row in query(folder, f"pragma index_info({name})"))
            found[table].add(("index", name, unique, origin, partial, *of_these))
    return found


@pytest.mark.parametrize(("version", "rows"), [(1, [2, 5, 4, 0]), (2, [2, 9, 11, 1]), (4, [2, 6, 6, 1])])
def test_an_upgrade_keeps_all_rows(tmp_path: Path, version: int, rows: list[int]) -> None:
    """Tickets, attempts and runs stay the same, and the backup is a ledger of the older version.

    Another test checks the bodies of requests.
    """
    ledger_of(version, tmp_path)
    tables = ("runs", "tickets", "attempts", "rejections")
    known = {table: ", ".join(sorted(columns(tmp_path / "ledger.sqlite", table) - {"request"})) for table in tables}
    before = {table: query(tmp_path, f"select {known[table]} from {table}") for table in tables}
    assert [len(rows) for rows in before.values()] == rows
    with contextlib.closing(Ledger.open(url_of(tmp_path / "ledger.sqlite"))):
        assert {table: query(tmp_path, f"select {known[table]} from {table}") for table in tables} == before
    assert version_of(tmp_path) == schema.SCHEMA_VERSION
    (backup,) = backups(tmp_path)
    assert f"version-{version}" in backup.name
    assert columns(backup, "tickets")
    assert bool(columns(backup, "exports")) == (version > 2)
    assert "operation" not in columns(backup, "attempts")
    assert set(query(tmp_path, "select operation from attempts")) == {("create",)}


@pytest.mark.parametrize("version", [1, 2, 4])
def test_an_upgraded_ledger_has_the_structure_of_a_new_one(tmp_path: Path, version: int) -> None:
    """The revisions give the same tables, columns and indexes as the schema."""
    (new := tmp_path / "new").mkdir()
    new_ledger(new).close()
    ledger_of(version, tmp_path)
    Ledger.open(url_of(tmp_path / "ledger.sqlite")).close()
    assert structure(tmp_path) == structure(new)


def test_a_ledger_of_version_1_can_be_used_after_the_upgrade(tmp_path: Path) -> None:
    """The killed run's row is unknown, no ticket is created again, other rows are sent, and calls are counted."""
    ledger_of(1, tmp_path)
    with contextlib.closing(Ledger.open(url_of(tmp_path / "ledger.sqlite"))) as ledger:
        run = live_run(ledger, "failed", "pending")
        states = {key: entry(ledger, run, key).state for key in ("made", "failed", "unknown", "pending", "under way")}
        assert states == {
            "made": "created",
            "failed": "failed",
            "unknown": "unknown",
            "pending": "pending",
            "under way": "unknown",
        }
        assert entry(ledger, run, "made").ids == IDS
        ledger.commit(run, [intent("pending")])
        ledger.commit(run, [created("pending")])
        assert entry(ledger, run, "pending").state == "created"
        with contextlib.closing(slot_records(ledger, "tenant")) as record:
            asks = SlotRequest(run=run.id, rate=Rate(5, 5.0), margin_s=0.1, ceiling=5)
            pool, (booking,) = record.change([lambda pool, now: pool.book(asks, now)])
        assert isinstance(booking, Booking)
        assert pool.calls_last_day == 1
        ledger.end_run(run.id, 0)


def test_what_a_run_of_an_older_version_did_is_estimated_from_its_requests(tmp_path: Path) -> None:
    """It has no record of the states at its end; a killed run's request in flight is unconfirmed."""
    ledger_of(4, tmp_path)
    with contextlib.closing(Ledger.open(url_of(tmp_path / "ledger.sqlite"))) as ledger:
        runs = {run.exit_code: run for run in past_runs(ledger)}
    assert runs[1].did == {"created": 1, "failed": 1, "pending": 1, "unknown": 1, "rejected": 1}
    assert runs[None].did == {"created": 1, "unknown": 1}
    assert [runs[code].unconfirmed for code in (1, None)] == [0, 1]


def test_every_version_has_a_revision() -> None:
    """The revisions lead from version 1 to the version of ``schema``; a new ledger is at their end."""
    folder = migrations.REVISIONS / "versions"
    lines = [
        re.search(r'^revision = "(\d+)"\ndown_revision = "?(\w+)"?$', path.read_text("utf-8"), re.MULTILINE)
        for path in folder.glob("version_*.py")
    ]
    found = sorted((int(line[1]), line[2]) for line in lines if line)
    assert found == [(1, "None"), *((to, str(to - 1)) for to in range(2, schema.SCHEMA_VERSION + 1))]


def test_a_new_ledger_is_at_the_last_revision_of_alembic(tmp_path: Path) -> None:
    """Alembic's version equals the ledger's, in a new ledger and in an upgraded one."""
    (new := tmp_path / "new").mkdir()
    new_ledger(new).close()
    ledger_of(1, tmp_path)
    Ledger.open(url_of(tmp_path / "ledger.sqlite")).close()
    for folder in (new, tmp_path):
        assert query(folder, "select version_num from alembic_version") == [(str(schema.SCHEMA_VERSION),)]


def test_alembic_is_loaded_only_for_an_older_ledger(tmp_path: Path) -> None:
    """Loading Alembic takes longer than opening a ledger, so a current ledger is opened without it."""
    new_ledger(tmp_path).close()
    opens = f"from importer.ledger.store import Ledger; Ledger.open({url_of(tmp_path / 'ledger.sqlite')!r}).close()"
    command = [sys.executable, "-c", f"import sys; {opens}; print('alembic' in sys.modules)"]

    def loaded() -> str:
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=40).stdout.strip()

    assert loaded() == "False"
    (tmp_path / "ledger.sqlite").unlink()
    ledger_of(1, tmp_path)
    assert loaded() == "True"


def test_each_ledger_has_its_own_secret(tmp_path: Path) -> None:
    """It is created once, with the ledger or by the upgrade, and stays."""
    secrets = set()
    for name, make in (("one", new_ledger), ("two", new_ledger), ("old", functools.partial(ledger_of, 2))):
        (folder := tmp_path / name).mkdir()
        if (ledger := make(folder)) is not None:
            ledger.close()
        for _ in range(2):
            Ledger.open(url_of(folder / "ledger.sqlite")).close()
            ((secret,),) = query(folder, "select value from ledger_meta where name = 'secret'")
            secrets.add(str(secret))
    assert [len(bytes.fromhex(secret)) for secret in secrets] == [32, 32, 32]
