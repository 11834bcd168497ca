"""Intent before the first byte, outcome before done: the ledger's contents at each step of a request."""

from __future__ import annotations

import pytest

from importer.errors import StoppedEarly
from importer.ledger.records import Intent, Outcome, Rejection, RowFromResults
from importer.models import TicketIds
from tests.ledger.ledgers import IDS, claims, created, entry, intent, live_run, new_run, query


def test_a_claimed_row_is_pending_and_held(ledger) -> None:
    """A claimed ticket is known but not sent: no attempt, no ID, and the run that holds it."""
    run = live_run(ledger, "A")
    found = entry(ledger, run, "A")
    assert (found.state, found.held_by, found.run, found.attempts, found.ids) == ("pending", run.id, None, 0, None)


def test_an_intent_is_on_the_disk_before_its_outcome(ledger, other) -> None:
    """While the request is in flight, the state is `sending`, with the request and the row's content."""
    run = live_run(ledger, "A")
    ledger.commit(run, [Intent(key="A", content="c", request='{"TypeId": "1"}')])
    found = entry(other, run, "A")
    assert (found.state, found.run, found.content, found.attempts) == ("sending", run.id, "c", 1)


def test_the_outcome_settles_ticket_and_attempt(ledger, tmp_path) -> None:
    """A created ticket has its three IDs, and its attempt has the outcome."""
    run = live_run(ledger, "A")
    ledger.commit(run, [intent("A")])
    ledger.commit(run, [created("A")])
    found = entry(ledger, run, "A")
    assert (found.state, found.ids, found.error_code) == ("created", IDS, "")
    assert found.finished_at.endswith("Z")
    assert query(tmp_path, "select outcome, http_status, settled_at is not null from attempts") == [("created", 200, 1)]


def test_a_row_that_is_sent_twice_has_two_attempts(ledger, tmp_path) -> None:
    """Each request has its own record; one that the API certainly did not process is not counted."""
    run = live_run(ledger, "A")
    ledger.commit(run, [intent("A")])
    ledger.commit(run, [Outcome(key="A", state="pending", outcome="throttled", counted=False)])
    between = entry(ledger, run, "A")
    assert (between.state, between.attempts, between.finished_at) == ("pending", 0, "")
    ledger.commit(run, [intent("A")])
    ledger.commit(run, [created("A")])
    assert entry(ledger, run, "A").attempts == 1
    assert query(tmp_path, "select outcome from attempts order by id") == [("throttled",), ("created",)]


@pytest.mark.parametrize("state", ["created", "sending"])
def test_a_created_or_sending_row_is_never_intended_again(ledger, state) -> None:
    """A second request for such a row is refused before it can be sent."""
    run = live_run(ledger, "A")
    ledger.commit(run, [intent("A")])
    if state == "created":
        ledger.commit(run, [created("A")])
    with pytest.raises(StoppedEarly, match="taken over the row with key 'A'"):
        ledger.commit(run, [intent("A")])
    assert entry(ledger, run, "A").attempts == 1


def test_an_unclaimed_row_cant_be_intended(ledger) -> None:
    """Only the holder of a row may send it."""
    run = live_run(ledger, "A")
    with pytest.raises(StoppedEarly):
        ledger.commit(run, [intent("B")])
    assert ledger.look_up(run.account, run.source, ["B"]) == {}


def test_a_batch_is_committed_whole_or_not_at_all(ledger) -> None:
    """One refused intent makes the whole batch fail: none of its rows may be sent."""
    run = live_run(ledger, "A", "B")
    with pytest.raises(StoppedEarly):
        ledger.commit(run, [intent("A"), intent("unclaimed"), intent("B")])
    assert {entry(ledger, run, key).state for key in "AB"} == {"pending"}


def test_accounts_and_sources_are_separate(ledger) -> None:
    """One key in two accounts, or of two sources, is two tickets."""
    runs = [live_run(ledger, "A", source=source, account=account) for source in ("s", "t") for account in ("x", "y")]
    ledger.commit(runs[0], [intent("A")])
    ledger.commit(runs[0], [created("A")])
    assert [entry(ledger, run, "A").state for run in runs] == ["created", "pending", "pending", "pending"]


