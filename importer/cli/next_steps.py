"""What to do after a run: a sentence, and the command to copy."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from importer.ledger.database import safe_url
from importer.models import Status
from importer.reports import labelled
from importer.reports.summary import Summary
from importer.workflows.import_job import ImportJob


def next_step_lines(summary: Summary, job: ImportJob, flags: dict[str, Any]) -> Iterator[str]:
    """Yield what to do next, and a line with only the command; nothing if all rows are tickets."""
    statuses = summary.statuses
    if summary.stops:
        yield labelled("next", "correct the export or the mapping; if this export is right, send it with:")
        go_on = [word for stop in summary.stops for word in stop.go_on_with.split()]
        yield _command_line([*_same_command(job, flags), *go_on])
    elif to_correct := [status for status in (Status.FAILED, Status.REJECTED) if statuses[status]]:
        rows = "row" if sum(statuses[status] for status in to_correct) == 1 else "rows"
        yield labelled("next", f"correct the {' and '.join(to_correct)} {rows} in {summary.results}")
        if statuses[Status.REJECTED] and statuses[Status.PENDING] and not (summary.calls or job.skip_invalid):
            yield labelled("", "(or add --skip-invalid to send the other rows without them), then run:")
        else:
            yield labelled("", "then run:")
        yield _command_line(_rerun_command(summary, job, flags))
    elif statuses[Status.PENDING]:
        yield labelled("next", "to send the pending rows, run:")
        # The sandbox's ledger is deleted: only the results file knows the tickets.
        if flags["sandbox"] or job.command == "rerun":
            yield _command_line(_rerun_command(summary, job, flags))
        else:
            yield _command_line([*_same_command(job, flags), *(["--skip-invalid"] if job.skip_invalid else [])])
    elif statuses[Status.UNKNOWN]:
        yield labelled("next", "to find out which of the unknown rows became tickets, run:")
        yield _command_line(["resolve", str(summary.results), *_connection(flags)])


def _command_line(arguments: list[str]) -> str:
    return labelled("", shlex.join(["ticket-importer", *arguments]))


def _same_command(job: ImportJob, flags: dict[str, Any]) -> list[str]:
    results = ["-o", str(flags["results"])] if flags["results"] else []
    return [job.command, str(job.manifest), *_mapping(job), *_connection(flags), *_limits(flags), *results]


def _rerun_command(summary: Summary, job: ImportJob, flags: dict[str, Any]) -> list[str]:
    # The sandbox's ledger, which knew the manifest, is deleted.
    original = job.manifest if flags["sandbox"] and job.command == "run" else flags.get("original")
    compared = ["--manifest", str(original)] if original else []
    compared += [f"--{name.replace('_', '-')}" for name in ("accept_edits", "allow_missing") if flags.get(name)]
    return ["rerun", str(summary.results), *_mapping(job), *_connection(flags), *compared, *_limits(flags)]


def _mapping(job: ImportJob) -> list[str]:
    source = ["--source", job.mapping_source] if job.mapping_source else []
    return ["-m", str(job.mapping), *source, *(word for column in job.mapping_key for word in ("--key", column))]


def _connection(flags: dict[str, Any]) -> list[str]:
    words = ["--sandbox"] if flags["sandbox"] else []
    if address := flags["ledger"]:
        words += ["--ledger", safe_url(address) if "://" in address else address]
    return words + (["--rate", str(flags["rate"])] if flags["rate"] else [])


def _limits(flags: dict[str, Any]) -> list[str]:
    words = ["--rate-share", f"{100 * flags['rate_share']:g}%"] if flags["rate_share"] < 1 else []
    words += ["--daily-cap", str(flags["daily_cap"])] if flags["daily_cap"] else []
    words += ["--read-fields"] if flags["read_fields"] else []
    return words + (["--refusals", ",".join(sorted(flags["refusals"]))] if flags["refusals"] else [])
