"""Requests without an answer: their order, which tickets may be theirs, and how findings settle them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from importer.errors import StoppedEarly
from importer.ledger.records import FOUND, NOT_FOUND, SET_PENDING, Outcome, RowFinding, RunInfo
from importer.ledger.store import Ledger
from importer.ledger.unanswered_requests import known_numbers, record_findings, unanswered_requests
from importer.models import TicketIds
from tests.ledger.ledgers import claims, created, entry, expire_lease, ids_of, intent, live_run, new_run, query

IDS = TicketIds(number="4711", ticket_id="guid")


def unclear(key: str) -> Outcome:
    return Outcome(key=key, state="unknown", outcome="unclear", error_code="no-answer", error="cut")


def found(key: str, number: str = "4711") -> RowFinding:
    return RowFinding(key=key, state="created", outcome=FOUND, ids=TicketIds(number=number, ticket_id="guid"))


def keys(ledger: Ledger) -> list[str]:
    return [each.key for each in unanswered_requests(ledger, "tenant")]


def unknown(ledger: Ledger, key: str) -> RunInfo:
    """Return a run that holds a row which an earlier run left unknown."""
    before = live_run(ledger, key)
    ledger.commit(before, [intent(key)])
    ledger.commit(before, [unclear(key)])
    ledger.end_run(before.id, 1)
    return live_run(ledger, key)


def test_an_attempt_records_the_last_sent_one_when_it_is_settled(ledger: Ledger, tmp_path: Path):
    """This gives the order of requests without a clock, within a batch too."""
    run = live_run(ledger, "A", "B", "C")
    ledger.commit(run, [intent("A"), intent("B")])
    ledger.commit(run, [created("A"), intent("C")])
    ledger.commit(run, [unclear("B")])
    assert query(tmp_path, "select id, settled_after from attempts order by id") == [(1, 2), (2, 3), (3, None)]
    assert [(each.key, each.attempt, each.settled_after) for each in unanswered_requests(ledger, "tenant")] == [
        ("B", 2, 3),
        ("C", 3, None),
    ]


def test_requests_of_other_operations_may_not_have_made_a_ticket(ledger: Ledger, tmp_path: Path):
    """They are recorded with their operation, change no order, and lose their bodies, but are never searched for."""
    run = live_run(ledger, "A", "B", "C")
    comment = partial(replace, operation="comment")
    ledger.commit(run, [comment(intent("A")), intent("B"), comment(intent("C"))])
    ledger.commit(run, [comment(unclear("A")), created("B")])
    ledger.commit(run, [comment(intent("A"))])
    ledger.commit(run, [comment(created("A"), ids=None)])
    assert query(tmp_path, "select operation, outcome, request from attempts order by id") == [
        ("comment", "unclear", ""),
        ("create", "created", ""),
        ("comment", None, "{}"),
        ("comment", "created", ""),
    ]
    assert keys(ledger) == []
    assert [(each.key, each.attempt) for each in known_numbers(ledger, "tenant")] == [("B", 2)]


def test_open_requests_of_a_dead_run_get_an_end(ledger: Ledger, other: Ledger, tmp_path: Path):
    """When the run is ended, they get the place in the order at which they no longer waited for an answer."""
    dead = live_run(ledger, "A")
    ledger.commit(dead, [intent("A")])
    expire_lease(tmp_path, dead)
    live_run(other, "B")
    assert [(each.key, each.settled_after) for each in unanswered_requests(other, "tenant")] == [("A", 1)]


def test_refused_requests_are_not_unanswered(ledger: Ledger):
    """Only requests that may have created a ticket are, of any source, and of this account only."""
    run, elsewhere = live_run(ledger, "A", "B"), live_run(ledger, "C", source="other")
    foreign = live_run(ledger, "D", account="another")
    for holder, key in ((run, "A"), (run, "B"), (elsewhere, "C"), (foreign, "D")):
        ledger.commit(holder, [intent(key)])
    ledger.commit(run, [Outcome(key="A", state="failed", outcome="refused")])
    ledger.commit(elsewhere, [unclear("C")])
    assert sorted(keys(ledger)) == ["B", "C"]


def test_an_earlier_request_of_a_ticket_stays_unanswered(ledger: Ledger):
    """A row that was sent twice may have two tickets, one of them with an unknown number."""
    run = unknown(ledger, "A")
    ledger.commit(run, [intent("A")])
    ledger.commit(run, [created("A")])
    assert keys(ledger) == ["A"]
    assert [(each.number, each.attempt) for each in known_numbers(ledger, "tenant")] == [("157", 2)]


def test_a_finding_settles_the_row_and_its_request(ledger: Ledger, tmp_path: Path):
    """A found row is created with its IDs by the run that found it, and its request has its answer."""
    run = unknown(ledger, "A")
    assert record_findings(ledger, run, [found("A")]) == {"A"}
    known = entry(ledger, run, "A")
    assert (known.state, known.ids, known.run, known.attempts) == ("created", IDS, run.id, 1)
    assert (known.error_code, known.error) == ("", "")
    assert keys(ledger) == []
    ((outcome, settled_at),) = query(tmp_path, "select outcome, settled_at from attempts where run = ?", run.id)
    assert (outcome, str(settled_at)[:2]) == (FOUND, "20")


def test_one_number_answers_one_of_two_requests(ledger: Ledger):
    """A ticket that is found after two unanswered requests belongs to one of them; the other may have created another."""
    run = unknown(ledger, "A")
    ledger.commit(run, [intent("A")])
    ledger.commit(run, [unclear("A")])
    assert record_findings(ledger, run, [found("A")]) == {"A"}
    assert keys(ledger) == ["A", "A"]


def test_a_ticket_of_another_row_settles_nothing(ledger: Ledger):
    """Meanwhile another row has received this ticket."""
    run = unknown(ledger, "A")
    other = live_run(ledger, "B", source="other")
    ledger.commit(other, [intent("B")])
    ledger.commit(other, [created("B")])
    assert record_findings(ledger, run, [found("A", ids_of("B").number)]) == set()
    assert entry(ledger, run, "A").state == "unknown"


def test_a_row_set_to_pending_may_be_sent(ledger: Ledger):
    """It can be claimed and sent; its former request stays unanswered."""
    run = unknown(ledger, "A")
    let_go = RowFinding(key="A", state="pending", outcome=SET_PENDING, error_code="set-pending", error="by hand")
    assert record_findings(ledger, run, [let_go]) == {"A"}
    assert entry(ledger, run, "A").state == "pending"
    assert keys(ledger) == ["A"]
    ledger.commit(run, [intent("A")])
    assert entry(ledger, run, "A").attempts == 2


def test_an_unsuccessful_search_changes_only_the_message(ledger: Ledger):
    """The row stays unknown, by the run that sent it, and says what was searched."""
    run = unknown(ledger, "A")
    before = entry(ledger, run, "A")
    record_findings(
        ledger, run, [RowFinding(key="A", state="unknown", outcome=NOT_FOUND, error_code=NOT_FOUND, error="25")]
    )
    after = entry(ledger, run, "A")
    assert (after.state, after.run, after.finished_at, after.error) == ("unknown", before.run, before.finished_at, "25")


@pytest.mark.parametrize("state", ["created", "failed", "pending"])
def test_only_unknown_rows_are_settled(ledger: Ledger, state: str):
    """Rows that were settled in the meantime stay unchanged."""
    run = live_run(ledger, "A")
    ledger.commit(run, [intent("A")])
    ledger.commit(run, [Outcome(key="A", state=state, outcome="answer", ids=IDS if state == "created" else None)])
    assert record_findings(ledger, run, [found("A", "9")]) == set()
    assert entry(ledger, run, "A").state == state


def test_a_run_that_lost_its_rows_settles_nothing(ledger: Ledger, other: Ledger, tmp_path: Path):
    """After a pause in which another run has taken over, nothing is recorded."""
    run = unknown(ledger, "A")
    expire_lease(tmp_path, run)
    next_run = new_run()
    other.begin_run(next_run)
    with pytest.raises(StoppedEarly):
        record_findings(ledger, run, [found("A")])
    other.claim(next_run, claims("A"))
    assert entry(other, next_run, "A").state == "unknown"
