"""`history`: lists past runs and their rows from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import click

from importer.cli.ending import Ending
from importer.ledger.history import PastRow, PastRun, past_run, past_runs, rows_of
from importer.ledger.store import Ledger
from importer.runtime.display_text import one_line
from importer.settings import ledger_url, read_environment

_ENDINGS = {
    0: "every row is a ticket",
    1: "some rows are not tickets",
    2: "nothing was sent",
    3: "stopped early",
    4: "another run was sending the rows",
    5: "stopped by a bug of this program",
    129: "interrupted",
    130: "interrupted",
    143: "interrupted",
}
_HEADER = ("row", "key", "state", "number", "outcome", "attempts", "settled_at", "error_code", "error")


def history(run_name: str | None, ledger: str | None, **_: Any) -> Ending:
    """List past runs, or the rows of one run."""
    opened = Ledger.open(ledger_url(ledger, read_environment()))
    click.get_current_context().call_on_close(opened.close)  # the rows are read while they are printed
    if run_name is None:
        runs = past_runs(opened)
        return Ending(data={"runs": list(map(_as_data, runs))}, text=_run_lines(runs))
    run = past_run(opened, run_name)
    rows = rows_of(opened, run.id)
    data = {"run": _as_data(run), "account": run.account}
    return Ending(data=data, rows=map(asdict, rows), text=_row_lines(run, rows))


def _run_lines(runs: Iterable[PastRun]) -> Iterator[str]:
    for run in runs:
        yield f"{run.id}  {run.command}: {_ending(run)}"
        yield f"    {run.started_at} to {run.ended_at or '…'} on {one_line(run.host)}, account {run.account}"
        yield f"    {one_line(run.manifest)}"
        yield f"    {_counts(run) or 'no row was sent'}"


def _row_lines(run: PastRun, rows: Iterable[PastRow]) -> Iterator[str]:
    yield from _run_lines([run])
    yield ""
    yield "\t".join(_HEADER)
    for row in rows:
        yield "\t".join(one_line(str(getattr(row, name))) for name in _HEADER)


def _as_data(run: PastRun) -> dict[str, object]:
    return {**asdict(run), "ending": _ending(run)}


def _ending(run: PastRun) -> str:
    if run.live:
        return "running"
    if run.exit_code is None:
        return "ended without an exit code, as after a crash; the rows that were in flight are unknown"
    return f"exit code {run.exit_code}, {_ENDINGS.get(run.exit_code, 'ended')}"


def _counts(run: PastRun) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in run.states.items())
