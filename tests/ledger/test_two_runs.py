"""Two runs and one ledger: who holds a row, which run is dead, and what a run may do after it was taken over."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from importer.errors import HeldByAnotherRun, StoppedEarly
from importer.ledger.records import Outcome
from tests.ledger.ledgers import claims, created, entry, expire_lease, intent, live_run, new_run, query

ROOT = Path(__file__).parents[2]
DIES_WHILE_SENDING = """
import os, signal, sys
from pathlib import Path
from tests.ledger.ledgers import live_run, intent, reopened
ledger = reopened(Path(sys.argv[1]))
run = live_run(ledger, "queued", "under way")
ledger.commit(run, [intent("under way")])
os.kill(os.getpid(), signal.SIGKILL)
"""


def locks(folder) -> list[str]:
    return [path.name for path in folder.glob("*.lock")]


def test_a_row_of_a_live_run_is_held(ledger, other) -> None:
    """The second run gets none of its rows, not even the free ones, and the error names the holder."""
    first = live_run(ledger, "A")
    second = new_run()
    other.begin_run(second)
    with pytest.raises(HeldByAnotherRun, match="'A'") as caught:
        other.claim(second, claims("free", "A"))
    assert first.id in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 4
    assert other.look_up(second.account, second.source, ["free"]) == {}


def test_two_runs_may_share_a_source_but_no_row(ledger, other) -> None:
    """Runs hold rows, not sources: two halves of one manifest can be imported at once."""
    first, second = live_run(ledger, "A"), live_run(other, "B")
    ledger.commit(first, [intent("A")])
    other.commit(second, [intent("B")])
    assert entry(ledger, first, "A").state == entry(ledger, second, "B").state == "sending"


@pytest.mark.file
def test_an_ended_run_releases_its_rows(ledger, other, tmp_path) -> None:
    """Only its record stays: no held rows and no lock file."""
    first = live_run(ledger, "A")
    assert len(locks(tmp_path)) == 1
    ledger.end_run(first.id, 1)
    assert locks(tmp_path) == []
    second = live_run(other, "A")
    assert entry(other, second, "A").held_by == second.id
    assert query(tmp_path, "select exit_code, ended_at is not null from runs where id = ?", first.id) == [(1, 1)]


def test_a_run_that_ends_with_a_request_in_flight_leaves_it_unknown(ledger, other) -> None:
    """Otherwise no run could ever send or settle the row again."""
    first = live_run(ledger, "A")
    ledger.commit(first, [intent("A")])
    ledger.end_run(first.id, 3)
    found = entry(ledger, first, "A")
    assert (found.state, found.error_code, found.held_by) == ("unknown", "interrupted", None)
    second = live_run(other, "A")
    other.commit(second, [intent("A")])
    assert entry(other, second, "A").state == "sending"


@pytest.mark.file
def test_requests_in_flight_of_a_killed_process_are_unknown(ledger, tmp_path) -> None:
    """Its queued rows are free at once."""
    killed = subprocess.run([sys.executable, "-c", DIES_WHILE_SENDING, str(tmp_path)], check=False, cwd=ROOT)
    assert killed.returncode == -9
    assert len(locks(tmp_path)) == 1
    run = live_run(ledger, "queued", "under way")
    assert entry(ledger, run, "queued").state == "pending"
    found = entry(ledger, run, "under way")
    assert (found.state, found.error_code, found.attempts) == ("unknown", "interrupted", 1)
    assert len(locks(tmp_path)) == 1  # its own lock


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("lease_until = 0", id="lapsed lease"),
        pytest.param("boot_id = 'another start of this machine'", id="other boot", marks=pytest.mark.file),
    ],
)
def test_a_run_whose_lease_lapsed_or_whose_machine_restarted_is_dead(ledger, other, tmp_path, change) -> None:
    """Lease and boot ID decide where the lock can't; its requests in flight become unknown."""
    first = live_run(ledger, "A", "B")
    ledger.commit(first, [intent("A")])
    query(tmp_path, f"update runs set {change} where id = ?", first.id)
    second = live_run(other, "A", "B")
    assert entry(other, second, "A").state == "unknown"
    assert entry(other, second, "B").state == "pending"


def test_a_dead_run_of_another_source_or_account_is_left_alone(ledger, other, tmp_path) -> None:
    """A run ends expired runs of its own account and source only."""
    strangers = [live_run(ledger, "A", source="other"), live_run(ledger, "A", account="other")]
    for stranger in strangers:
        ledger.commit(stranger, [intent("A")])
        expire_lease(tmp_path, stranger)
    live_run(other, "A")
    assert [entry(other, stranger, "A").state for stranger in strangers] == ["sending", "sending"]


