"""Collects the problems that validation finds in a chunk's rows."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from importer.models import Problem


class MakeProblem(Protocol):
    """Makes a Problem; adds the sheet's name and the error catalogue's advice."""

    def __call__(
        self, code: str, row: int, message: str, *, column: str | None = None, value: str | None = None
    ) -> Problem:
        """Make a problem of one row of the manifest."""


class ProblemCollector:
    """Collects problems of one chunk in ``problems``, by row position. ``rows``: the rows' numbers in the manifest."""

    def __init__(self, make: MakeProblem, rows: npt.NDArray[np.int64], problems: dict[int, list[Problem]]) -> None:
        self._make = make
        self._rows = rows
        self._problems = problems

    def add(
        self, position: int, code: str, message: str, *, column: str | None = None, value: str | None = None
    ) -> None:
        """Add one problem."""
        problem = self._make(code, int(self._rows[position]), message, column=column, value=value)
        self._problems[position].append(problem)
