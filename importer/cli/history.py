"""`history`: what the ledger remembers of runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli.commands import cli
from importer.cli.json_envelope import enveloped
from importer.cli.output import say
from importer.settings import Environment, ledger_url

if TYPE_CHECKING:
    from importer.ledger.history import PastRow, PastRun

_ENDINGS = {
    0: "every row is a ticket",
    1: "rows are left",
    2: "nothing was sent",
    3: "stopped early",
    4: "another run held the rows",
    5: "a bug of this program",
    129: "interrupted",
    130: "interrupted",
    143: "interrupted",
}
_HEADER = ("row", "key", "state", "number", "outcome", "attempts", "settled_at", "error_code", "error")


@cli.command()
@click.argument("run_name", metavar="[RUN]", required=False)
@click.option("--ledger", "address", metavar="FILE|URL", help="Where the ledger is; or LSQ_LEDGER.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def history(run_name: str | None, address: str | None, *, as_json: bool) -> int:
    """List the runs of the ledger, the newest first; or the rows of one RUN.

    Any part of a RUN's name will do that no other run's has, such as its last six characters.
    """
    from importer.ledger import Ledger  # noqa: PLC0415 - see the package's docstring
    from importer.ledger.history import past_run, past_runs, rows_of  # noqa: PLC0415

    ledger = Ledger.open(ledger_url(address, Environment(os.environ, Path(".env"))))
    try:
        if run_name is None:
            runs = past_runs(ledger)
            lines = [enveloped({"runs": [_as_data(run) for run in runs]})]
            for line in lines if as_json else _run_lines(runs):
                say(line)
            return 0
        run = past_run(ledger, run_name)
        rows = rows_of(ledger, run.id)
        for line in _rows_as_json(run, rows) if as_json else _row_lines(run, rows):
            say(line)
    finally:
        ledger.close()
    return 0


def _run_lines(runs: Iterable[PastRun]) -> Iterator[str]:
    from importer.reports import one_line  # noqa: PLC0415 - see the package's docstring

    for run in runs:
        yield f"{run.id}  {run.command}: {_ending(run)}"
        yield f"    {run.started_at} to {run.ended_at or '…'} on {one_line(run.host)}, account {run.account}"
        yield f"    {one_line(run.manifest)}"
        yield f"    {_counts(run) or 'no row was sent'}"


def _row_lines(run: PastRun, rows: Iterable[PastRow]) -> Iterator[str]:
    from importer.reports import one_line  # noqa: PLC0415 - see the package's docstring

    yield from _run_lines([run])
    yield ""
    yield "\t".join(_HEADER)
    for row in rows:
        yield "\t".join(one_line(str(getattr(row, name))) for name in _HEADER)


def _rows_as_json(run: PastRun, rows: Iterable[PastRow]) -> Iterator[str]:
    """One object, a line for each row: a run may have hundreds of thousands."""
    yield f'{enveloped({"run": _as_data(run), "account": run.account})[:-1]}, "rows": ['
    lead = ""
    for row in rows:
        yield f"{lead}{json.dumps(asdict(row), ensure_ascii=False)}"
        lead = ","
    yield "]}"


def _as_data(run: PastRun) -> dict[str, object]:
    return {**asdict(run), "ending": _ending(run)}


def _ending(run: PastRun) -> str:
    """How it ended, in words."""
    if run.live:
        return "at work"
    if run.exit_code is None:
        return "ended without a word, as by a crash or a kill; what was under way is unknown"
    return f"exit code {run.exit_code}, {_ENDINGS.get(run.exit_code, 'ended')}"


def _counts(run: PastRun) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in run.states.items())
