"""The thirteen columns: their cells, and that none is a formula."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.ledger.records import LedgerEntry, Rejection
from importer.models import Status, TicketIds
from importer.results import COLUMNS, ResultRow, RowState, data_columns, escape_formula, result_of_row
from importer.results.columns import unescape_formula

RUN = "old-helpdesk.20240101T000000Z.abcdef"
EARLIER = "old-helpdesk.20230101T000000Z.abcdef"
TRICKY = st.text(st.sampled_from("'=+-@\t\r\n＝a1"), max_size=6) | st.text(max_size=10)


@given(TRICKY)
def test_escaping_is_undone_exactly(text: str) -> None:
    """Also for texts that begin with apostrophes."""
    assert unescape_formula(escape_formula(text)) == text
    assert unescape_formula(text) in (text, text.removeprefix("'")), (
        "of another program's text nothing but an apostrophe goes"
    )


@given(TRICKY)
def test_escaped_text_is_never_a_formula(text: str) -> None:
    """No character is lost."""
    assert not escape_formula(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert escape_formula(text).endswith(text)


def test_server_texts_and_keys_are_escaped() -> None:
    """IDs, error, hint and key cannot be formulas."""
    evil = '=HYPERLINK("http://example.com")'
    row = ResultRow(
        row=2,
        key=evil,
        status=Status.CREATED,
        ids=TicketIds(number=evil, ticket_id=evil, key=evil),
        code="refused",
        error=evil,
        hint=evil,
        attempts=1,
        finished_at="t",
        account="tenant",
        run=RUN,
    )
    cells = dict(zip(COLUMNS, row.cells(), strict=True))
    assert [name for name, cell in cells.items() if cell.startswith("=")] == []
    assert sum(cell == f"'{evil}" for cell in cells.values()) == 6


def test_cells_of_previous_results_stay_unchanged() -> None:
    """A row of a previous results file is written unchanged."""
    kept = tuple(f"={name}" for name in COLUMNS)
    assert ResultRow(row=2, key="A", status=Status.CREATED, kept=kept).cells() == kept


def test_data_columns_are_the_manifests() -> None:
    """The thirteen columns are left out, and the others keep their order."""
    assert data_columns(["b", *COLUMNS, "a"]) == ("b", "a")


# -- the result of a row


def entry(state: str, **changes) -> LedgerEntry:
    values = {
        "id": 1,
        "key": "A",
        "state": state,
        "held_by": None,
        "run": RUN,
        "content": "c",
        "ids": None,
        "error_code": "",
        "error": "",
        "attempts": 1,
        "finished_at": "t",
    }
    return LedgerEntry(**{**values, **changes})


def projected(found: LedgerEntry | None, rejection: Rejection | None = None, content: str = "c") -> ResultRow:
    judged = RowState(row=7, key="A", content=content, entry=found, rejection=rejection)
    return result_of_row(judged, account="tenant", run=RUN)


@pytest.mark.parametrize(
    ("found", "status", "code"),
    [
        (None, Status.PENDING, "not-reached"),
        (entry("pending"), Status.PENDING, "not-reached"),
        (entry("pending", error_code="keys-refused"), Status.PENDING, "keys-refused"),
        (entry("sending"), Status.UNKNOWN, "interrupted"),
        (entry("unknown", error_code="no-answer"), Status.UNKNOWN, "no-answer"),
        (entry("failed", error_code="refused"), Status.FAILED, "refused"),
        (entry("created"), Status.CREATED, ""),
        (entry("created", run=EARLIER, ids=TicketIds(number="1")), Status.SKIPPED, ""),
        (entry("undone"), Status.UNDONE, ""),
    ],
)
def test_every_state_of_the_ledger_is_one_known_status(found, status, code) -> None:
    """A ticket of a previous run is `skipped`, a row in flight `unknown`, a row without an entry `pending`."""
    row = projected(found)
    assert (row.status, row.code, row.row, row.key) == (status, code, 7, "A")
    assert bool(row.hint) == bool(code)


def test_rejection_overrides_the_ledger() -> None:
    """The row was not sent in this run, and the user must see its problem."""
    rejection = Rejection(manifest_row=7, key="", code="duplicate-key", error="e", hint="h")
    row = projected(entry("created"), rejection)
    assert (row.status, row.code, row.key, row.ids, row.attempts) == (Status.REJECTED, "duplicate-key", "", None, 0)


@pytest.mark.parametrize(("content", "says"), [("c", False), ("other", True)])
def test_a_row_that_changed_since_its_ticket_was_made_says_so(content, says) -> None:
    """The hint says so, unless the earlier content is unknown."""
    assert ("has changed" in projected(entry("created", run=EARLIER), content=content).hint) == says
    assert "has changed" not in projected(entry("created", run=EARLIER, content=""), content=content).hint


def test_ids_and_run_are_those_of_the_run_that_made_the_ticket() -> None:
    """`undo` and `verify` need them."""
    ids = TicketIds(number="157")
    row = projected(entry("created", run=EARLIER, ids=ids))
    assert (row.ids, row.run, row.account) == (ids, EARLIER, "tenant")
