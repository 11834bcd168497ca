"""`run-all`: imports the tickets of many accounts side by side."""

from __future__ import annotations

import functools
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from importer.api.jobs import JobEnd, plan_jobs, run_jobs
from importer.api.jobs_file import Job, read_jobs
from importer.cli import options
from importer.cli.ending import Ending, command_run, error_members, name_bug_file
from importer.cli.log_setup import set_up_log
from importer.cli.next_steps import after_jobs, step_lines, steps_data
from importer.cli.output import hide, log
from importer.cli.questions import ask, can_ask, shows_bar
from importer.cli.terminal import Terminal
from importer.errors import Declined
from importer.models import Status
from importer.reports import (
    log_text,
    plan_data,
    plan_lines,
    problem_lines,
    short_plan,
    summary_data,
    summary_lines,
    warning_lines,
)
from importer.reports.summary import PlanSummary
from importer.runtime.display_text import counted
from importer.runtime.events import Emit, Event, Noted, RunStarted, Warned
from importer.runtime.redaction import Redactor
from importer.settings import read_environment

_STATES = (*(status.value for status in Status), "to_send")
_SUMS = ("rows", *(status.value for status in Status), "calls", "throttled")


def run_all(jobs: Path, **flags: Any) -> Ending:
    """Import the tickets of all jobs of a file, or only plan them with ``--dry-run``."""
    found = read_jobs(jobs, options.of_flags(flags))
    set_up_log(flags, read_environment(), written=tuple(job.order.results for job in found))
    hide(functools.reduce(Redactor.joined, (job.redactor for job in found)))
    terminal = Terminal(asks=can_ask() and not flags["yes"], bar=shows_bar(flags))
    listen = functools.partial(_listener, terminal)
    if flags["dry_run"]:
        return _ending(found, plan_jobs(found, listen), dry_run=True)
    if terminal.asks and not ask(f"Run {counted(len(found), 'job')} of {jobs}?"):
        raise Declined("nothing was sent", hint="--dry-run shows what each job would send")
    return _ending(found, run_jobs(found, flags["at_once"], listen, terminal.confirm), dry_run=False)


def _ending(jobs: Sequence[Job], ends: Iterable[JobEnd], *, dry_run: bool) -> Ending:
    """Log each job when it ends, and return the end of all, in the order of the file."""
    ended: dict[str, JobEnd] = {}
    for end in ends:
        ended[end.job.name] = end
        level = logging.WARNING if end.exit_code else logging.INFO
        log.log(level, "%s (%s of %s)", _end_text(end), len(ended), counted(len(jobs), "job"))
    in_order = [ended[job.name] for job in jobs]
    data = [_data(end) for end in in_order]
    codes = Counter(end.exit_code for end in in_order if end.exit_code is not None)
    not_started = len(jobs) - codes.total()
    sums = {name: sum(job.get(name, 0) for job in data) for name in (*_SUMS, *(["to_send"] if dry_run else []))}
    states = ", ".join(f"{sums[name]:,} {name.replace('_', ' ')}" for name in sums if name in _STATES and sums[name])
    texts = [f"{count:,} with exit code {code}" for code, count in sorted(codes.items())]
    texts += [f"{not_started:,} not started: run the same command again"] if not_started else []
    text = f"{counted(len(jobs), 'job')}: {', '.join(texts)}"
    note = ["This was a dry run: nothing was sent, recorded or written."] if dry_run else []
    exit_code = max(codes, default=0)
    steps = after_jobs(command_run().typed, exit_code)
    return Ending(
        exit_code=exit_code,
        data={"run": None, "account": None, **sums, "jobs": data, "next": steps_data(steps)},
        lines=[line for end in in_order for line in _lines(end)],
        last_lines=("", text, f"{counted(sums['rows'], 'row')}{states and f': {states}'}", *note, *step_lines(steps)),
        log_text=text,
    )


def _listener(terminal: Terminal, job: Job) -> Emit:
    """Return what shows the events of a job, with its name: those of several jobs come at the same time."""

    def listen(event: Event) -> None:
        match event:
            case Warned(text):
                terminal.listen(Warned(f"{job.name}: {text}"))
            case Noted(text):
                terminal.listen(Noted(f"{job.name}: {text}", is_detail=True))
            case PlanSummary():
                terminal.listen(Noted(f"{job.name}: {short_plan(event)}"))
                for warning in event.warnings:
                    terminal.listen(Warned(f"{job.name}: {warning}"))
            case RunStarted():  # the JSON object is about all jobs
                pass
            case _:
                terminal.listen(event)

    return listen


def _end_text(end: JobEnd) -> str:
    code = end.exit_code
    if code is None:
        return f"{end.job.name}: not started"
    ending = [end.ending.message] if end.ending is not None else []
    result = [log_text(end.summary)] if end.summary is not None else []
    return f"{end.job.name}: {'; '.join([f'ended with exit code {code}', *ending, *result])}"


def _data(end: JobEnd) -> dict[str, Any]:
    error = end.ending
    if error is not None:
        name_bug_file(error)
    return {
        **(summary_data(end.summary) if end.summary is not None else {}),
        **(plan_data(end.plan) if end.plan is not None else {}),
        "name": end.job.name,
        "exit_code": end.exit_code,
        **error_members(error),
    }


def _lines(end: JobEnd) -> Iterator[str]:
    code = end.exit_code
    yield from ("", f"job {end.job.name}: {'not started' if code is None else f'exit code {code}'}")
    if end.plan is not None:
        yield from (*problem_lines(end.plan.kinds, with_fixes=True), *plan_lines(end.plan), *warning_lines(end.plan))
    if end.summary is not None:
        yield from (*problem_lines(end.summary.kinds), *summary_lines(end.summary))
    if end.ending is not None:
        yield from end.ending.lines()
