"""Which rows a run sends: every row of the manifest has exactly one disposition."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.models import Status
from importer.submission.plan import TO_SEND, Disposition, Plan, disposition_of


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, Disposition.SEND),
        ("pending", Disposition.SEND),
        ("undone", Disposition.SEND),
        ("failed", Disposition.RESEND),
        ("created", Disposition.SKIP),
        ("unknown", Disposition.HOLD),
        ("sending", Disposition.HOLD),
    ],
)
def test_ledger_state_decides_the_disposition(state: str | None, expected: Disposition) -> None:
    """A ticket is never sent again, and what may be one is not sent unasked."""
    assert disposition_of(state, resend_unknown=False) is expected


@pytest.mark.parametrize("state", [None, "sending", *Status])
def test_resending_unknown_rows_changes_only_those(state: str | None) -> None:
    """--on-unknown retry sends them after all others; a ticket stays a ticket."""
    unasked, asked = disposition_of(state, resend_unknown=False), disposition_of(state, resend_unknown=True)
    assert asked is (Disposition.RESEND if unasked is Disposition.HOLD else unasked)


@given(st.lists(st.tuples(st.sampled_from(Disposition), st.integers(1, 3))), st.none() | st.integers(0, 30))
def test_plan_gives_each_row_one_disposition(given_rows: list[tuple[Disposition, int]], limit: int | None) -> None:
    """Rows in are rows out, each counted once and under its own number; a limit only takes away."""
    dispositions = [disposition for disposition, _ in given_rows]
    rows = list(itertools.accumulate((step for _, step in given_rows), initial=1))[1:]
    plan = Plan()
    for start in range(0, len(dispositions), 3):
        plan.extend(rows[start : start + 3], dispositions[start : start + 3])
    assert len(plan) == len(dispositions) == plan.counts().total()
    assert [Disposition(each) for each in plan.dispositions] == dispositions
    assert [plan.row(position) for position in range(len(plan))] == rows
    to_send = sum(1 for each in dispositions if each in TO_SEND)
    assert plan.to_send(limit) == (to_send if limit is None else min(limit, to_send))
