"""The lines of the table: what was measured, beside what else one would do, against what was aimed at. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What is aimed at: ``bound`` at most or at least, by our figures themselves or by their ratio to the others'.

    The median counts, or with ``every`` the worst of all runs.
    """

    bound: float
    side: Literal["most", "least"]
    by: Literal["figure", "ratio"] = "figure"
    every: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line. ``ours`` and ``otherwise`` hold a figure per run; runs of the same position were made side by side.

    ``scale`` turns the figures into those shown in ``unit``; ``digits`` are shown behind the point.
    ``compared``: whether a ratio of the two says something.
    """

    section: str
    what: str
    ours: Sequence[float]
    otherwise: Sequence[float] = ()
    goal: Goal | None = None
    unit: str = ""
    digits: int = 2
    compared: bool = True

    def __post_init__(self) -> None:
        if not self.ours:
            raise ValueError(f"{self.what}: there is no figure of ours")
        if self.goal is not None and self.goal.by == "ratio" and not self.ratios():
            raise ValueError(f"{self.what}: the goal is a ratio, and there is none")

    def ratios(self) -> list[float]:
        """Ours over the others', run by run; where not as many runs were made, all of ours over their median."""
        if not self.compared or not self.otherwise or not all(self.otherwise):
            return []
        if len(self.ours) == len(self.otherwise):
            return [mine / theirs for mine, theirs in zip(self.ours, self.otherwise, strict=True)]
        middle = statistics.median(self.otherwise)
        return [mine / middle for mine in self.ours]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was reached of a goal."""

    reached: float
    met: bool


def verdict(line: Line) -> Verdict | None:
    """Hold a line against its goal; ``None`` if it has none."""
    if (goal := line.goal) is None:
        return None
    figures = line.ours if goal.by == "figure" else line.ratios()
    worst = max if goal.side == "most" else min
    reached = worst(figures) if goal.every else statistics.median(figures)
    return Verdict(reached=reached, met=reached <= goal.bound if goal.side == "most" else reached >= goal.bound)
