"""The terminal as the desk at which an import reports and asks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from importer.cli.output import ask, log, say_beside
from importer.models import Problem, Rate
from importer.reports import NoProblemReport, ProblemReport, ProblemTally, plan_lines, warning_lines
from importer.reports.summary import PlanSummary
from importer.runtime.progress import Figures, Progress, ProgressBar, ProgressLines, SilentProgress

_JUDGED_LINE_EVERY_S = 10.0


class Terminal:
    """Standard error, with a person behind it or not.

    ``asks``: the user is there and wants to be asked. ``bar``: show a bar, or log lines (``False``), or nothing at
    all (``None``). ``report`` takes every problem.
    """

    def __init__(
        self,
        rate: Rate,
        *,
        asks: bool = False,
        bar: bool | None = False,
        report: ProblemReport | None = None,
    ) -> None:
        self.tally = ProblemTally()
        self._rate = rate
        self._asks = asks
        self._bar = bar
        self._report = report or NoProblemReport()
        self._judged = 0
        self._next_line_at = time.monotonic() + _JUDGED_LINE_EVERY_S

    def wrong_rows(self, rows: Sequence[int], columns: Sequence[str], cells: Callable[[], list[list[str]]]) -> None:
        """Let the report have their cells."""
        self._report.wrong_rows(rows, columns, cells)

    def problem(self, problem: Problem) -> None:
        """Count it, and report it."""
        self.tally.problem(problem)
        self._report.problem(problem)

    def judged(self, rows: int) -> None:
        """Say now and then how far the check is."""
        self._judged += rows
        if time.monotonic() >= self._next_line_at:
            self._next_line_at = time.monotonic() + _JUDGED_LINE_EVERY_S
            log.info("%s rows checked", f"{self._judged:,}")

    def show(self, plan: PlanSummary) -> None:
        """Show what is wrong, and the plan."""
        self._tell(logging.WARNING, self.tally.lines())
        self._tell(logging.INFO, plan_lines(plan))
        self._tell(logging.WARNING, warning_lines(plan))

    def confirm(self, plan: PlanSummary) -> bool:
        """Ask, if there is someone to ask."""
        tickets = "1 ticket" if plan.to_send == 1 else f"{plan.to_send:,} tickets"
        return not self._asks or ask(f"Send {tickets} to {plan.account}?")

    def _tell(self, level: int, lines: Iterable[str]) -> None:
        for line in lines:
            if log.isEnabledFor(level):
                log.log(level, "%s", line)
            elif self._asks:  # nobody can agree to what -q has hidden
                say_beside(line)

    def progress(self, total: int, limit: Rate) -> Progress:
        """Give a bar, log lines, or nothing."""
        if self._bar is None:
            return SilentProgress()
        figures = Figures(total=total, limit=limit, clock=time.monotonic)
        return ProgressBar(figures) if self._bar else ProgressLines(figures)

    def note(self, text: str) -> None:
        """Log it."""
        log.warning("%s", text)
