"""Measurements with baselines and goals: the rows of the table. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Goal:
    """An upper or lower ``bound`` for our figures, or for their ratio to the baseline.

    It applies to the median, or with ``every`` to the worst run.
    """

    bound: float
    side: Literal["most", "least"]
    by: Literal["figure", "ratio"] = "figure"
    every: bool = False


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A row of the table. ``ours`` and ``baseline`` hold a figure per run; runs at the same index belong together.

    ``digits``: decimal places. ``compared``: whether a ratio of the two makes sense.
    """

    section: str
    what: str
    ours: Sequence[float]
    baseline: Sequence[float] = ()
    goal: Goal | None = None
    unit: str = ""
    digits: int = 2
    compared: bool = True

    def __post_init__(self) -> None:
        if not self.ours:
            raise ValueError(f"{self.what}: no figures of ours")
        if self.goal is not None and self.goal.by == "ratio" and not self.ratios():
            raise ValueError(f"{self.what}: the goal is a ratio, but there is no baseline")

    def ratios(self) -> list[float]:
        """Return our figures divided by the baseline of the same run, or by its median if the numbers of runs differ."""
        if not self.compared or not self.baseline or not all(self.baseline):
            return []
        if len(self.ours) == len(self.baseline):
            return [mine / theirs for mine, theirs in zip(self.ours, self.baseline, strict=True)]
        middle = statistics.median(self.baseline)
        return [mine / middle for mine in self.ours]


@dataclass(frozen=True, kw_only=True)
class GoalCheck:
    """The reached figure, and whether it meets the goal."""

    reached: float
    met: bool


def check_goal(line: Measurement) -> GoalCheck | None:
    """Compare a measurement with its goal; ``None`` if it has none."""
    if (goal := line.goal) is None:
        return None
    figures = line.ours if goal.by == "figure" else line.ratios()
    worst = max if goal.side == "most" else min
    reached = worst(figures) if goal.every else statistics.median(figures)
    return GoalCheck(reached=reached, met=reached <= goal.bound if goal.side == "most" else reached >= goal.bound)
