"""`resolve`: finds out which unknown rows became tickets, by looking in the account and by the user's decisions."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from importer.cli import options
from importer.cli.ending import Ending, command_run
from importer.cli.log_setup import set_up_log
from importer.cli.next_steps import after_resolve, step_lines, steps_data
from importer.cli.output import log, show_lines
from importer.cli.questions import ask, can_ask
from importer.cli.terminal import Terminal
from importer.models import Rate
from importer.reports import log_text, summary_data, summary_lines
from importer.resolve.run import ResolveJob
from importer.resolve.search import SearchOptions, SearchPlan
from importer.resolve.workflow import resolve as settle_unknown_rows
from importer.runtime.display_text import labelled, least_duration, limit_text
from importer.runtime.events import CallEnded, Event
from importer.settings import SANDBOX_ACCOUNT, ledger_url, read_connection, read_environment
from importer.workflows.ledger_location import sandbox_ledger

_OUTCOMES = {
    "found": "found in the account",
    "set-created": "set to created by --set",
    "not-found": "not found; the rows stay unknown, as their tickets may still exist",
    "ambiguous": "uncertain: more than one ticket or row matches",
    "set-pending": "set to pending by --set",
}


def resolve(results_file: Path, decisions: tuple[str, ...], **flags: Any) -> Ending:
    """Find out which unknown rows became tickets."""
    environment = read_environment()
    set_up_log(flags, environment)
    account, rate = read_connection(environment, flags["rate"], sandbox=flags["sandbox"])
    terminal = _ResolveTerminal(rate, asks=can_ask() and not flags["yes"])
    search_options = SearchOptions(
        account=account,
        rate=rate,
        give_up_after_s=flags["give_up_after"],
        answer_timeout_s=flags["answer_timeout"],
    )
    with contextlib.nullcontext(ledger_url(flags["ledger"], environment)) if account else sandbox_ledger() as url:
        job = ResolveJob(
            results=results_file,
            target=options.of_flags(flags).results_of_results(results_file),
            account_name=account.name if account else SANDBOX_ACCOUNT,
            ledger_url=url,
            decisions=decisions,
        )
        resolution = settle_unknown_rows(job, search_options, terminal.listen, terminal.confirm_search)
    summary, outcomes = resolution.summary, resolution.outcomes
    looked_up = [
        labelled("looked up", f"{outcomes[each]:,} {text}") for each, text in _OUTCOMES.items() if outcomes[each]
    ]
    steps = after_resolve(summary, command_run().typed)
    counts = {name.replace("-", "_"): outcomes[name] for name in _OUTCOMES}
    return Ending(
        exit_code=summary.exit_code,
        data=summary_data(summary) | counts | {"next": steps_data(steps)},
        lines=(*looked_up, *summary_lines(summary), *step_lines(steps)),
        error=summary.ending,
        log_text=log_text(summary),
    )


class _ResolveTerminal(Terminal):
    """Shows the plan of `resolve`, and how many calls are made."""

    def __init__(self, rate: Rate, *, asks: bool) -> None:
        super().__init__(asks=asks, bar=None)
        self._rate = rate
        self._calls = self._planned_calls = 0

    def listen(self, event: Event) -> None:
        match event:
            case SearchPlan(calls=calls):
                self._planned_calls = calls
                show_lines(logging.INFO, _plan_lines(event, self._rate), even_if_quiet=self.asks)
            case CallEnded():
                self._calls += 1
                if self.is_line_due():
                    log.info("%s of %s calls made", f"{self._calls:,}", f"{self._planned_calls:,}")
        super().listen(event)

    def confirm_search(self, plan: SearchPlan) -> bool:
        return not self.asks or ask(f"Look for these tickets in {plan.account}?")


def _plan_lines(plan: SearchPlan, rate: Rate) -> Iterator[str]:
    yield labelled("account", plan.account)
    by_hand = f", {plan.decided:,} of them set by --set" if plan.decided else ""
    yield labelled("rows", f"{plan.unknown:,} unknown in {plan.results}{by_hand}")
    if not plan.calls:
        yield labelled("to look up", "nothing")
        return
    numbers = "1 ticket number" if plan.numbers == 1 else f"{plan.numbers:,} ticket numbers"
    span = f" from {plan.first} to {plan.last}" if plan.last else ""
    yield labelled("to look up", f"{numbers}{span}")
    calls = "1 call" if plan.calls == 1 else f"{plan.calls:,} calls"
    yield labelled("duration", f"{least_duration(plan.seconds)}: {calls} at {limit_text(rate)}")
