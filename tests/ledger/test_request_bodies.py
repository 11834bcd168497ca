"""Bodies of requests are erased with their row's outcome; only unknown rows keep theirs, for `resolve`."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from pathlib import Path

import pytest

from importer.leadsquared.documented_fields import lead_of
from importer.leadsquared.ticket_request import ticket_json
from importer.ledger.records import Intent, Outcome, RowFinding, RowFromResults, RunInfo
from importer.ledger.store import Ledger
from importer.ledger.unanswered_requests import record_findings, unanswered_requests
from importer.models import Ticket, TicketIds
from tests.ledger.ledgers import IDS, created, live_run, query, url_of
from tests.ledger.test_migrations import backups, ledger_of


def body_of(key: str) -> str:
    return ticket_json(Ticket(fields=(("Title", f"Title of {key}"), ("Description", f"Text of {key} " * 500))))


def sent(ledger: Ledger, run: RunInfo, *keys: str) -> None:
    ledger.commit(run, [Intent(key=key, content="", request=body_of(key), title=f"Title of {key}") for key in keys])


def unclear(key: str) -> Outcome:
    return Outcome(key=key, state="unknown", outcome="unclear", error_code="no-answer", error="the server closed")


def bodies(folder: Path, key: str) -> list[str]:
    """Return the bodies of a row's requests, in their order; look-ups have none."""
    sql = "select request from attempts join tickets on tickets.id = ticket where key = ? and coalesce(outcome, '') != 'found' order by attempts.id"
    return [str(body) for (body,) in query(folder, sql, key)]


settling = pytest.mark.parametrize(
    "outcome",
    [
        created("A"),
        Outcome(key="A", state="failed", outcome="refused", error_code="refused", error="no", http_status=400),
        Outcome(key="A", state="pending", outcome="throttled", http_status=429, counted=False),
    ],
    ids=["created", "failed", "pending"],
)


@settling
def test_a_settled_row_loses_its_body_in_the_same_commit(ledger: Ledger, tmp_path: Path, outcome: Outcome) -> None:
    """Other rows of the commit keep theirs, and so does an unknown one."""
    run = live_run(ledger, "A", "B", "C")
    sent(ledger, run, "A", "B", "C")
    assert bodies(tmp_path, "A") == [body_of("A")]
    ledger.commit(run, [outcome, unclear("B")])
    assert [bodies(tmp_path, key) for key in "ABC"] == [[""], [body_of("B")], [body_of("C")]]


@settling
def test_settling_a_resent_row_erases_all_its_bodies(ledger: Ledger, tmp_path: Path, outcome: Outcome) -> None:
    """Until then the first one is needed: its ticket may exist."""
    run = live_run(ledger, "A")
    sent(ledger, run, "A")
    ledger.commit(run, [unclear("A")])
    sent(ledger, run, "A")
    assert bodies(tmp_path, "A") == [body_of("A")] * 2
    ledger.commit(run, [outcome])
    assert bodies(tmp_path, "A") == ["", ""]


def test_a_late_answer_keeps_the_body_of_the_other_runs_request(ledger: Ledger, other: Ledger, tmp_path: Path) -> None:
    """The late answer settles its own request; the other run's request has no answer yet."""
    late = live_run(ledger, "A")
    sent(ledger, late, "A")
    query(tmp_path, "update runs set lease_until = 0 where id = ?", late.id)
    now = live_run(other, "A")
    sent(other, now, "A")
    ledger.commit(late, [created("A")])
    assert bodies(tmp_path, "A") == ["", body_of("A")]
    other.commit(now, [created("A")])
    assert bodies(tmp_path, "A") == ["", ""]


@pytest.mark.parametrize(
    ("finding", "left"),
    [
        (RowFinding(key="A", state="created", outcome="found", ids=IDS), ""),
        (RowFinding(key="A", state="pending", outcome="set-pending"), ""),
        (RowFinding(key="A", state="unknown", outcome="not-found", error_code="not-found"), body_of("A")),
    ],
    ids=["found", "set", "not found"],
)
def test_resolve_erases_the_body_of_a_row_that_it_settles(
    ledger: Ledger, tmp_path: Path, finding: RowFinding, left: str
) -> None:
    """A row that stays unknown can be looked for again."""
    run = live_run(ledger, "A")
    sent(ledger, run, "A")
    ledger.commit(run, [unclear("A")])
    record_findings(ledger, run, [finding])
    assert bodies(tmp_path, "A")[0] == left
    left_open = unanswered_requests(ledger, "tenant")
    if finding.state == "pending":
        (request,) = left_open
        assert (request.request, request.title_hash) == ("", ledger.keyed_hash.hex("Title of A"))


