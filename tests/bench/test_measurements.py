"""Ratios, and goals that are reached or missed."""

from __future__ import annotations

import pytest

from tests.bench.cpu_bound import Repeats
from tests.bench.measurements import Goal, GoalCheck, Measurement, check_goal


def line(ours: list[float], baseline: list[float], goal: Goal | None = None, *, compared: bool = True) -> Measurement:
    return Measurement(section="s", what="w", ours=ours, baseline=baseline, goal=goal, compared=compared)


def test_ratios_are_taken_run_by_run() -> None:
    """Runs at the same index are compared: a busy machine slows both."""
    assert line([2, 30, 4], [1, 10, 4]).ratios() == [2, 3, 1]


def test_ratios_of_unequal_numbers_of_runs() -> None:
    """With unequal numbers of runs, each of ours is compared with the median of the baseline."""
    assert line([4, 6], [1, 2, 30]).ratios() == [2, 3]


@pytest.mark.parametrize("baseline", [[], [0.0, 1.0]])
def test_there_is_not_always_a_ratio(baseline: list[float]) -> None:
    """There is no ratio without a baseline, or with one of 0."""
    assert line([1, 2], baseline).ratios() == []
    assert line([1, 2], [1, 2], compared=False).ratios() == []


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        (Goal(bound=2, side="most"), GoalCheck(reached=2, met=True)),
        (Goal(bound=1.9, side="most"), GoalCheck(reached=2, met=False)),
        (Goal(bound=2, side="least"), GoalCheck(reached=2, met=True)),
        (Goal(bound=2.1, side="least"), GoalCheck(reached=2, met=False)),
        (Goal(bound=2, side="most", every=True), GoalCheck(reached=9, met=False)),
        (Goal(bound=1, side="least", every=True), GoalCheck(reached=1, met=True)),
        (Goal(bound=0.5, side="most", by="ratio"), GoalCheck(reached=0.5, met=True)),
        (Goal(bound=0.5, side="most", by="ratio", every=True), GoalCheck(reached=2.25, met=False)),
    ],
)
def test_a_goal_applies_to_the_median_or_the_worst_run(goal: Goal, expected: GoalCheck) -> None:
    """A figure equal to the bound reaches it; with `every` the worst run counts."""
    assert check_goal(line([1, 2, 9], [4, 4, 4], goal)) == expected


def test_a_measurement_without_a_goal_is_not_checked() -> None:
    """Some figures are only shown."""
    assert check_goal(line([1], [])) is None


def test_a_measurement_without_figures_is_an_error() -> None:
    """A measurement without figures, or with a goal for a missing ratio, raises ValueError."""
    with pytest.raises(ValueError, match="no figure"):
        line([], [1])
    with pytest.raises(ValueError, match="there is no baseline"):
        line([1], [], Goal(bound=1, side="most", by="ratio"))


def test_repeats_end_with_their_budget() -> None:
    """There is at least one run, then as many as fit the time, up to the maximum."""
    assert list(Repeats(most=5, budget_s=0)) == [0]
    assert list(Repeats(most=3, budget_s=1000)) == [0, 1, 2]
