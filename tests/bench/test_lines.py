"""A goal is reached or missed by the figures alone."""

from __future__ import annotations

import pytest

from tests.bench.lines import Goal, Line, Verdict, verdict


def line(ours: list[float], otherwise: list[float], goal: Goal | None = None, *, compared: bool = True) -> Line:
    return Line(section="s", what="w", ours=ours, otherwise=otherwise, goal=goal, compared=compared)


def test_ratios_are_taken_run_by_run() -> None:
    """What was measured side by side is compared; a slow minute then slows both."""
    assert line([2, 30, 4], [1, 10, 4]).ratios() == [2, 3, 1]


def test_ratios_of_unequal_numbers_of_runs() -> None:
    """Where one was run more often, the others' median stands beside each of ours."""
    assert line([4, 6], [1, 2, 30]).ratios() == [2, 3]


@pytest.mark.parametrize("otherwise", [[], [0.0, 1.0]])
def test_there_is_not_always_a_ratio(otherwise: list[float]) -> None:
    """Nothing is divided by nothing."""
    assert line([1, 2], otherwise).ratios() == []
    assert line([1, 2], [1, 2], compared=False).ratios() == []


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        (Goal(bound=2, side="most"), Verdict(reached=2, met=True)),
        (Goal(bound=1.9, side="most"), Verdict(reached=2, met=False)),
        (Goal(bound=2, side="least"), Verdict(reached=2, met=True)),
        (Goal(bound=2.1, side="least"), Verdict(reached=2, met=False)),
        (Goal(bound=2, side="most", every=True), Verdict(reached=9, met=False)),
        (Goal(bound=1, side="least", every=True), Verdict(reached=1, met=True)),
        (Goal(bound=0.5, side="most", by="ratio"), Verdict(reached=0.5, met=True)),
        (Goal(bound=0.5, side="most", by="ratio", every=True), Verdict(reached=2.25, met=False)),
    ],
)
def test_a_goal_is_held_against_the_median_or_the_worst(goal: Goal, expected: Verdict) -> None:
    """The bound itself is good enough; `every` looks at the worst run, whichever side that is."""
    assert verdict(line([1, 2, 9], [4, 4, 4], goal)) == expected


def test_a_line_without_a_goal_has_no_verdict() -> None:
    """Some figures only tell."""
    assert verdict(line([1], [])) is None


def test_a_line_says_something() -> None:
    """A line without figures, or a goal for a ratio that there is not, is a fault of the bench."""
    with pytest.raises(ValueError, match="no figure"):
        line([], [1])
    with pytest.raises(ValueError, match="there is none"):
        line([1], [], Goal(bound=1, side="most", by="ratio"))
