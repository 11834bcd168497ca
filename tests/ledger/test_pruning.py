"""`ledger prune`: what it deletes of old runs, and what it never deletes."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.ledger import pruning
from importer.ledger.history import past_run, past_runs, rows_of
from importer.ledger.pruning import count_prunable, prune
from importer.ledger.records import Outcome, Rejection, RunInfo, utc_before
from importer.ledger.results_runs import record_row_count
from importer.ledger.store import Ledger
from importer.ledger.unanswered_requests import unanswered_requests
from tests.ledger.ledgers import created, intent, live_run, query
from tests.ledger.test_care import checked, failed, unclear

DAY_S = 86_400.0


def sent(ledger: Ledger, *outcomes: Outcome, account: str = "tenant", rejects: str = "R") -> RunInfo:
    """Let a run send rows with these outcomes and reject one, and end it."""
    run = live_run(ledger, *(each.key for each in outcomes), account=account)
    ledger.commit(run, [intent(each.key) for each in outcomes])
    ledger.commit(run, outcomes)
    ledger.reject(run.id, [Rejection(manifest_row=99, key=rejects, code="required", error="empty", hint="fill it")])
    record_row_count(ledger, run.id, len(outcomes) + 1)
    ledger.end_run(run.id, 1)
    return run


def made_old(folder: Path, *runs: RunInfo) -> None:
    """Let runs have ended in 2020, with all that they did."""
    for run in runs:
        query(folder, "update runs set started_at = '2020-01-01T00:00:00Z' where id = ?", run.id)
        query(folder, "update runs set ended_at = '2020-01-01T00:00:10Z' where id = ?", run.id)
        query(folder, "update tickets set finished_at = '2020-01-01T00:00:05Z' where run = ?", run.id)


def numbers(folder: Path, sql: str) -> list[object]:
    return [row[0] for row in query(folder, sql)]


def test_old_requests_and_rejections_go_and_rows_stay(ledger: Ledger, tmp_path: Path) -> None:
    """Keys, states and numbers are as before; the next run sends none of the rows."""
    old = sent(ledger, created("A"), failed("B"))
    new = sent(ledger, created("C"), failed("D"), rejects="S")
    made_old(tmp_path, old)
    rows = query(
        tmp_path, "select key, state, number, ticket_id, ticket_key, error_code, content from tickets order by id"
    )
    expected = count_prunable(ledger, 90 * DAY_S)
    assert (expected.requests, expected.rejections, expected.texts, expected.unknown) == (2, 1, 1, 0)
    assert numbers(tmp_path, "select count(*) from attempts") == [4], "counting deletes nothing"
    assert prune(ledger, expected.before) == expected
    assert rows == query(
        tmp_path, "select key, state, number, ticket_id, ticket_key, error_code, content from tickets order by id"
    )
    assert set(numbers(tmp_path, "select run from attempts union select run from rejections")) == {new.id}
    assert numbers(tmp_path, "select key from tickets where error != ''") == ["D"]
    assert numbers(tmp_path, "select value from ledger_meta where name = 'pruned_to'") == ["2"]
    assert not prune(ledger, utc_before(90 * DAY_S)).requests
    assert not checked(tmp_path).problems


def test_history_keeps_what_pruned_runs_did(ledger: Ledger, tmp_path: Path) -> None:
    """Their rows can't be listed any more; the other runs are as before."""
    old = sent(ledger, created("A"), failed("B"))
    new = sent(ledger, created("C"))
    made_old(tmp_path, old)
    before = past_runs(ledger)
    prune(ledger, utc_before(90 * DAY_S))
    assert past_runs(ledger)[0] == before[0]
    pruned = past_run(ledger, old.id)
    assert pruned.pruned
    assert (pruned.did, pruned.states) == (before[1].did, {})
    assert pruned.did == {"created": 1, "failed": 1, "rejected": 1}
    assert not list(rows_of(ledger, old.id))
    assert not past_run(ledger, new.id).pruned


def test_what_resolve_needs_stays(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """These are requests without a clear answer, also of rows that are settled, and those around an unknown row."""
    monkeypatch.setattr(pruning, "_KEPT_BEFORE_UNKNOWN", 2)
    first = sent(ledger, *(created(key) for key in "ABCDE"))
    second = sent(ledger, unclear("F"), created("G"))
    again = live_run(ledger, "H")
    ledger.commit(again, [intent("H")])
    ledger.commit(again, [unclear("H"), intent("H")])
    ledger.commit(again, [created("H")])
    ledger.end_run(again.id, 0)
    other = sent(ledger, created("I"), created("J"), account="other")
    made_old(tmp_path, first, second, again, other)
    open_before = unanswered_requests(ledger, "tenant")
    done = prune(ledger, utc_before(90 * DAY_S))
    assert done.unknown == 1
    kept = numbers(tmp_path, "select key from attempts join tickets on tickets.id = ticket order by attempts.id")
    assert kept == ["C", "D", "E", "F", "G", "H", "H", "J"], "J is the last request of all"
    assert [each.attempt for each in unanswered_requests(ledger, "tenant")] == [each.attempt for each in open_before]
    assert numbers(tmp_path, "select error from tickets where key = 'F'") == ["cut off"]


def test_the_numbers_of_requests_go_on(ledger: Ledger, tmp_path: Path) -> None:
    """The last request stays: an order by numbers would be wrong if a number was given twice."""
    made_old(tmp_path, sent(ledger, created("A"), created("B")))
    prune(ledger, utc_before(DAY_S))
    assert numbers(tmp_path, "select id from attempts") == [2]
    sent(ledger, created("C"))
    assert numbers(tmp_path, "select id from attempts order by id") == [2, 3]


def test_the_last_rejections_of_a_source_stay(ledger: Ledger, tmp_path: Path) -> None:
    """The next run tells by them which rows newly fail."""
    first, last = sent(ledger, created("A")), sent(ledger, created("B"))
    made_old(tmp_path, first, last)
    query(
        tmp_path,
        "update runs set started_at = '2020-02-02T00:00:00Z', ended_at = '2020-02-02T00:00:00Z' where id = ?",
        last.id,
    )
    prune(ledger, utc_before(DAY_S))
    assert numbers(tmp_path, "select run from rejections") == [last.id]


def test_runs_go_on_while_old_ones_are_pruned(ledger: Ledger, other: Ledger, tmp_path: Path) -> None:
    """A live run has not ended, so that nothing of it is pruned, whatever the age."""
    made_old(tmp_path, sent(ledger, created("A")))
    run = live_run(ledger, "B")
    ledger.commit(run, [intent("B")])
    prune(other, utc_before(0.0))
    ledger.commit(run, [created("B")])
    ledger.end_run(run.id, 0)
    assert past_run(ledger, run.id).states == {"created": 1}
