"""A number or GUID that an account gives to two rows: the earlier row keeps its ticket, the later one is unknown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from importer.ledger.records import Outcome, RowFromResults
from importer.ledger.store import Ledger
from importer.ledger.ticket_numbers import greatest_number, has_ticket
from importer.models import TicketIds
from tests.ledger.ledgers import IDS, created, entry, intent, live_run, query

ODD = TicketIds(number="158", ticket_id=IDS.ticket_id)
SAME = TicketIds(number=IDS.number)


def answered(key: str, ids: TicketIds) -> Outcome:
    return replace(created(key), ids=ids)


@pytest.mark.parametrize("ids", [IDS, SAME, ODD], ids=["all", "number", "guid"])
@pytest.mark.parametrize("commits", [1, 2])
def test_the_later_row_is_unknown(ledger: Ledger, tmp_path: Path, commits: int, ids: TicketIds):
    """Its message names both rows; the earlier one stays, also if both answers are in one commit."""
    run = live_run(ledger, "A", "B")
    ledger.commit(run, [intent("A"), intent("B")])
    first, second = created("A"), answered("B", ids)
    batches = [[first, second]] if commits == 1 else [[first], [second]]
    changed = [ledger.commit(run, batch) for batch in batches][-1]
    found = entry(ledger, run, "B")
    assert (entry(ledger, run, "A").state, entry(ledger, run, "A").ids) == ("created", IDS)
    assert (found.state, found.error_code, found.ids, found.attempts) == ("unknown", "number-twice", None, 1)
    assert f"ticket {ids.number}" in found.error
    for row in ("row 2 (key 'A', source 'old-helpdesk')", "row 3 (key 'B', source 'old-helpdesk')"):
        assert row in found.error
    assert changed[second] == replace(
        second, state="unknown", outcome="unclear", ids=None, error_code="number-twice", error=found.error
    )
    assert query(tmp_path, "select outcome from attempts order by id") == [("created",), ("unclear",)]


def test_rows_of_other_sources_and_processes_count(ledger: Ledger, other: Ledger):
    """Numbers belong to the account, for all sources; another account has its own."""
    first = live_run(ledger, "A")
    second = live_run(other, "B", source="shop")
    stranger = live_run(other, "C", account="another")
    ledger.commit(first, [intent("A")])
    other.commit(second, [intent("B")])
    other.commit(stranger, [intent("C")])
    ledger.commit(first, [created("A")])
    changed = other.commit(second, [answered("B", IDS)])
    assert [each and each.error_code for each in changed.values()] == ["number-twice"]
    assert other.commit(stranger, [answered("C", IDS)]) == {}
    assert "source 'old-helpdesk'" in entry(other, second, "B").error


def test_the_same_answer_for_one_row_is_no_duplicate(ledger: Ledger):
    """It is recorded twice, as after a repeated commit."""
    run = live_run(ledger, "A")
    ledger.commit(run, [intent("A")])
    assert ledger.commit(run, [created("A")]) == {}
    assert ledger.commit(run, [created("A"), created("A")]) == {}
    assert entry(ledger, run, "A").state == "created"


def test_tickets_from_a_results_file_may_share_numbers(ledger: Ledger):
    """They are added unchanged; a new answer with such a number is a duplicate."""
    run = live_run(ledger, "C")
    known = [
        RowFromResults(
            key=key, manifest_row=row, state="created", ids=IDS, error_code="", error="", attempts=1,
            finished_at="", run=run.id,
        )
        for row, key in enumerate("AB", start=2)
    ]  # fmt: skip
    ledger.add_from_results(run, known)
    ledger.add_from_results(run, known)
    assert [entry(ledger, run, key).state for key in "AB"] == ["created", "created"]
    ledger.commit(run, [intent("C")])
    assert ledger.commit(run, [answered("C", IDS)])


def test_an_account_has_tickets_and_a_greatest_number(ledger: Ledger):
    """`has_ticket` and `greatest_number` ignore other accounts."""
    run = live_run(ledger, "A", "B")
    with ledger.reading() as db:
        assert (has_ticket(db, "tenant"), greatest_number(db, "tenant")) == (False, 0)
    ledger.commit(run, [intent("A"), intent("B"), created("A"), created("B")])
    with ledger.reading() as db:
        assert (has_ticket(db, "tenant"), greatest_number(db, "tenant")) == (True, 1_066)
        assert not has_ticket(db, "another")


@pytest.mark.file
def test_the_search_uses_the_indexes(ledger: Ledger, tmp_path: Path):
    """Of a million tickets only those with the same number or GUID are read."""
    run = live_run(ledger, "A")
    ledger.commit(run, [intent("A")])
    asked: list[tuple[str, Any]] = []

    def listen(_connection: object, _cursor: object, text: str, values: Any, *_: object) -> None:
        asked.append((text, values))

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        ledger.commit(run, [created("A")])
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", listen)
    plans = [
        str(query(tmp_path, f"explain query plan {text}", *values))
        for text, values in asked
        if text.startswith("SELECT") and "json_each" in text
    ]
    (plan,) = plans
    assert "SEARCH tickets USING INDEX tickets_by_number (account=? AND number=?)" in plan
    assert "SEARCH tickets USING INDEX tickets_by_ticket_id (account=? AND ticket_id=?)" in plan
