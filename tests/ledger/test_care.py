"""`ledger info`, `check`, `prune` and `move`: what they show, find, delete and carry over, in a file and on a server."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from pathlib import Path

import pytest

from importer.errors import LedgerError, UsageError
from importer.ledger import moving, opening, schema
from importer.ledger.backup import back_up
from importer.ledger.consistency import LedgerCheck, check_ledger
from importer.ledger.figures import figures
from importer.ledger.moving import move_ledger
from importer.ledger.records import Outcome, Rejection
from importer.ledger.store import Ledger
from importer.models import Rate
from importer.rate_limit import slot_records
from importer.rate_limit.adaptive_share import AdaptiveShare
from importer.rate_limit.pool_text import on_another_clock, pool_from_text, pool_to_text
from importer.rate_limit.slots import SlotPool, SlotRequest
from tests.ledger.ledgers import address, created, expire_lease, intent, live_run, new_run, query, url_of, use_server
from tests.ledger.test_migrations import ledger_of
from tests.postgres.databases import empty_ledger, new_database


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


@pytest.fixture(params=["file to server", "server to file", "file to file"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The addresses of a ledger, and of an empty place to move it to."""
    source, target = request.param.split(" to ")
    if source == "server":
        use_server(tmp_path, empty_ledger())
    else:
        Ledger.create(address(tmp_path)).close()
    return address(tmp_path), new_database() if target == "server" else url_of(tmp_path / "new.sqlite")


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of a ledger, but the slots, whose times are of another clock."""
    with opening.looking(url) as (db, _):
        tables = [table for table in schema.metadata.sorted_tables if table.name not in ("quotas", "alembic_version")]
        return {table.name: sorted(map(tuple, db.execute(table.select())), key=repr) for table in tables}


def test_a_moved_ledger_has_every_row_and_goes_on_with_its_numbers(places: tuple[str, str], tmp_path: Path) -> None:
    """The former one is refused, with the new place in the message."""
    source, target = places
    with contextlib.closing(Ledger.open(source)) as ledger:
        used(ledger)
        hashed = ledger.keyed_hash("title")
    before = contents(source)
    moved = move_ledger(source, target, on_another_clock, print)
    assert contents(target) == before
    assert moved.tables["tickets"] == 3
    for command in (Ledger.open, Ledger.create, figures, lambda url: back_up(url, tmp_path / "copy")):
        with pytest.raises(LedgerError, match="was moved to") as caught:
            command(source)
        assert moved.target in caught.value.message
        if source.startswith("postgresql"):
            break  # it can't be backed up
    with contextlib.closing(Ledger.open(target)) as ledger:
        assert ledger.keyed_hash("title") == hashed
        run = live_run(ledger, "E")
        ledger.commit(run, [intent("E")])
    assert not check_ledger(target, lambda text: pool_from_text(text, 0.0, 0.0)).problems
    with pytest.raises(LedgerError, match="was moved to"):
        move_ledger(source, target, on_another_clock, print)


def test_a_ledger_is_not_moved_while_a_run_is_active(places: tuple[str, str], tmp_path: Path) -> None:
    """A run that was killed is ended first: its requests in flight are unknown in the new ledger."""
    source, target = places
    with contextlib.closing(Ledger.open(source)) as ledger:
        run = live_run(ledger, "A")
        ledger.commit(run, [intent("A")])
        with pytest.raises(LedgerError, match=f"can't be moved, but run {run.id}"):
            move_ledger(source, target, on_another_clock, print)
        assert not opening.exists(target)
    expire_lease(tmp_path, run)
    move_ledger(source, target, on_another_clock, print)
    assert figures(target).accounts == {"tenant": {"unknown": 1}}
    assert figures(target).running == 0


def test_a_run_that_opened_the_ledger_before_the_move_can_not_begin(places: tuple[str, str]) -> None:
    """It would send rows with the former ledger."""
    source, target = places
    with contextlib.closing(Ledger.open(source)) as ledger:
        move_ledger(source, target, on_another_clock, print)
        with pytest.raises(LedgerError, match="was moved to"):
            ledger.begin_run(new_run())


@pytest.mark.parametrize("commits", [0, 1, 2])
def test_a_move_that_breaks_off_is_repeated(
    places: tuple[str, str], monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    """Before its mark is written, the former ledger is the right one; there is never a time when both can be used."""
    source, target = places
    with contextlib.closing(Ledger.open(source)) as ledger:
        used(ledger)
    before = contents(source)
    place = ("_set_sequences", "_mark", "_arrived")[commits]

    def fail(*_: object) -> None:
        raise OSError("cut off")

    with monkeypatch.context() as patched:
        patched.setattr(moving, place, fail)
        with pytest.raises(Exception, match="cut off"):
            move_ledger(source, target, on_another_clock, print)
    if commits:
        with pytest.raises(LedgerError, match=r"not complete.*move from"):
            Ledger.open(target)
    if commits < 2:
        assert contents(source) == before
    else:
        with pytest.raises(LedgerError, match="was moved to"):
            Ledger.open(source)
    move_ledger(source, target, on_another_clock, print)
    assert contents(target) == before


def test_an_existing_ledger_is_never_replaced(places: tuple[str, str], tmp_path: Path) -> None:
    """Nor another file; and the former ledger can be used as before."""
    source, target = places
    Ledger.create(target).close()
    for other in (source, target):
        with pytest.raises(UsageError, match="already"):
            move_ledger(source, other, on_another_clock, print)
    (tmp_path / "notes.txt").write_text("precious", "utf-8")
    with pytest.raises(UsageError, match="exists already"):
        move_ledger(source, url_of(tmp_path / "notes.txt"), on_another_clock, print)
    assert (tmp_path / "notes.txt").read_text("utf-8") == "precious"
    Ledger.open(source).close()


def test_slots_keep_their_times_on_another_clock() -> None:
    """A call of a second ago counts as one of a second ago, and a pause lasts as long; else all slots were just used."""
    pool = SlotPool(last_at=99.0, paused_until=130.0, share=AdaptiveShare(7.0, 90.0))
    pool.slots.grow(2)
    pool.slots.move(pool.slots[0], 99.0, "run")
    moved = pool_from_text(on_another_clock(pool_to_text(pool), 100.0, 5000.0), 5000.0, 60.0)
    assert [slot.used_at for slot in moved.slots] == [-math.inf, 4999.0]
    assert (moved.last_at, moved.paused_until, moved.share.since) == (4999.0, 5030.0, 4990.0)
    unknown = pool_from_text(on_another_clock(pool_to_text(pool), None, 5000.0), 5000.0, 60.0)
    assert [slot.used_at for slot in unknown.slots] == [5000.0, 5000.0]


def test_a_copy_that_differs_is_no_move(tmp_path: Path) -> None:
    """PostgreSQL can't store NUL: the key would be another one, and its row would be sent again."""
    source, target = address(tmp_path), new_database()
    with contextlib.closing(Ledger.create(source)) as ledger:
        used(ledger)
    query(tmp_path, "update tickets set key = 'A' || char(0) where key = 'A'")
    with pytest.raises(LedgerError, match="the copy of tickets differs from the ledger") as caught:
        move_ledger(source, target, on_another_clock, print)
    assert "NUL" in caught.value.hint
    assert not opening.exists(target)
    Ledger.open(source).close()


def test_check_finds_a_sequence_that_is_behind(tmp_path: Path) -> None:
    """As after a restore without sequences: the next request would get the number of another one."""
    use_server(tmp_path, empty_ledger())
    with contextlib.closing(Ledger.open(address(tmp_path))) as ledger:
        used(ledger)
    query(tmp_path, "select setval('attempts_id_seq', 1)")
    (found,) = checked(tmp_path).problems
    assert found == "the sequence of attempts.id is at 1, and the greatest number is 3"