def test_a_run_that_was_taken_over_sends_nothing_more(ledger, other, tmp_path) -> None:
    """After a pause beyond its lease it can neither intend nor claim nor renew."""
    first = live_run(ledger, "A", "B")
    expire_lease(tmp_path, first)
    live_run(other)
    for deed in (
        lambda: ledger.commit(first, [intent("A")]),
        lambda: ledger.claim(first, claims("C")),
        lambda: ledger.claim(first, []),
        lambda: ledger.renew(first.id),
    ):
        with pytest.raises(StoppedEarly, match="taken over"):
            deed()
    assert entry(other, first, "A").held_by is None
    assert other.look_up(first.account, first.source, ["C"]) == {}


def test_a_late_outcome_of_a_run_that_was_taken_over_is_recorded(ledger, other, tmp_path) -> None:
    """The answer came after another run had made the row unknown; it is still valid."""
    first = live_run(ledger, "A")
    ledger.commit(first, [intent("A")])
    expire_lease(tmp_path, first)
    second = live_run(other, "A")
    assert entry(other, second, "A").state == "unknown"
    ledger.commit(first, [created("A")])
    assert entry(other, second, "A").state == "created"
    with pytest.raises(StoppedEarly):
        other.commit(second, [intent("A")])


def test_a_late_outcome_does_not_touch_the_request_of_the_run_that_took_over(ledger, other, tmp_path) -> None:
    """Each attempt keeps its own answer, and the ticket belongs to the run that holds it."""
    first = live_run(ledger, "A")
    ledger.commit(first, [intent("A")])
    expire_lease(tmp_path, first)
    second = live_run(other, "A")
    other.commit(second, [intent("A")])
    ledger.commit(first, [Outcome(key="A", state="failed", outcome="refused", error="late")])
    assert entry(other, second, "A").state == "sending"
    other.commit(second, [created("A")])
    assert entry(other, second, "A").state == "created"
    assert query(tmp_path, "select outcome, detail from attempts order by id") == [("refused", "late"), ("created", "")]


def test_an_expired_lease_can_be_renewed_unless_taken_over(ledger, tmp_path) -> None:
    """A paused run goes on; claiming renews the lease, too."""
    run = live_run(ledger, "A")
    for deed in (lambda: ledger.commit(run, [intent("A")]), lambda: ledger.claim(run, [])):
        expire_lease(tmp_path, run)
        deed()
        assert query(tmp_path, "select lease_until > 0 from runs where id = ?", run.id) == [(1,)]


def test_a_run_that_waits_for_the_user_keeps_its_rows(ledger, other, tmp_path) -> None:
    """While a `renewing` block lasts, a thread renews the lease; after it, no more."""
    run = live_run(ledger, "A")
    renewed = "select 1 from runs where id = ? and lease_until > 0"
    with ledger.renewing(run.id, every_s=0.01):
        expire_lease(tmp_path, run)
        deadline = time.monotonic() + 20
        while not query(tmp_path, renewed, run.id):
            assert time.monotonic() < deadline
        with pytest.raises(HeldByAnotherRun):
            live_run(other, "A")
    expire_lease(tmp_path, run)
    assert live_run(other, "A").id != run.id


def test_a_failed_renewal_shows_at_the_next_operation(ledger, other, tmp_path) -> None:
    """It does not end the block itself."""
    run = live_run(ledger, "A")
    expire_lease(tmp_path, run)
    live_run(other, "A")
    with ledger.renewing(run.id, every_s=0.001):
        pass
    with pytest.raises(StoppedEarly):
        ledger.claim(run, claims("A"))


def test_ending_a_run_that_was_taken_over_releases_no_rows_of_others(ledger, other, tmp_path) -> None:
    """The rows belong to their new holder."""
    first = live_run(ledger, "A")
    expire_lease(tmp_path, first)
    second = live_run(other, "A")
    ledger.end_run(first.id, 3)
    assert entry(other, second, "A").held_by == second.id
    other.commit(second, [intent("A")])


@pytest.mark.file
def test_closing_without_an_end_releases_the_rows(ledger, other, tmp_path) -> None:
    """If a run's end can't be recorded, closing drops its lock, so that the next run need not wait for the lease."""
    first = live_run(ledger, "A")
    ledger.close()
    assert locks(tmp_path) == []
    second = live_run(other, "A")
    assert entry(other, second, "A").held_by == second.id
    assert first.id != second.id
