"""The exit code and the counts of a run."""

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
def test_the_exit_code_is_0_only_if_every_row_that_takes_part_is_a_ticket(status) -> None:
    """One row in any other state is enough for 1."""
    is_ticket = status in (Status.CREATED, Status.SKIPPED, Status.EXCLUDED)
    assert summary(Status.CREATED, status, Status.SKIPPED).exit_code == (0 if is_ticket else 1)


def test_no_row_is_a_success() -> None:
    """A nightly export without new rows is not an error."""
    assert summary().exit_code == 0


@pytest.mark.parametrize(
    ("ending", "code"), [(StoppedEarly("x"), 3), (HeldByAnotherRun("x"), 4), (Interrupted(15, "x"), 143)]
)
def test_early_end_sets_the_exit_code(ending, code) -> None:
    """The states of the rows do not matter then."""
    assert summary(Status.CREATED, ending=ending).exit_code == code
    assert summary(Status.FAILED, ending=ending).exit_code == code


def test_errors_of_rows_without_tickets_are_counted() -> None:
    """The same error is one line with a count."""
    made = summary(Status.CREATED)
    made.count([(Status.FAILED, "refused", "no")] * 3 + [(Status.REJECTED, "too-long", "x")])
    assert made.statuses == {Status.CREATED: 1, Status.FAILED: 3, Status.REJECTED: 1}
    assert made.reasons == {(Status.FAILED, "refused", "no"): 3, (Status.REJECTED, "too-long", "x"): 1}


def test_number_of_errors_is_bounded() -> None:
    """A million different errors do not fill the memory; states are always counted."""
    made = summary()
    made.count((Status.FAILED, "refused", f"{number}") for number in range(5_000))
    made.count([(Status.FAILED, "refused", "0")])
    assert made.statuses[Status.FAILED] == 5_001
    assert len(made.reasons) == 1_000
    assert made.reasons[Status.FAILED, "refused", "0"] == 2
