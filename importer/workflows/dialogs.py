"""What workflows show to the user and ask the user. `cli` implements these interfaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from importer.models import Problem, Rate
from importer.reports.summary import PlanSummary
from importer.runtime.progress import Progress


class PreflightDialog(Protocol):
    """What a check shows to the user."""

    def wrong_rows(self, rows: Sequence[int], columns: Sequence[str], cells: Callable[[], list[list[str]]]) -> None:
        """Receive the numbers of the rows whose problems come next. ``cells`` reads them as the file has them."""

    def problem(self, problem: Problem) -> None:
        """Show one problem of one row. Problems come in the manifest's order."""

    def rows_checked(self, rows: int) -> None:
        """Show how many more rows are checked."""

    def warn(self, text: str) -> None:
        """Show a warning."""


class RunDialog(PreflightDialog, Protocol):
    """What an import shows to the user and asks the user."""

    def show_plan(self, plan: PlanSummary) -> None:
        """Show the problems of the rows, and the plan."""

    def confirm_plan(self, plan: PlanSummary) -> bool:
        """Ask whether to carry out the plan that was shown."""

    def progress(self, total: int, limit: Rate) -> Progress:
        """Return the progress display for ``total`` rows."""
