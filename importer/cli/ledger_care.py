"""`ledger info`, `ledger check`, `ledger prune` and `ledger move`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from importer.cli.ending import Ending, command_run
from importer.cli.next_steps import after_counting, step_lines
from importer.cli.output import print_to_stderr, show_lines
from importer.cli.questions import ask, can_ask
from importer.errors import Declined, UsageError
from importer.ledger.consistency import LedgerCheck, check_ledger
from importer.ledger.figures import LedgerFigures, figures
from importer.ledger.moving import move_ledger
from importer.ledger.pruning import Pruned, count_prunable
from importer.ledger.pruning import prune as prune_ledger
from importer.ledger.store import Ledger
from importer.rate_limit.pool_text import on_another_clock, pool_from_text
from importer.runtime.display_text import counted, labelled, size_text
from importer.settings import ledger_url, read_environment


def info(ledger: str | None, **_: Any) -> Ending:
    """Show where the ledger is and what it holds."""
    known = figures(ledger_url(ledger, read_environment()))
    states = known.states
    return Ending(data={**asdict(known), "rows": sum(states.values()), "states": states}, lines=_info_lines(known))


def _info_lines(known: LedgerFigures) -> Iterator[str]:
    yield labelled("ledger", known.location)
    if known.id:
        yield labelled("id", known.id)
    yield labelled("size", f"{size_text(known.size_bytes)}, schema version {known.schema}")
    yield labelled("rows", _by_state(known.states))
    if len(known.accounts) > 1:
        yield from (labelled("", f"{account}: {_by_state(states)}") for account, states in known.accounts.items())
    yield labelled("runs", f"{known.runs:,}, {known.running or 'none'} of them running")
    if known.oldest:
        yield labelled("", f"the first on {known.oldest}, the last on {known.newest}")
    yield labelled("requests", f"{known.requests:,}")
    yield labelled("rejections", f"{known.rejections:,}")


def _by_state(states: Mapping[str, int]) -> str:
    counts = ", ".join(f"{rows:,} {state}" for state, rows in states.items())
    return f"{sum(states.values()):,}{f': {counts}' if counts else ''}"


def check(ledger: str | None, **_: Any) -> Ending:
    """Check the ledger for damage and contradictions."""
    found = check_ledger(ledger_url(ledger, read_environment()), lambda text: pool_from_text(text, 0.0, 0.0))
    return Ending(exit_code=int(bool(found.problems)), data=asdict(found), lines=_check_lines(found))


def _check_lines(found: LedgerCheck) -> Iterator[str]:
    yield labelled("ledger", found.location)
    if not found.problems:
        yield labelled("checked", f"no problem found; schema version {found.schema}")
    for problem in found.problems:
        yield labelled("problem", problem)
    if found.problems:
        yield labelled("next", "stop all runs, keep a copy of the ledger, and restore its last good backup;")
        yield labelled("", "then `rerun` each results file that is newer than the backup")
    elif not found.complete:
        yield labelled("", "the rows of this older version were not checked; the next run upgrades the ledger")


def prune(older_than: float, ledger: str | None, *, dry_run: bool, yes: bool, **_: Any) -> Ending:
    """Delete old requests, rejections and texts of errors."""
    url = ledger_url(ledger, read_environment())
    if not (dry_run or yes or can_ask()):
        raise UsageError(
            "nothing is pruned without a question, and there is no terminal to ask",
            hint="add --yes to prune without a question, or --dry-run to see what would be deleted",
        )
    with contextlib.closing(Ledger.open(url)) as opened:
        found = count_prunable(opened, older_than)
        is_nothing = not (found.requests or found.rejections or found.texts)
        if dry_run or is_nothing:
            steps = after_counting(command_run().typed) if not is_nothing else []
            lines = (*_prune_lines("would delete", found), *step_lines(steps))
            return Ending(data={**asdict(found), "dry_run": dry_run}, lines=lines)
        if not yes:
            show_lines(logging.INFO, _prune_lines("to delete", found), even_if_quiet=True)
            if not ask("Delete this? Keys, states and ticket numbers stay."):
                raise Declined("nothing was deleted")
        found = prune_ledger(opened, found.before)
    Ledger.open(url).close()  # makes an SQLite file smaller
    return Ending(data={**asdict(found), "dry_run": False}, lines=_prune_lines("deleted", found))


def _prune_lines(label: str, found: Pruned) -> Iterator[str]:
    yield labelled(label, f"{counted(found.requests, 'request')} and {counted(found.rejections, 'rejection')} of runs,")
    yield labelled("", f"and {counted(found.texts, 'text')} of errors, all from before {found.before}")
    if found.unknown:
        yield labelled("kept", f"the requests that `resolve` needs for {counted(found.unknown, 'unknown row')}")


def move(target: str, ledger: str | None, **_: Any) -> Ending:
    """Move the ledger to another file or server."""
    environment = read_environment()
    moved = move_ledger(
        ledger_url(ledger, environment), ledger_url(target, environment), on_another_clock, print_to_stderr
    )
    tickets = moved.tables["tickets"]
    return Ending(
        data={**asdict(moved), "rows": tickets},
        lines=[
            labelled(
                "moved",
                f"{counted(tickets, 'row')} and {counted(moved.tables['runs'], 'run')}; every row is compared",
            ),
            labelled("from", f"{moved.source}, which is refused from now on"),
            labelled("to", moved.target),
            labelled("next", "set LSQ_LEDGER to the new address on every host"),
        ],
    )
