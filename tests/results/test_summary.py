"""How a run ended, as the exit code and the counts tell it."""

from __future__ import annotations

import pytest

from importer.errors import HeldByAnotherRun, Interrupted, StoppedEarly
from importer.models import Status
from importer.reports.summary import Summary


def summary(*statuses: Status, ending=None) -> Summary:
    made = Summary(run="r", account="tenant", results=None, ending=ending)
    made.count((status, "", "") for status in statuses)
    return made


@pytest.mark.parametrize("status", Status)
def test_the_exit_code_is_0_only_if_every_row_is_a_ticket(status) -> None:
    """One row in any other state is enough for 1."""
    is_ticket = status in (Status.CREATED, Status.SKIPPED)
    assert summary(Status.CREATED, status, Status.SKIPPED).exit_code == (0 if is_ticket else 1)


def test_no_row_is_a_success() -> None:
    """A nightly export without news is nothing to be woken up for."""
    assert summary().exit_code == 0


@pytest.mark.parametrize(
    ("ending", "code"), [(StoppedEarly("x"), 3), (HeldByAnotherRun("x"), 4), (Interrupted(15, "x"), 143)]
)
def test_an_early_end_speaks_for_itself(ending, code) -> None:
    """Whatever became of the rows, why it ended is what the caller must know."""
    assert summary(Status.CREATED, ending=ending).exit_code == code
    assert summary(Status.FAILED, ending=ending).exit_code == code


def test_reasons_are_counted_for_rows_that_are_no_tickets() -> None:
    """The same reason is one line with a count; a ticket has none."""
    made = summary(Status.CREATED)
    made.count([(Status.FAILED, "refused", "no")] * 3 + [(Status.REJECTED, "too-long", "x")])
    assert made.statuses == {Status.CREATED: 1, Status.FAILED: 3, Status.REJECTED: 1}
    assert made.reasons == {(Status.FAILED, "refused", "no"): 3, (Status.REJECTED, "too-long", "x"): 1}


def test_reasons_are_bounded_and_states_are_not() -> None:
    """A million rows of which each has a reason of its own need no memory for a million reasons."""
    made = summary()
    made.count((Status.FAILED, "refused", f"{number}") for number in range(5_000))
    made.count([(Status.FAILED, "refused", "0")])
    assert made.statuses[Status.FAILED] == 5_001
    assert len(made.reasons) == 1_000
    assert made.reasons[Status.FAILED, "refused", "0"] == 2
