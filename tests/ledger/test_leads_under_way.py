"""A new lead is created by one request at a time, whichever run, manifest or host sends it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from importer.errors import StoppedEarly
from importer.ledger.records import Intent, Outcome
from importer.ledger.store import Ledger
from tests.ledger.ledgers import created, entry, expire_lease, intent, live_run, query

MAIL, PHONE = "mina@example.com", "+491701234567"


def of_lead(key: str, *leads: str) -> Intent:
    return replace(intent(key), new_leads=leads)


@pytest.mark.parametrize("outcome", ["created", "failed", "unknown", "pending"])
def test_a_row_waits_until_the_other_runs_request_is_answered(
    ledger: Ledger, other: Ledger, tmp_path: Path, outcome: str
) -> None:
    """Whatever the answer is; meanwhile rows of other leads are sent, and nothing of the waiting row is recorded."""
    first, second = live_run(ledger, "A"), live_run(other, "B", "C", source="shop")
    assert ledger.commit(first, [of_lead("A", MAIL, PHONE)]) == {}
    waits = of_lead("B", "otto@example.com", PHONE)
    assert other.commit(second, [waits, of_lead("C", "nora@example.com")]) == {waits: None}
    assert [entry(other, second, key).state for key in "BC"] == ["pending", "sending"]
    assert entry(other, second, "B").attempts == 0
    answer = created("A") if outcome == "created" else Outcome(key="A", state=outcome, outcome="refused")
    ledger.commit(first, [answer])
    assert other.commit(second, [waits]) == {}
    assert entry(other, second, "B").state == "sending"
    other.commit(second, [created("B"), created("C")])
    assert query(tmp_path, "select count(*) from leads_under_way") == [(0,)]
    assert not any(MAIL in str(row) for row in query(tmp_path, "select * from tickets"))


def test_a_waiting_row_keeps_no_other_from_its_second_lead(ledger: Ledger, other: Ledger) -> None:
    """It gives back what it has taken, or two rows could wait for each other for ever."""
    first, second = live_run(ledger, "A", "C"), live_run(other, "B", source="shop")
    ledger.commit(first, [of_lead("A", MAIL)])
    assert None in other.commit(second, [of_lead("B", MAIL, PHONE)]).values()
    assert ledger.commit(first, [of_lead("C", "nora@example.com", PHONE)]) == {}


def test_accounts_have_their_own_leads(ledger: Ledger, other: Ledger) -> None:
    first, second = live_run(ledger, "A"), live_run(other, "A", account="another")
    ledger.commit(first, [of_lead("A", MAIL)])
    assert other.commit(second, [of_lead("A", MAIL)]) == {}


def test_a_dead_run_keeps_no_lead(ledger: Ledger, other: Ledger, tmp_path: Path) -> None:
    """When its lease has ended, it may send nothing more; the next try has the lead."""
    first, second = live_run(ledger, "A"), live_run(other, "B", source="shop")
    ledger.commit(first, [of_lead("A", MAIL)])
    expire_lease(tmp_path, first)
    assert None in other.commit(second, [of_lead("B", MAIL)]).values()
    assert other.commit(second, [of_lead("B", MAIL)]) == {}
    with pytest.raises(StoppedEarly):
        ledger.renew(first.id)


def test_a_run_that_ends_leaves_no_lead(ledger: Ledger, other: Ledger) -> None:
    """Also if a request of it has no answer."""
    first, second = live_run(ledger, "A"), live_run(other, "B", source="shop")
    ledger.commit(first, [of_lead("A", MAIL)])
    ledger.end_run(first.id, 3)
    assert other.commit(second, [of_lead("B", MAIL)]) == {}


def test_a_row_of_another_run_is_an_error_not_a_wait(ledger: Ledger, other: Ledger, tmp_path: Path) -> None:
    """A run that has lost its row stops, also if the row's lead is under way."""
    first, second = live_run(ledger, "A"), live_run(other, "B", source="shop")
    ledger.commit(first, [of_lead("A", MAIL)])
    query(tmp_path, "update tickets set held_by = ? where key = 'B'", first.id)
    with pytest.raises(StoppedEarly, match="taken over"):
        other.commit(second, [of_lead("B", MAIL)])
