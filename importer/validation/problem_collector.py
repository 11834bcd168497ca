"""Where the problems of a chunk's rows are written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.account_fields.value_check import shortened
from importer.mapping import Rule
from importer.models import Problem


class MakeProblem(Protocol):
    """Knows the sheet, and the catalogue's advice."""

    def __call__(
        self, code: str, row: int, message: str, *, column: str | None = None, value: str | None = None
    ) -> Problem:
        """Make a problem of a row of the manifest."""


class ProblemCollector:
    """Collects the problems of one chunk under their rows' positions; ``rows`` are the rows' numbers."""

    def __init__(self, make: MakeProblem, rows: npt.NDArray[np.int64], problems: dict[int, list[Problem]]) -> None:
        self._make = make
        self._rows = rows
        self._problems = problems

    def add(self, code: str, bad: pd.Series, cells: pd.Series, rule: Rule, message: Callable[[str], str]) -> None:
        """Note every cell of ``bad`` (a mask with the index of ``cells``); ``message`` gets the cell as it is shown."""
        for position in bad.index[bad.to_numpy(dtype=bool)]:
            value = shortened(cells[position])
            self.add_one(int(position), code, f"{rule.column}: {message(repr(value))}", column=rule.column, value=value)

    def has(self, position: int, column: str | None) -> bool:
        """Whether something is wrong with this cell already."""
        found = self._problems.get(position, ())
        return column is not None and any(problem.column == column for problem in found)

    def add_one(
        self, position: int, code: str, message: str, *, column: str | None = None, value: str | None = None
    ) -> None:
        """Note one problem."""
        problem = self._make(code, int(self._rows[position]), message, column=column, value=value)
        self._problems[position].append(problem)