def test_adding_a_ticket_from_results_erases_its_body(ledger: Ledger, tmp_path: Path) -> None:
    """`rerun` adds rows that were settled elsewhere."""
    run = live_run(ledger, "A", "B")
    sent(ledger, run, "A", "B")
    ledger.commit(run, [unclear("A"), unclear("B")])
    known = RowFromResults(
        key="A",
        manifest_row=2,
        state="created",
        ids=TicketIds(number="160"),
        error_code="",
        error="",
        attempts=1,
        finished_at="2026-03-01T09:30:00Z",
        run="old-helpdesk.20260301T093000Z.f87c39",
    )
    ledger.add_from_results(run, [known])
    assert [bodies(tmp_path, key) for key in "AB"] == [[""], [body_of("B")]]


def found_in(folder: Path, text: str) -> set[str]:
    """Return the ledger's files, without backups, that contain a text."""
    files = [path for path in folder.glob("ledger.sqlite*") if "backup" not in path.name]
    return {path.name for path in files if text.encode() in path.read_bytes()}


def with_remains(folder: Path) -> None:
    """Return a ledger of version 2 whose free pages contain a text that was erased but not overwritten."""
    ledger_of(2, folder)
    with contextlib.closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as db:
        db.execute("pragma secure_delete = off")
        for text in ("Title of remains" * 400, '{"Fields": []}'):
            db.execute("update attempts set request = ? where id = 1", [text])
    assert found_in(folder, "Title of remains")


@pytest.mark.parametrize("key", ["failed", "by lead id", "found", "retried"])
def test_an_upgrade_erases_the_bodies_of_settled_rows(tmp_path: Path, key: str) -> None:
    """Not a byte of them stays in its files, nor of texts that an older program erased without overwriting."""
    with_remains(tmp_path)
    Ledger.open(url_of(tmp_path / "ledger.sqlite")).close()
    assert found_in(tmp_path, f"Title of {key}") == set()
    assert found_in(tmp_path, "Title of remains") == set()
    assert set(bodies(tmp_path, key)) == {""}


def test_an_upgrade_keeps_the_bodies_of_unknown_rows(tmp_path: Path) -> None:
    """`resolve` needs them, also for the row that a killed run had sent."""
    ledger_of(2, tmp_path)
    before = {key: bodies(tmp_path, key) for key in ("unknown", "under way")}
    with contextlib.closing(Ledger.open(url_of(tmp_path / "ledger.sqlite"))) as ledger:
        assert {key: bodies(tmp_path, key) for key in before} == before
        assert {each.key for each in unanswered_requests(ledger, "tenant") if each.request} >= before.keys()


def test_an_upgrade_adds_the_hashes_of_sent_rows(tmp_path: Path) -> None:
    """Those of each row's last body; a row that was never sent has none."""
    ledger_of(2, tmp_path)
    with contextlib.closing(Ledger.open(url_of(tmp_path / "ledger.sqlite"))) as ledger:
        hashed = ledger.keyed_hash.hex
    found = {str(row[0]): row[1:] for row in query(tmp_path, "select key, title_hash, lead_hash from tickets")}
    titles = {key: hashed(f"Title of {key} – ü😀") for key in found if key != "pending"}
    assert {key: title for key, (title, _) in found.items()} == {**titles, "pending": ""}
    mail = Ticket(fields=(("LeadDetail.EmailAddress", "made@example.com"), ("LeadDetail.Phone", "+491701234567")))
    assert found["made"][1] == hashed(lead_of(mail))
    assert found["by lead id"][1] == hashed("5af882cc-0000-4000-8000-0000000000aa")
    sql = "select title_hash from attempts join tickets on tickets.id = ticket where key = 'retried' and request = ''"
    assert query(tmp_path, sql.replace("title_hash", "attempts.title_hash")) == [(titles["retried"],)] * 2


def test_the_upgrade_names_its_backup_with_the_texts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It stays, readable by its owner only, until the user removes it."""
    ledger_of(2, tmp_path)
    with caplog.at_level(logging.WARNING, logger="importer"):
        Ledger.open(url_of(tmp_path / "ledger.sqlite")).close()
    (backup,) = backups(tmp_path)
    assert b"Title of made" in backup.read_bytes()
    assert backup.stat().st_mode & 0o777 == 0o600
    (message,) = [text for text in caplog.messages if str(backup) in text]
    assert "remove that file" in message


def test_a_ledger_that_could_not_be_compacted_is_compacted_at_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While another program reads the ledger, it is used without compaction, with a warning."""
    with_remains(tmp_path)
    query(tmp_path, "pragma journal_mode = wal")
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as reader:
        reader.execute("begin")
        reader.execute("select * from tickets").fetchone()
        Ledger.open(url_of(tmp_path / "ledger.sqlite")).close()
        assert "the next start tries again" in caplog.text
    caplog.clear()
    Ledger.open(url_of(tmp_path / "ledger.sqlite")).close()
    assert found_in(tmp_path, "Title of remains") == set()
    assert query(tmp_path, "select * from ledger_meta where name = 'compact'") == []
    assert caplog.text == ""
