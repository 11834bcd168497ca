"""One commit of many records has the same result as many commits of one, and keeps the order of requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import StoppedEarly
from importer.ledger.records import Intent, Outcome
from importer.ledger.store import Ledger
from tests.ledger.ledgers import created, entry, intent, live_run, query

WITHDRAWN = Outcome(key="A", state="pending", outcome="withdrawn", counted=False)


def test_records_of_one_row_keep_their_order(ledger: Ledger, tmp_path: Path):
    """A request that is withdrawn at once and sent again, in one commit: two attempts, one of them open."""
    run = live_run(ledger, "A", "B")
    ledger.commit(run, [intent("A"), WITHDRAWN, intent("B"), intent("A")])
    assert query(
        tmp_path, "select t.key, a.outcome from attempts a join tickets t on t.id = a.ticket order by a.id"
    ) == [
        ("A", "withdrawn"),
        ("B", None),
        ("A", None),
    ]
    assert [(each.state, each.attempts) for each in (entry(ledger, run, "A"), entry(ledger, run, "B"))] == [
        ("sending", 1),
        ("sending", 1),
    ]


def test_two_outcomes_of_one_row_keep_their_order(ledger: Ledger):
    """The last one counts."""
    run = live_run(ledger, "A")
    ledger.commit(run, [intent("A")])
    ledger.commit(run, [Outcome(key="A", state="failed", outcome="refused"), created("A")])
    assert entry(ledger, run, "A").state == "created"


@pytest.mark.parametrize("answer_first", [True, False])
def test_an_answer_is_older_than_the_requests_of_its_commit(ledger: Ledger, tmp_path: Path, *, answer_first: bool):
    """It has arrived, and they have not been sent, in any order of records."""
    run = live_run(ledger, "A", "B")
    ledger.commit(run, [intent("A")])
    records: list[Intent | Outcome] = [created("A"), intent("B")]
    ledger.commit(run, records if answer_first else records[::-1])
    assert query(tmp_path, "select id, settled_after from attempts order by id") == [(1, 1), (2, None)]


@pytest.mark.parametrize("taken", ["first", "middle", "last"])
def test_the_error_names_the_refused_row(ledger: Ledger, taken: str):
    """Among many allowed rows, the error names the refused one, and nothing of the commit stays."""
    keys = ["first", "middle", "last", "under way"]
    run = live_run(ledger, *keys)
    ledger.commit(run, [intent(taken), intent("under way")])
    ledger.commit(run, [created(taken)])
    with pytest.raises(StoppedEarly, match=f"taken over the row with key '{taken}'"):
        ledger.commit(run, [created("under way"), *map(intent, keys[:3])])
    assert entry(ledger, run, "under way").state == "sending"
    assert {entry(ledger, run, key).state for key in keys[:3]} == {"pending", "created"}


def test_a_row_that_is_intended_twice_in_one_commit_is_refused(ledger: Ledger):
    """A row can't have two requests in flight."""
    run = live_run(ledger, "A", "B")
    with pytest.raises(StoppedEarly, match="taken over the row with key 'A'"):
        ledger.commit(run, [intent("A"), intent("B"), intent("A")])
    assert entry(ledger, run, "A").attempts == 0


def test_answers_of_every_kind_share_a_commit(ledger: Ledger):
    """With IDs and without, counted and not."""
    run = live_run(ledger, *"ABCD")
    ledger.commit(run, [intent(key) for key in "ABCD"])
    failed = Outcome(key="B", state="failed", outcome="refused", error_code="refused", error="no", http_status=400)
    throttled = Outcome(key="C", state="pending", outcome="throttled", counted=False, wait_s=5.0)
    unknown = Outcome(key="D", state="unknown", outcome="unclear", error_code="no-answer", error="cut")
    ledger.commit(run, [created("A"), failed, throttled, unknown])
    found = [entry(ledger, run, key) for key in "ABCD"]
    assert [(each.state, each.attempts, each.error, each.ids is not None) for each in found] == [
        ("created", 1, "", True),
        ("failed", 1, "no", False),
        ("pending", 0, "", False),
        ("unknown", 1, "cut", False),
    ]
    assert [bool(each.finished_at) for each in found] == [True, True, False, True]


@pytest.mark.parametrize(("before", "after"), [("pending", "failed"), ("failed", "failed"), ("unknown", "unknown")])
def test_a_request_that_counts_late_is_counted_once(ledger: Ledger, before: str, after: str) -> None:
    """A refusal is not counted while it may concern the account; later it is, in any state of the row."""
    first = live_run(ledger, "A")
    earlier = int(before != "pending")
    if earlier:
        ledger.commit(first, [intent("A")])
        ledger.commit(first, [Outcome(key="A", state=before, outcome="unclear")])
    ledger.end_run(first.id, 0)
    second = live_run(ledger, "A")
    ledger.commit(second, [intent("A")])
    ledger.commit(second, [Outcome(key="A", state=before, outcome="keysrefused", counted=False)])
    assert entry(ledger, second, "A").attempts == earlier
    ledger.commit(second, [Outcome(key="A", state=after, outcome="keysrefused", late=True)])
    assert (entry(ledger, second, "A").state, entry(ledger, second, "A").attempts) == (after, earlier + 1)
