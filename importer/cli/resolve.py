"""`resolve`: settles unknown rows, by looking for their tickets and by what a person says."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli import options
from importer.cli.commands import cli
from importer.cli.json_envelope import enveloped
from importer.cli.output import ask, is_terminal, log, say, say_beside, set_up_log
from importer.models import Rate
from importer.settings import SANDBOX_ACCOUNT, AccountSettings, Environment, ledger_url, read_connection

if TYPE_CHECKING:
    from importer.resolve.search import SearchPlan
    from importer.resolve.workflow import Resolution

_LINE_EVERY_S = 10.0
_OUTCOMES = {
    "found": "found",
    "set-created": "set to created by hand",
    "not-found": "not found, which proves nothing",
    "ambiguous": "not certain: more than one ticket or row fits",
    "set-pending": "set to pending by hand",
}


@cli.command()
@click.argument("results_file", metavar="RESULTS", type=options.PATH)
@click.option(
    "--set",
    "decisions",
    multiple=True,
    metavar="ROW=STATE",
    help="What you know: ROW=created:NUMBER, ROW=pending, or not-found=pending. May be repeated; ROW is an import_row.",
)
@click.option("-o", "--results", type=options.PATH, help="Where the results go.  [default: over RESULTS]")
@click.option("--sandbox", is_flag=True, help="Ask an embedded, empty stand-in account; use a temporary ledger.")
@options.asking
@click.option("--yes", is_flag=True, help="Do not ask before looking.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@options.logging_flags
def resolve(results_file: Path, decisions: tuple[str, ...], **flags: Any) -> int:
    """Settle the unknown rows of RESULTS: look for their tickets by number, and write the results anew.

    Only a ticket that is surely a row's own settles it. A row that is not found stays unknown, unless you say with
    --set what is to become of it.
    """
    from importer.resolve.run import ResolveJob  # noqa: PLC0415 - see the package's docstring
    from importer.resolve.search import SearchOptions  # noqa: PLC0415
    from importer.resolve.workflow import resolve  # noqa: PLC0415

    environment = Environment(os.environ, Path(".env"))
    set_up_log(flags, environment)
    account, rate = read_connection(environment, flags["rate"], sandbox=flags["sandbox"])
    desk = _Desk(rate, asks=is_terminal() and not flags["yes"])
    terms = SearchOptions(
        account=account,
        rate=rate,
        give_up_after_s=flags["give_up_after"],
        answer_timeout_s=flags["answer_timeout"],
    )
    kept = results_file.suffix.lower() in (".csv", ".xlsx")
    with _ledger(account, flags["ledger"], environment) as url:
        job = ResolveJob(
            results=results_file,
            target=flags["results"] or (results_file if kept else results_file.with_suffix(".csv")),
            account_name=account.name if account else SANDBOX_ACCOUNT,
            ledger_url=url,
            decisions=decisions,
        )
        resolution = resolve(job, terms, desk)
    _show(resolution, as_json=flags["as_json"])
    return resolution.summary.exit_code


@contextlib.contextmanager
def _ledger(account: AccountSettings | None, flag: str | None, environment: Environment) -> Iterator[str]:
    from importer.ledger import Ledger  # noqa: PLC0415 - see the package's docstring
    from importer.manifest import private_folder  # noqa: PLC0415

    if account is not None:
        yield ledger_url(flag, environment)
        return
    with private_folder() as folder:
        url = f"sqlite:///{folder}/ledger.sqlite"
        Ledger.create(url).close()
        yield url


def _show(resolution: Resolution, *, as_json: bool) -> None:
    from importer.reports import summary_json, summary_lines  # noqa: PLC0415 - see the package's docstring

    summary, outcomes = resolution.summary, resolution.outcomes
    if as_json:
        counts = {outcome.replace("-", "_"): outcomes[outcome] for outcome in _OUTCOMES}
        say(enveloped({**json.loads(summary_json(summary)), **counts}, error=summary.ending))
        return
    for outcome, text in _OUTCOMES.items():
        if outcomes[outcome]:
            say(f"{outcomes[outcome]:,} {text}")
    for line in summary_lines(summary):
        say(line)


class _Desk:
    """Standard error, with a person behind it or not."""

    def __init__(self, rate: Rate, *, asks: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._asks = asks
        self._clock = clock
        self._next_line_at = clock() + _LINE_EVERY_S

    def show_plan(self, plan: SearchPlan) -> None:
        from importer.runtime.progress import duration, limit_text  # noqa: PLC0415 - see the package's docstring

        self._tell(f"account    {plan.account}")
        by_hand = f", {plan.decided:,} of them set by hand" if plan.decided else ""
        self._tell(f"results    {plan.results}: {plan.unknown:,} unknown{by_hand}")
        if not plan.calls:
            self._tell("to ask     nothing")
            return
        calls = "1 call" if plan.calls == 1 else f"{plan.calls:,} calls"
        span = f" from {plan.first} to {plan.last}" if plan.last else ""
        time_s = f", at least {duration(plan.seconds)}" if plan.seconds else ""
        what = "1 ticket number" if plan.numbers == 1 else f"{plan.numbers:,} ticket numbers"
        self._tell(f"to ask     for {what}{span}: {calls} at {limit_text(self._rate)}{time_s}")

    def confirm_plan(self, plan: SearchPlan) -> bool:
        return not self._asks or ask(f"Ask {plan.account} for them?")

    def show_calls(self, calls: int, plan: SearchPlan) -> None:
        if self._clock() >= self._next_line_at:
            self._next_line_at = self._clock() + _LINE_EVERY_S
            log.info("%s of %s calls made", f"{calls:,}", f"{plan.calls:,}")

    def warn(self, text: str) -> None:
        log.warning("%s", text)

    def _tell(self, line: str) -> None:
        if self._asks and not log.isEnabledFor(logging.INFO):  # nobody can agree to what -q has hidden
            say_beside(line)
        log.info("%s", line)
