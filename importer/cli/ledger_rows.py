"""`ledger forget` and `ledger acknowledge`: rows that are sent again as new ones, and rows that may stay bad."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence, Sized
from pathlib import Path
from typing import Any

from importer.cli.ending import Ending, command_run
from importer.cli.log_setup import set_up_log
from importer.cli.next_steps import after_acknowledging, after_forgetting, step_lines
from importer.cli.output import log, show_lines
from importer.cli.questions import ask, can_ask
from importer.cli.terminal import Terminal
from importer.errors import UsageError
from importer.ledger.forgetting import SentRow
from importer.ledger.store import Ledger
from importer.models import RowNumbers
from importer.resolve.forget import ForgetJob, ForgetPlan
from importer.resolve.forget import forget as forget_rows
from importer.resolve.search import SearchOptions
from importer.runtime.display_text import counted, labelled
from importer.runtime.events import CallEnded, Event
from importer.settings import ledger_url, read_connection, read_environment
from importer.workflows.acknowledge import acknowledge_rows

_MOST_SHOWN = 20


def forget(name: str, rows: RowNumbers | None, *, even_existing: bool, yes: bool, **flags: Any) -> Ending:
    """Make rows new again whose tickets were deleted."""
    environment = read_environment()
    set_up_log(flags, environment)
    if not (yes or can_ask()):
        raise UsageError(
            "nothing is forgotten without a question, and there is no terminal to ask",
            hint="add --yes to forget without a question",
        )

    def connect() -> SearchOptions:
        account, rate = read_connection(environment, flags["rate"], sandbox=False)
        return SearchOptions(
            account=account,
            rate=rate,
            give_up_after_s=flags["give_up_after"],
            answer_timeout_s=flags["answer_timeout"],
        )

    def confirm(plan: ForgetPlan) -> bool:
        if yes:
            return True
        show_lines(logging.INFO, _forget_lines(plan), even_if_quiet=True)
        if not plan.forgotten:
            return ask("Forget this? The rows decide the exit code again.")
        doubt = " Answer no unless you know that the tickets are deleted." if plan.warning else ""
        return ask(f"Forget this? The next run sends the rows as new ones.{doubt}")

    url = ledger_url(flags["ledger"], environment)
    with contextlib.closing(Ledger.open(url, flags["give_up_after"])) as opened:
        job = ForgetJob(name=name, rows=rows, even_existing=even_existing)
        plan = forget_rows(job, opened, connect, _CallCounter().listen, confirm)
    return Ending(
        exit_code=plan.exit_code,
        data={
            "account": plan.account,
            "forgotten": len(plan.forgotten),
            "existing": len(plan.existing),
            "unknown": len(plan.unknown),
            "acknowledged": plan.acknowledged,
        },
        rows=_forget_rows(plan),
        lines=_forgotten_lines(plan),
    )


class _CallCounter(Terminal):
    """Shows now and then how many tickets were looked for."""

    _calls = 0

    def listen(self, event: Event) -> None:
        super().listen(event)
        if isinstance(event, CallEnded):
            self._calls += 1
            if self.is_line_due():
                log.info("%s calls made", f"{self._calls:,}")


def _forget_lines(plan: ForgetPlan) -> Iterator[str]:
    yield labelled("account", plan.account)
    yield from _counted_lines("to forget", plan)


def _forgotten_lines(plan: ForgetPlan) -> Iterator[str]:
    yield from _counted_lines("forgotten", plan)
    kept = bool(plan.existing or plan.unknown)
    yield from step_lines(after_forgetting(plan.manifest, forgotten=bool(plan.forgotten), kept=kept))


def _counted_lines(label: str, plan: ForgetPlan) -> Iterator[str]:
    tickets = _tickets(plan.forgotten)
    yield labelled(label, f"{_counted(plan.forgotten, 'row')}{f':{tickets}' if tickets else ''}")
    if plan.acknowledged:
        yield labelled("", f"and {_counted(range(plan.acknowledged), 'acknowledgement')}")
    if plan.existing:
        yield labelled("kept", f"{_counted(plan.existing, 'row')}, as the account has{_tickets(plan.existing)}")
    if plan.unknown:
        yield labelled("kept", f"{_counted(plan.unknown, 'unknown row')}: a ticket may exist, `resolve` finds out")


def _counted(things: Sized, what: str) -> str:
    return counted(len(things), what)


def _tickets(rows: Sequence[SentRow]) -> str:
    numbers = [row.number for row in rows if row.number]
    return f" ticket{'' if len(numbers) == 1 else 's'} {_some(numbers)}" if numbers else ""


def _forget_rows(plan: ForgetPlan) -> Iterator[dict[str, object]]:
    for rows, became in ((plan.forgotten, "forgotten"), (plan.existing, "exists"), (plan.unknown, "unknown")):
        for row in rows:
            yield {"row": row.manifest_row, "key": row.key, "number": row.number, "was": row.state, "result": became}


def acknowledge(results_file: Path, rows: RowNumbers, reason: str, ledger: str | None, **_: Any) -> Ending:
    """Take known bad rows out of the exit code."""
    with contextlib.closing(Ledger.open(ledger_url(ledger, read_environment()))) as opened:
        done = acknowledge_rows(results_file, rows, reason, opened)
    count = "1 row" if len(done.rows) == 1 else f"{len(done.rows):,} rows"
    return Ending(
        data={
            "account": done.account,
            "acknowledged": list(done.rows),
            "not_acknowledged": {str(row): why for row, why in done.others},
        },
        lines=[
            f"acknowledged {count} of {results_file}: {_some(map(str, done.rows))}",
            *([f"not acknowledged: {_some(f'row {row} {why}' for row, why in done.others)}"] if done.others else []),
            "Acknowledged rows don't decide the exit code any more, and are not sent, until their cells change.",
        ],
        last_lines=step_lines(after_acknowledging(command_run().typed)),
    )


def _some(texts: Iterable[str]) -> str:
    """Return the first texts of a list that may be long."""
    known = list(texts)
    more = f" and {len(known) - _MOST_SHOWN:,} more" if len(known) > _MOST_SHOWN else ""
    return f"{', '.join(known[:_MOST_SHOWN])}{more}"
