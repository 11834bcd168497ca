"""The terminal as the desk at which an import reports and asks."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
from pythonjsonlogger.json import JsonFormatter

from importer.errors import UsageError
from importer.models import Problem, Rate
from importer.progress import Bar, Figures, Lines, Progress, Silent
from importer.report import ProblemTally, plan_lines
from importer.summary import PlanSummary

log = logging.getLogger("importer")
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
        report: Callable[[Problem], None] = lambda _: None,
    ) -> None:
        self.tally = ProblemTally()
        self._rate = rate
        self._asks = asks
        self._bar = bar
        self._report = report
        self._judged = 0
        self._next_line_at = time.monotonic() + _JUDGED_LINE_EVERY_S

    def problem(self, problem: Problem) -> None:
        """Count it, and report it."""
        self.tally.problem(problem)
        self._report(problem)

    def judged(self, rows: int) -> None:
        """Say now and then how far the check is."""
        self._judged += rows
        if time.monotonic() >= self._next_line_at:
            self._next_line_at = time.monotonic() + _JUDGED_LINE_EVERY_S
            log.info("%s rows checked", f"{self._judged:,}")

    def confirm(self, plan: PlanSummary) -> bool:
        """Show the plan and ask."""
        self.show_problems()
        for line in plan_lines(plan, self._rate):
            log.info("%s", line)
        return not self._asks or click.confirm(f"Send {plan.to_send:,} tickets to {plan.account}?", err=True)

    def show_problems(self) -> None:
        """Show the first problem of each kind."""
        for line in self.tally.lines():
            log.warning("%s", line)

    def progress(self, total: int, limit: Rate) -> Progress:
        """Give a bar, log lines, or nothing."""
        if self._bar is None:
            return Silent()
        figures = Figures(total=total, limit=limit, clock=time.monotonic)
        return Bar(figures) if self._bar else Lines(figures)

    def note(self, text: str) -> None:
        """Log it."""
        log.warning("%s", text)


def is_terminal() -> bool:
    """Say whether a person sees standard error and can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def set_up_log(*, log_format: str, log_file: Path | None, quiet: bool, verbose: bool) -> None:
    """Send the log to standard error, and to a file if one is named. Raises UsageError."""
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    stamped = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")
    if not is_terminal():
        handlers[0].setFormatter(stamped)
    if log_file is not None:
        try:
            handlers.append(logging.FileHandler(log_file, encoding="utf-8"))
        except OSError as error:
            raise UsageError(
                f"the log {log_file} can't be written: {error.strerror}", hint="choose another place for --log-file"
            ) from error
        handlers[1].setFormatter(stamped)
    if log_format == "json":
        for handler in handlers:
            handler.setFormatter(
                JsonFormatter(
                    ["asctime", "levelname", "message"],
                    rename_fields={"asctime": "time", "levelname": "level"},
                    datefmt="%Y-%m-%dT%H:%M:%S%z",
                )
            )
    for old in list(log.handlers):
        log.removeHandler(old)
        old.close()
    for handler in handlers:
        log.addHandler(handler)
    log.setLevel(level)
    log.propagate = False
