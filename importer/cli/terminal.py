"""The dialog of `validate`, `run` and `rerun` with the user: log lines, a progress bar and questions."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from importer.cli.output import log, print_to_stderr
from importer.cli.questions import ask
from importer.models import Problem, Rate
from importer.reports import NoProblemReport, ProblemReport, ProblemTally, plan_lines, warning_lines
from importer.reports.summary import PlanSummary
from importer.runtime.progress import Figures, Progress, ProgressBar, ProgressLines, SilentProgress

_CHECKED_LINE_EVERY_S = 10.0


class Terminal:
    """The dialog on standard error, which need not be a terminal.

    ``asks``: the user is there and is asked. ``bar``: show a bar (``True``), log lines (``False``) or nothing
    (``None``). ``report``: gets every problem.
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
        self._checked_rows = 0
        self._next_line_at = time.monotonic() + _CHECKED_LINE_EVERY_S

    def wrong_rows(self, rows: Sequence[int], columns: Sequence[str], cells: Callable[[], list[list[str]]]) -> None:
        """Pass the rows with problems on to the report."""
        self._report.wrong_rows(rows, columns, cells)

    def problem(self, problem: Problem) -> None:
        """Count a problem and pass it on to the report."""
        self.tally.problem(problem)
        self._report.problem(problem)

    def rows_checked(self, rows: int) -> None:
        """Log the number of checked rows every ten seconds."""
        self._checked_rows += rows
        if time.monotonic() >= self._next_line_at:
            self._next_line_at = time.monotonic() + _CHECKED_LINE_EVERY_S
            log.info("%s rows checked", f"{self._checked_rows:,}")

    def show_plan(self, plan: PlanSummary) -> None:
        """Show the problems, the plan and the warnings."""
        show_lines(logging.WARNING, self.tally.lines(), even_if_quiet=self._asks)
        show_lines(logging.INFO, plan_lines(plan), even_if_quiet=self._asks)
        show_lines(logging.WARNING, warning_lines(plan), even_if_quiet=self._asks)

    def confirm_plan(self, plan: PlanSummary) -> bool:
        """Ask whether to send, if the user is there; otherwise return ``True``."""
        tickets = "1 ticket" if plan.to_send == 1 else f"{plan.to_send:,} tickets"
        return not self._asks or ask(f"Send {tickets} to {plan.account}?")

    def progress(self, total: int, limit: Rate) -> Progress:
        """Return a progress bar, progress lines, or silent progress."""
        if self._bar is None:
            return SilentProgress()
        figures = Figures(total=total, limit=limit, clock=time.monotonic)
        return ProgressBar(figures) if self._bar else ProgressLines(figures)

    def warn(self, text: str) -> None:
        """Log a warning."""
        log.warning("%s", text)


def show_lines(level: int, lines: Iterable[str], *, even_if_quiet: bool) -> None:
    """Log lines. With ``even_if_quiet``, print those that ``--quiet`` hides: the user is asked about them."""
    for line in lines:
        if log.isEnabledFor(level):
            log.log(level, "%s", line)
        elif even_if_quiet:
            print_to_stderr(line)
