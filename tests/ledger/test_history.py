"""Counts of past runs: those of runs that nobody changed since are not counted again, and are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.ledger import history
from importer.ledger.forgetting import forget_rows
from importer.ledger.history import PastRun, past_run, past_runs
from importer.ledger.store import Ledger
from tests.ledger.ledgers import created, expire_lease, intent, live_run, query
from tests.ledger.test_care import failed
from tests.ledger.test_pruning import sent


def test_stored_counts_are_those_of_a_recount(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after rows were sent again, forgotten, or answered late, and for a run of an older version or a crashed one."""
    sender = sent(ledger, created("A"), failed("B"))  # B is sent again by the next run
    sent(ledger, created("B"), failed("C"), rejects="S")
    sent(ledger, created("D"))  # which is forgotten below
    late = live_run(ledger, "E", "F")
    ledger.commit(late, [intent("E"), intent("F")])
    ledger.commit(late, [created("F")])
    ledger.end_run(late.id, 143)
    query(tmp_path, "update runs set did = null where id = ?", sent(ledger, created("G")).id)
    ledger.commit(late, [created("E")])
    forgetting = live_run(ledger, "D")
    forget_rows(ledger, forgetting, ["D"], [])
    ledger.end_run(forgetting.id, 0)
    crashed = live_run(ledger, "H", "I")
    ledger.commit(crashed, [intent("H")])
    expire_lease(tmp_path, crashed)
    found = past_runs(ledger)
    assert [past_run(ledger, run.id) for run in found] == found

    def recounted() -> list[PastRun]:
        with monkeypatch.context() as patched:
            patched.setattr(history, "_final_counts", lambda _: None)
            return past_runs(ledger)

    assert found == recounted()
    assert sum(run.did.get("created", 0) for run in found) == 6
    (first,) = [run for run in found if run.id == sender.id]
    assert (first.did, first.states) == (
        {"created": 1, "failed": 1, "rejected": 1},
        {"created": 2, "rejected": 1},
    )
