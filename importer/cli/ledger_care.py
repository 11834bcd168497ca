"""`ledger info`, `ledger check` and `ledger move`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from importer.cli.ending import Ending
from importer.cli.output import print_to_stderr
from importer.ledger.consistency import LedgerCheck, check_ledger
from importer.ledger.figures import LedgerFigures, figures
from importer.ledger.moving import move_ledger
from importer.rate_limit.pool_text import on_another_clock, pool_from_text
from importer.runtime.display_text import labelled, size_text
from importer.settings import ledger_url, read_environment


def info(ledger: str | None, **_: Any) -> Ending:
    """Show where the ledger is and what it holds."""
    known = figures(ledger_url(ledger, read_environment()))
    states = known.states
    return Ending(data={**asdict(known), "rows": sum(states.values()), "states": states}, lines=_info_lines(known))


def _info_lines(known: LedgerFigures) -> Iterator[str]:
    yield labelled("ledger", known.location)
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
            labelled("moved", f"{tickets:,} rows, {moved.tables['runs']:,} runs; the copy is complete and compared"),
            labelled("from", f"{moved.source}, which is refused from now on"),
            labelled("to", moved.target),
            labelled("next", "set LSQ_LEDGER to the new address on every host"),
        ],
    )
