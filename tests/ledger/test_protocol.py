"""Intent before the first byte, outcome before done: what the ledger says at each step of a request."""

from __future__ import annotations

import pytest

from importer.errors import StoppedEarly
from importer.ledger import Intent, Outcome, Rejection, RowFromResults
from importer.models import TicketIds
from tests.ledger.making import IDS, ask, begun, claims, created, entry, intent, new_run


def test_a_claimed_row_is_pending_and_held(ledger) -> None:
    """A claim makes the ticket known, not sent: no attempt, no ID, and the run that holds it."""
    run = begun(ledger, "A")
    found = entry(ledger, run, "A")
    assert (found.state, found.held_by, found.run, found.attempts, found.ids) == ("pending", run.id, None, 0, None)


def test_an_intent_is_on_the_disk_before_its_outcome(ledger, other) -> None:
    """Whoever looks while the request is under way sees `sending`, with the request and the row's content."""
    run = begun(ledger, "A")
    ledger.commit(run, [Intent(key="A", content="c", request='{"TypeId": "1"}')])
    found = entry(other, run, "A")
    assert (found.state, found.run, found.content, found.attempts) == ("sending", run.id, "c", 1)


def test_the_outcome_settles_ticket_and_attempt(ledger, tmp_path) -> None:
    """A created ticket has its three IDs, and its attempt says what came back."""
    run = begun(ledger, "A")
    ledger.commit(run, [intent("A")])
    ledger.commit(run, [created("A")])
    found = entry(ledger, run, "A")
    assert (found.state, found.ids, found.error_code) == ("created", IDS, "")
    assert found.finished_at.endswith("Z")
    assert ask(tmp_path, "select outcome, http_status, settled_at is not null from attempts") == [("created", 200, 1)]


def test_a_row_that_goes_again_is_two_attempts(ledger, tmp_path) -> None:
    """Each request has a record of its own; one that the API surely did not take doesn't count."""
    run = begun(ledger, "A")
    ledger.commit(run, [intent("A")])
    ledger.commit(run, [Outcome(key="A", state="pending", outcome="throttled", counted=False)])
    between = entry(ledger, run, "A")
    assert (between.state, between.attempts, between.finished_at) == ("pending", 0, "")
    ledger.commit(run, [intent("A")])
    ledger.commit(run, [created("A")])
    assert entry(ledger, run, "A").attempts == 1
    assert ask(tmp_path, "select outcome from attempts order by id") == [("throttled",), ("created",)]


@pytest.mark.parametrize("state", ["created", "sending"])
def test_a_ticket_or_a_request_under_way_is_never_intended_again(ledger, state) -> None:
    """However the plan came to it, a second request for such a row is refused before it can leave."""
    run = begun(ledger, "A")
    ledger.commit(run, [intent("A")])
    if state == "created":
        ledger.commit(run, [created("A")])
    with pytest.raises(StoppedEarly, match="'A' is not this run's"):
        ledger.commit(run, [intent("A")])
    assert entry(ledger, run, "A").attempts == 1


def test_a_row_that_was_not_claimed_is_not_intended(ledger) -> None:
    """Only the holder of a row may send it."""
    run = begun(ledger, "A")
    with pytest.raises(StoppedEarly):
        ledger.commit(run, [intent("B")])
    assert ledger.look_up(run.account, run.source, ["B"]) == {}


def test_a_batch_is_committed_whole_or_not_at_all(ledger) -> None:
    """One refused intent takes the others with it: none of them may be sent."""
    run = begun(ledger, "A", "B")
    with pytest.raises(StoppedEarly):
        ledger.commit(run, [intent("A"), intent("nobody's"), intent("B")])
    assert {entry(ledger, run, key).state for key in "AB"} == {"pending"}


def test_accounts_and_sources_are_worlds_of_their_own(ledger) -> None:
    """One key in two accounts, or of two sources, is two tickets."""
    runs = [begun(ledger, "A", source=source, account=account) for source in ("s", "t") for account in ("x", "y")]
    ledger.commit(runs[0], [intent("A")])
    ledger.commit(runs[0], [created("A")])
    assert [entry(ledger, run, "A").state for run in runs] == ["created", "pending", "pending", "pending"]


def test_any_number_of_keys_can_be_looked_up_and_claimed(ledger) -> None:
    """More keys than one query takes, and keys of any text, are all found."""
    keys = [f"{number:06}" for number in range(12_000)] + ["", "'", "%", "ключ", "a\x00b", " a", "a", "A", "\r\n"]
    run = begun(ledger, *keys)
    found = ledger.look_up(run.account, run.source, keys)
    assert list(found) != []
    assert set(found) == set(keys)
    assert ledger.look_up(run.account, run.source, []) == {}
    assert ledger.states(run.account, run.source, keys) == dict.fromkeys(keys, "pending")
    assert ledger.states(run.account, run.source, ["of another"]) == {}


def test_claiming_again_keeps_what_is_known(ledger) -> None:
    """A later run's claim takes the row over as it is; its state, IDs and attempts stay."""
    first = begun(ledger, "A")
    ledger.commit(first, [intent("A")])
    ledger.commit(first, [Outcome(key="A", state="failed", outcome="refused", error_code="refused", error="no")])
    ledger.end_run(first.id, 1)
    second = begun(ledger, "A")
    found = entry(ledger, second, "A")
    assert (found.state, found.attempts, found.error, found.held_by) == ("failed", 1, "no", second.id)


def test_rejections_are_found_by_their_rows(ledger) -> None:
    """The rejections of one run and range come back as they were recorded; no other run's are among them."""
    run, another = begun(ledger), new_run(source="other")
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
        ("failed", "created", "created"),  # made by another ledger's run: else the next run would make it twice
        ("failed", "unknown", "failed"),
        ("unknown", "created", "created"),
        ("created", "unknown", "created"),
    ],
)
def test_what_a_results_file_knows_is_entered_unless_the_ledger_knows_better(ledger, here, there, then) -> None:
    """A ticket in either of the two is a ticket; for the rest, what this ledger has sent stays as it is."""
    run = begun(ledger, *(["A"] if here else []))
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


def test_an_entered_ticket_can_not_be_sent(ledger) -> None:
    """What a results file says is a ticket is as good as one of this ledger."""
    run = begun(ledger)
    ledger.add_from_results(run, [known("created")])
    ledger.claim(run, claims("A"))
    with pytest.raises(StoppedEarly):
        ledger.commit(run, [intent("A")])
