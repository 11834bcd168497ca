"""`history`: lists past runs and their rows from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import click

from importer.cli.ending import Ending
from importer.ledger.history import PastRow, PastRun, past_run, past_runs, rows_of
from importer.ledger.records import seconds_since
from importer.ledger.store import Ledger
from importer.models import Status
from importer.runtime.display_text import age_text, duration, one_line
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
_FORGET_ENDINGS = _ENDINGS | {0: "its rows are new again", 1: "some rows were kept"}
_HEADER = ("row", "key", "state", "number", "outcome", "attempts", "settled_at", "unknown_for", "error_code", "error")


def history(run_name: str | None, ledger: str | None, **_: Any) -> Ending:
    """List past runs, or the rows of one run."""
    opened = Ledger.open(ledger_url(ledger, read_environment()))
    click.get_current_context().call_on_close(opened.close)  # the rows are read while they are printed
    opened.recovery.of_ended_runs()
    if run_name is None:
        runs = past_runs(opened)
        lines = _run_lines(runs) if runs else ["the ledger has no run yet"]
        return Ending(data={"runs": list(map(_as_data, runs))}, lines=lines)
    run = past_run(opened, run_name)
    rows = rows_of(opened, run.id)
    data = {"run": _as_data(run), "account": run.account}
    return Ending(data=data, rows=map(_row_data, rows), text=_row_lines(run, rows))


def _run_lines(runs: Iterable[PastRun]) -> Iterator[str]:
    for run in runs:
        yield f"{run.id}  {run.command}: {_ending(run)}"
        by = f" by {one_line(run.user)}" if run.user else ""
        yield f"    {run.started_at} to {run.ended_at or '…'}{by} on {one_line(run.host)}, account {run.account}"
        yield f"    {one_line(run.manifest)}"
        if run.results:
            yield f"    results: {one_line(run.results)}"
        if run.accepted_ledger:
            yield f"    accepted the ledger: {one_line(run.accepted_ledger)}"
        yield from (f"    {line}" for line in _count_lines(run))


def _row_lines(run: PastRun, rows: Iterable[PastRow]) -> Iterator[str]:
    yield from _run_lines([run])
    if run.pruned:
        yield "    `ledger prune` has deleted its requests and rejections"
    yield ""
    yield "\t".join(_HEADER)
    for row in rows:
        cells = {**asdict(row), "unknown_for": _age(row.unknown_since)}
        yield "\t".join(one_line(str(cells[name])) for name in _HEADER)


def _as_data(run: PastRun) -> dict[str, object]:
    return {**asdict(run), "ending": _ending(run), "stopped": run.stopped or None, "results": run.results or None}


def _row_data(row: PastRow) -> dict[str, object]:
    return {**asdict(row), "unknown_since": row.unknown_since or None}


def _ending(run: PastRun) -> str:
    if run.live:
        return "running"
    if run.exit_code is None:
        requests = (
            f"{run.unconfirmed:,} request{'' if run.unconfirmed == 1 else 's'}" if run.unconfirmed else "no request"
        )
        return f"crashed or was killed; {requests} unconfirmed"
    endings = _FORGET_ENDINGS if run.command == "forget" else _ENDINGS
    reason = f": {one_line(run.stopped)}" if run.stopped else ""
    bad = (
        {Status.REJECTED, Status.FAILED}.intersection(run.did) if not run.exit_code and run.command != "forget" else ()
    )
    known = ", or known to be bad" if bad else ""
    return f"exit code {run.exit_code}, {endings.get(run.exit_code, 'ended')}{known}{reason}"


def _count_lines(run: PastRun) -> Iterator[str]:
    """Yield the states of a run's rows at its end and, where they differ, now."""
    oldest_s = seconds_since(run.unknown_since) if run.unknown_since else None
    # Rows that a run left pending without a request are not among those of its rows that are counted now.
    if run.pruned or _without_pending(run.did) == _without_pending(run.states):
        yield _by_state(run.did, oldest_s) or "no row was sent"
        return
    yield f"at its end: {_by_state(run.did) or 'no row was sent'}"
    yield f"now: {_by_state(run.states, oldest_s) or 'none'}"


def _by_state(counts: Mapping[str, int], oldest_s: float | None = None) -> str:
    """Return counts as text, with the age of the oldest unknown row."""
    ages = {"unknown": age_text(counts.get("unknown", 0), oldest_s)}
    return ", ".join(f"{count:,} {state}{ages.get(state, '')}" for state, count in counts.items())


def _without_pending(counts: Mapping[str, int]) -> dict[str, int]:
    return {state: count for state, count in counts.items() if state != "pending"}


def _age(since: str) -> str:
    seconds = seconds_since(since)
    return duration(seconds) if seconds is not None else since