def test_any_number_of_keys_can_be_looked_up_and_claimed(ledger) -> None:
    """More keys than a query has parameters, and keys of any text, are all found."""
    keys = [f"{number:06}" for number in range(12_000)] + ["", "'", "%", "ключ", " a", "a", "A", "\r\n"]
    run = live_run(ledger, *keys)
    found = ledger.look_up(run.account, run.source, keys)
    assert list(found) != []
    assert set(found) == set(keys)
    assert ledger.look_up(run.account, run.source, []) == {}
    assert ledger.states(run.account, run.source, keys) == dict.fromkeys(keys, "pending")
    assert ledger.states(run.account, run.source, ["of another"]) == {}


@pytest.mark.file
def test_a_key_may_hold_nul(ledger) -> None:
    """SQLite's JSON cuts texts at NUL, so these keys are looked up in another way."""
    run = live_run(ledger, "a\x00b", "a")
    assert "a\x00b" in ledger.look_up(run.account, run.source, ["a\x00b"])


def test_claiming_again_keeps_the_rows_state(ledger) -> None:
    """A later run's claim keeps state, IDs and attempts."""
    first = live_run(ledger, "A")
    ledger.commit(first, [intent("A")])
    ledger.commit(first, [Outcome(key="A", state="failed", outcome="refused", error_code="refused", error="no")])
    ledger.end_run(first.id, 1)
    second = live_run(ledger, "A")
    found = entry(ledger, second, "A")
    assert (found.state, found.attempts, found.error, found.held_by) == ("failed", 1, "no", second.id)


def test_rejections_are_found_by_their_rows(ledger) -> None:
    """Rejections of one run and range are returned as recorded, without those of other runs."""
    run, another = live_run(ledger), new_run(source="other")
    ledger.begin_run(another)
    made = [Rejection(manifest_row=row, key=f"k{row}", code="too-long", error="e", hint="h") for row in (2, 5, 9)]
    ledger.reject(run.id, made)
    ledger.reject(another.id, [made[0]])
    ledger.reject(run.id, [])
    assert ledger.rejections(run.id, (3, 9)) == {5: made[1], 9: made[2]}
    assert ledger.rejections(another.id, (2, 9)) == {2: made[0]}


def known(state: str, key: str = "A", ids: TicketIds | None = IDS) -> RowFromResults:
    return RowFromResults(
        key=key,
        manifest_row=2,
        state=state,
        ids=ids,
        error_code="",
        error="",
        attempts=1,
        finished_at="2024-01-01T00:00:00Z",
        run="old-helpdesk.20240101T000000Z.abcdef",
    )


@pytest.mark.parametrize(
    ("here", "there", "then"),
    [
        (None, "created", "created"),
        (None, "unknown", "unknown"),
        ("pending", "created", "created"),
        ("pending", "unknown", "unknown"),
        ("failed", "created", "created"),  # created with another ledger: otherwise the next run would create it twice
        ("failed", "unknown", "failed"),
        ("unknown", "created", "created"),
        ("created", "unknown", "created"),
    ],
)
def test_rows_of_a_results_file_are_added_unless_the_ledger_knows_more(ledger, here, there, then) -> None:
    """A ticket in either of the two is a ticket; other rows that this ledger has sent stay unchanged."""
    run = live_run(ledger, *(["A"] if here else []))
    if here not in (None, "pending"):
        ids = TicketIds(number="1") if here == "created" else None
        ledger.commit(run, [intent("A")])
        ledger.commit(run, [Outcome(key="A", state=here, outcome="answer", ids=ids)])
    ledger.add_from_results(run, [known(there, ids=IDS if there == "created" else None)])
    ledger.add_from_results(run, [])
    found = entry(ledger, run, "A")
    assert found.state == then
    assert (found.ids is not None) == (then == "created")
    if here == "created":
        assert found.ids == TicketIds(number="1")


def test_a_ticket_added_from_results_cant_be_sent(ledger) -> None:
    """A ticket in a results file counts as a ticket of this ledger."""
    run = live_run(ledger)
    ledger.add_from_results(run, [known("created")])
    ledger.claim(run, claims("A"))
    with pytest.raises(StoppedEarly):
        ledger.commit(run, [intent("A")])
