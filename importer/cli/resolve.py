"""`resolve`: finds out which unknown rows became tickets, by looking in the account and by the user's decisions."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from importer.cli import options
from importer.cli.json_envelope import enveloped
from importer.cli.ledger_location import sandbox_ledger
from importer.cli.log_setup import set_up_log
from importer.cli.output import log, print_line, print_report
from importer.cli.questions import ask, can_ask
from importer.cli.terminal import show_lines
from importer.models import Rate
from importer.reports import summary_json, summary_lines
from importer.resolve.run import ResolveJob
from importer.resolve.search import SearchOptions, SearchPlan
from importer.resolve.workflow import Resolution
from importer.resolve.workflow import resolve as settle_unknown_rows
from importer.runtime.display_text import duration, labelled, limit_text
from importer.settings import SANDBOX_ACCOUNT, ledger_url, read_connection

_CALLS_LINE_EVERY_S = 10.0
_OUTCOMES = {
    "found": "found in the account",
    "set-created": "set to created by --set",
    "not-found": "not found; the rows stay unknown, as their tickets may still exist",
    "ambiguous": "uncertain: more than one ticket or row matches",
    "set-pending": "set to pending by --set",
}


def resolve(results_file: Path, decisions: tuple[str, ...], **flags: Any) -> int:
    """Find out which unknown rows became tickets."""
    environment = options.read_environment()
    set_up_log(flags, environment)
    account, rate = read_connection(environment, flags["rate"], sandbox=flags["sandbox"])
    dialog = _ResolveTerminal(rate, asks=can_ask() and not flags["yes"])
    search_options = SearchOptions(
        account=account,
        rate=rate,
        give_up_after_s=flags["give_up_after"],
        answer_timeout_s=flags["answer_timeout"],
    )
    keeps_format = results_file.suffix.lower() in (".csv", ".xlsx")
    with contextlib.nullcontext(ledger_url(flags["ledger"], environment)) if account else sandbox_ledger() as url:
        job = ResolveJob(
            results=results_file,
            target=flags["results"] or (results_file if keeps_format else results_file.with_suffix(".csv")),
            account_name=account.name if account else SANDBOX_ACCOUNT,
            ledger_url=url,
            decisions=decisions,
        )
        resolution = settle_unknown_rows(job, search_options, dialog)
    _show(resolution, as_json=flags["as_json"])
    return resolution.summary.exit_code


def _show(resolution: Resolution, *, as_json: bool) -> None:
    summary, outcomes = resolution.summary, resolution.outcomes
    if as_json:
        counts = {outcome.replace("-", "_"): outcomes[outcome] for outcome in _OUTCOMES}
        print_line(enveloped({**json.loads(summary_json(summary)), **counts}, error=summary.ending))
        return
    print_report(
        labelled("looked up", f"{outcomes[each]:,} {text}") for each, text in _OUTCOMES.items() if outcomes[each]
    )
    print_report(summary_lines(summary))


class _ResolveTerminal:
    """The dialog of `resolve` on standard error, which need not be a terminal. ``asks``: the user is there."""

    def __init__(self, rate: Rate, *, asks: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._asks = asks
        self._clock = clock
        self._next_line_at = clock() + _CALLS_LINE_EVERY_S

    def show_plan(self, plan: SearchPlan) -> None:
        show_lines(logging.INFO, _plan_lines(plan, self._rate), even_if_quiet=self._asks)

    def confirm_plan(self, plan: SearchPlan) -> bool:
        return not self._asks or ask(f"Look for these tickets in {plan.account}?")

    def show_calls(self, calls: int, plan: SearchPlan) -> None:
        if self._clock() >= self._next_line_at:
            self._next_line_at = self._clock() + _CALLS_LINE_EVERY_S
            log.info("%s of %s calls made", f"{calls:,}", f"{plan.calls:,}")

    def warn(self, text: str) -> None:
        log.warning("%s", text)


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
    time_s = f"at least {duration(plan.seconds)}" if plan.seconds else "a few seconds"
    yield labelled("duration", f"{time_s}: {calls} at {limit_text(rate)}")
