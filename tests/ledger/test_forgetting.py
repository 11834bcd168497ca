"""Forgotten and acknowledged rows, and what runs did, in ledgers of both kinds."""

from __future__ import annotations

import pytest

from importer.errors import HeldByAnotherRun, StoppedEarly
from importer.ledger.acknowledgements import acknowledge
from importer.ledger.forgetting import forget_rows, other_numbers, rows_of_keys, rows_sent_by
from importer.ledger.history import past_run, past_runs, rows_of
from importer.ledger.records import Acknowledgement, ForgottenTicket, Outcome, Rejection, RunInfo
from importer.ledger.store import Ledger
from importer.ledger.unanswered_requests import known_numbers, unanswered_requests
from tests.ledger.ledgers import claims, created, entry, ids_of, intent, live_run, new_run

UNKNOWN = Outcome(key="U", state="unknown", outcome="unclear", error_code="no-answer", error="reset")
BAD = Acknowledgement(
    key="F",
    content="content of F",
    manifest_row=4,
    state="failed",
    code="refused",
    reason="known",
    user_name="anna",
    acknowledged_at="2026-01-02T09:35:47Z",
)


def trial(ledger: Ledger) -> RunInfo:
    """A run that made tickets A and B, left U unknown and F failed, rejected a row, and did not reach P."""
    run = live_run(ledger, "A", "B", "U", "F", "P")
    ledger.commit(run, [intent(key) for key in "ABUF"])
    failed = Outcome(key="F", state="failed", outcome="refused", error_code="refused", error="no")
    ledger.commit(run, [created("A"), created("B"), UNKNOWN, failed])
    ledger.reject(run.id, [Rejection(manifest_row=9, key="R", code="too-long", error="long", hint="", content="c")])
    ledger.end_run(run.id, 3, "the account refuses the keys")
    return run


def forgetting_run(ledger: Ledger, *keys: str) -> RunInfo:
    run = new_run()
    ledger.begin_run(run)
    ledger.claim(run, claims(*keys))
    return run


def test_a_run_says_what_it_did(ledger: Ledger) -> None:
    """The states of its rows at its end, also of those that it did not reach; its reason; nothing of later runs."""
    run = trial(ledger)
    did = {"created": 2, "unknown": 1, "failed": 1, "pending": 1, "rejected": 1}
    assert past_run(ledger, run.id).did == did
    again = live_run(ledger, "F", "P")
    ledger.commit(again, [intent("F"), intent("P")])
    ledger.commit(again, [created("F")])
    live, first = past_runs(ledger)
    assert (live.live, live.did, live.unconfirmed) == (True, {"created": 1, "sending": 1}, 1)
    assert (first.did, first.stopped, first.live) == (did, "the account refuses the keys", False)
    assert first.states == {"created": 3, "unknown": 1, "rejected": 1}
    ledger.end_run(again.id, 130)
    assert past_run(ledger, again.id).did == {"created": 1, "unknown": 1}


def test_forgotten_rows_are_new_and_remembered(ledger: Ledger) -> None:
    """They can be sent and get tickets; the old numbers and requests stay with the runs that they belong to."""
    first = trial(ledger)
    acknowledge(ledger, first.account, first.source, [BAD, BAD])
    assert [row.key for row in rows_sent_by(ledger, first.id)] == ["A", "B", "U", "F"]
    run = forgetting_run(ledger, "A", "U", "F")
    assert other_numbers(ledger, run, 3) == [ids_of("B").number]
    forget_rows(ledger, run, ["A", "U", "F"], [(BAD.key, BAD.content)])
    ledger.end_run(run.id, 0)
    assert [row.key for row in rows_sent_by(ledger, first.id)] == ["B"]
    assert [row.key for row in rows_of_keys(ledger, run.account, run.source, ["A", "B", "P", "X"])] == ["B"]
    assert ledger.acknowledgements(run.account, run.source) == {}
    assert (entry(ledger, run, "A").state, entry(ledger, run, "A").ids, entry(ledger, run, "A").attempts) == (
        "pending",
        None,
        0,
    )
    assert {each.number for each in known_numbers(ledger, run.account)} == {ids_of("B").number}
    assert [(each.key, each.request) for each in unanswered_requests(ledger, run.account)] == [("U", "")]
    assert ledger.forgotten_tickets(run.account, run.source, ["A", "B", "U"]) == {
        ForgottenTicket(key="A", number=ids_of("A").number, sent_by=first.id),
        ForgottenTicket(key="U", number="", sent_by=first.id),
    }
    again = live_run(ledger, "A")
    ledger.commit(again, [intent("A")])
    assert ledger.commit(again, [created("A")]) == {}  # the same number as before is no conflict
    ledger.end_run(again.id, 0)
    assert [(each.number, each.attempt is None) for each in known_numbers(ledger, run.account)].count(
        (ids_of("A").number, False)
    ) == 1
    runs = {each.id: each for each in past_runs(ledger)}
    assert runs[run.id].did == runs[run.id].states == {"forgotten": 3}
    assert runs[first.id].states == {"created": 1, "forgotten": 3, "rejected": 1}
    assert sum(each.did.get("created", 0) for each in runs.values()) == 3
    shown = {row.key: (row.state, row.number, row.ticket_id, row.ticket_key) for row in rows_of(ledger, first.id)}
    assert shown["A"] == ("forgotten", ids_of("A").number, ids_of("A").ticket_id, ids_of("A").key)
    assert shown["B"] == ("created", ids_of("B").number, ids_of("B").ticket_id, ids_of("B").key)
    assert [row.outcome for row in rows_of(ledger, run.id)] == ["created", "unknown", "failed"]


def test_a_row_that_another_run_holds_is_not_forgotten(ledger: Ledger, other: Ledger) -> None:
    """Neither while that run is live, nor by a run that was taken for dead meanwhile."""
    trial(ledger)
    busy = live_run(other, "A")
    with pytest.raises(HeldByAnotherRun):
        forgetting_run(ledger, "A")
    other.end_run(busy.id, 0)
    late = forgetting_run(ledger, "A")
    ledger.end_run(late.id, 1)
    with pytest.raises(StoppedEarly):
        forget_rows(ledger, late, ["A"], [])
    assert entry(ledger, late, "A").state == "created"
