"""Listens to the events of `validate`, `run` and `rerun`, and shows them: log lines and a progress bar."""

from __future__ import annotations

import logging
import time

from importer.cli.ending import command_run
from importer.cli.output import log, show_lines
from importer.cli.progress import ProgressBar, ProgressLines
from importer.cli.questions import ask
from importer.reports import plan_lines, problem_lines, warning_lines
from importer.reports.summary import NewLedger, PlanSummary
from importer.runtime.events import Emit, Event, Noted, RowsChecked, Warned, to_all

_LINE_EVERY_S = 10.0


class Terminal:
    """Shows events on standard error, which need not be a terminal, and collects them for JSON.

    ``asks``: the user is there and is asked. ``bar``: show a bar (``True``), log lines (``False``) or nothing
    (``None``).
    """

    def __init__(self, *, asks: bool = False, bar: bool | None = False) -> None:
        self.asks = asks
        self._show_progress: Emit = to_all() if bar is None else (ProgressBar if bar else ProgressLines)().listen
        self._command = command_run()
        self._checked_rows = 0
        self._next_line_at = time.monotonic() + _LINE_EVERY_S

    def listen(self, event: Event) -> None:
        """Show an event."""
        self._command.listen(event)
        match event:
            case Warned(text):
                log.warning("%s", text)
            case Noted(text, is_detail):
                show_lines(logging.DEBUG if is_detail else logging.INFO, [text])
            case RowsChecked(rows):
                self._checked_rows += rows
                if self.is_line_due():
                    log.info("%s rows checked", f"{self._checked_rows:,}")
            case PlanSummary():
                show_lines(logging.WARNING, problem_lines(event.kinds), even_if_quiet=self.asks)
                show_lines(logging.INFO, plan_lines(event), even_if_quiet=self.asks)
                show_lines(logging.WARNING, warning_lines(event), even_if_quiet=self.asks)
            case _:
                self._show_progress(event)

    def is_line_due(self) -> bool:
        """Return whether ten seconds have passed since this was last true."""
        is_due = time.monotonic() >= self._next_line_at
        if is_due:
            self._next_line_at = time.monotonic() + _LINE_EVERY_S
        return is_due

    def confirm(self, question: PlanSummary | NewLedger) -> bool:
        """Ask the user. If nobody is there, a plan is carried out, and no ledger is created."""
        if not isinstance(question, PlanSummary):
            return self.asks and ask(
                f"No ledger found at {question.url}. Create a new one? "
                "Answer no if you have imported into this account before."
            )
        tickets = "1 ticket" if question.to_send == 1 else f"{question.to_send:,} tickets"
        return not self.asks or ask(f"Send {tickets} to {question.account}?")
