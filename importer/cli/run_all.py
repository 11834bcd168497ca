"""`run-all`: imports the tickets of many accounts, one after the other."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from importer.api.jobs import Job, JobEnd, read_jobs, run_jobs
from importer.cli import options
from importer.cli.ending import Ending, name_bug_file
from importer.cli.log_setup import set_up_log
from importer.cli.output import hide, log
from importer.cli.questions import can_ask, shows_bar
from importer.cli.terminal import Terminal
from importer.errors import Interrupted
from importer.models import Status
from importer.reports import summary_data, summary_lines
from importer.runtime.events import Emit, Event, Warned
from importer.runtime.redaction import Redactor
from importer.settings import read_environment

_SUMS = ("rows", *(status.value for status in Status), "calls", "throttled")


def run_all(jobs: Path, **flags: Any) -> Ending:
    """Import the tickets of all jobs of a file."""
    found = read_jobs(jobs, options.of_flags(flags))
    set_up_log(flags, read_environment(), written=tuple(job.order.results for job in found))
    hide(functools.reduce(Redactor.joined, (job.redactor for job in found)))
    terminal = Terminal(asks=can_ask() and not flags["yes"], bar=shows_bar(flags))
    lines: list[str] = []
    data: list[dict[str, Any]] = []
    stopped = None
    try:
        for end in run_jobs(found, functools.partial(_listener, terminal), terminal.confirm):
            data.append(_data(end))
            lines += _lines(end)
    except Interrupted as error:  # the signal came between two jobs
        stopped = error
    return replace(_ending(data, lines), error=stopped)


def _ending(jobs: Sequence[dict[str, Any]], lines: Iterable[str]) -> Ending:
    codes = Counter(job["exit_code"] for job in jobs)
    not_started = codes.pop(None, 0)
    sums = {name: sum(job.get(name, 0) for job in jobs) for name in _SUMS}
    states = ", ".join(f"{sums[status.value]:,} {status.value}" for status in Status if sums[status.value])
    ends = [f"{count:,} with exit code {code}" for code, count in sorted(codes.items())]
    ends += [f"{not_started:,} not started: run the same command again"] if not_started else []
    text = f"{len(jobs):,} jobs: {', '.join(ends)}"
    return Ending(
        exit_code=max(codes, default=0),
        data={"run": None, "account": None, **sums, "jobs": jobs},
        lines=(*lines, "", text, f"{sums['rows']:,} rows{states and f': {states}'}"),
        log_text=text,
    )


def _listener(terminal: Terminal, job: Job) -> Emit:
    """Return what shows the events of a job, with its name in warnings."""
    log.info("job %s", job.name)

    def listen(event: Event) -> None:
        terminal.listen(Warned(f"{job.name}: {event.text}") if isinstance(event, Warned) else event)

    return listen


def _data(end: JobEnd) -> dict[str, Any]:
    error = end.error or (end.summary.ending if end.summary is not None else None)
    if error is not None:
        name_bug_file(error)
    return {
        **(summary_data(end.summary) if end.summary is not None else {}),
        "name": end.name,
        "exit_code": end.exit_code,
        "stopped": error.message if error is not None else None,
        "details": list(error.details) if error is not None else [],
        "hint": (error.hint or None) if error is not None else None,
    }


def _lines(end: JobEnd) -> list[str]:
    code = end.exit_code
    lines = ["", f"job {end.name}: {'not started' if code is None else f'exit code {code}'}"]
    if end.summary is not None:
        lines += summary_lines(end.summary)
    error = end.error or (end.summary.ending if end.summary is not None else None)
    return [*lines, *error.lines()] if error is not None else lines
