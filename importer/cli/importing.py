"""Carries out `run` and `rerun`: builds the job from the flags, runs it, and prints the summary.

Both commands load this module when they are called; it loads pandas, aiohttp and SQLAlchemy.
"""

from __future__ import annotations

from typing import Any

from importer.api.imports import Order
from importer.cli.ending import Ending, command_run
from importer.cli.log_setup import set_up_log
from importer.cli.next_steps import after_import, after_plan, step_lines, steps_data
from importer.cli.questions import can_ask, shows_bar
from importer.cli.terminal import Terminal
from importer.reports import log_text, plan_data, plan_lines, problem_lines, summary_data, summary_lines, warning_lines
from importer.reports.summary import PlanSummary
from importer.settings import read_environment
from importer.workflows.run import export_stopped


def import_tickets(order: Order, flags: dict[str, Any]) -> Ending:
    """Carry out an order, or only plan it with ``--dry-run``."""
    set_up_log(flags, read_environment(), written=(order.results,))
    terminal = Terminal(asks=can_ask() and not flags["yes"], bar=shows_bar(flags))
    if flags["dry_run"]:
        return _planned(order.plan(terminal.listen))
    summary = order.run(terminal.listen, terminal.confirm)
    steps = after_import(summary, command_run().typed)
    return Ending(
        exit_code=summary.exit_code,
        data=summary_data(summary) | {"next": steps_data(steps)},
        lines=(*summary_lines(summary), *step_lines(steps)),
        error=summary.ending,
        log_text=log_text(summary),
    )


def _planned(plan: PlanSummary) -> Ending:
    command_run().listen(plan)
    steps = after_plan(plan, command_run().typed)
    return Ending(
        exit_code=plan.exit_code,
        data=plan_data(plan) | {"next": steps_data(steps)},
        lines=(*problem_lines(plan.kinds, with_fixes=True), *plan_lines(plan), *warning_lines(plan)),
        text=(
            *(("", f"With {plan.go_on_with}, the first requests would be:") if plan.go_on_with else ()),
            *(line for request in plan.requests for line in ("", *request.split("\n"))),
            "",
            "This was a dry run: nothing was sent, recorded or written.",
        ),
        last_lines=step_lines(steps),
        error=export_stopped(plan) if plan.stops else None,
    )
