"""What to do after a run: a sentence, and the command to copy."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from importer.api.imports import Order
from importer.ledger.database import safe_url
from importer.models import Status
from importer.reports import labelled
from importer.reports.summary import Summary
from importer.workflows.options import Options


def next_step_lines(summary: Summary, order: Order) -> Iterator[str]:
    """Yield what to do next, and a line with only the command; nothing if all rows are tickets."""
    statuses = summary.statuses
    if summary.stops:
        yield labelled("next", "correct the export or the mapping; if this export is right, send it with:")
        go_on = [word for stop in summary.stops for word in stop.go_on_with.split()]
        yield _command_line([*_same_command(order), *go_on])
    elif to_correct := [status for status in (Status.FAILED, Status.REJECTED) if statuses[status]]:
        rows = "row" if sum(statuses[status] for status in to_correct) == 1 else "rows"
        yield labelled("next", f"correct the {' and '.join(to_correct)} {rows} in {summary.results}")
        if statuses[Status.REJECTED] and statuses[Status.PENDING] and not (summary.calls or order.options.skip_invalid):
            yield labelled("", "(or add --skip-invalid to send the other rows without them), then run:")
        else:
            yield labelled("", "then run:")
        yield _command_line(_rerun_command(summary, order))
    elif statuses[Status.PENDING]:
        yield labelled("next", "to send the pending rows, run:")
        # The sandbox's ledger is deleted: only the results file knows the tickets.
        if order.options.sandbox or order.command == "rerun":
            yield _command_line(_rerun_command(summary, order))
        else:
            yield _command_line([*_same_command(order), *(["--skip-invalid"] if order.options.skip_invalid else [])])
    elif statuses[Status.UNKNOWN]:
        yield labelled("next", "to find out which of the unknown rows became tickets, run:")
        yield _command_line(["resolve", str(summary.results), *_connection(order.options)])


def _command_line(arguments: list[str]) -> str:
    return labelled("", shlex.join(["ticket-importer", *arguments]))


def _same_command(order: Order) -> list[str]:
    options = order.options
    results = ["-o", str(options.results)] if options.results else []
    return [order.command, str(order.manifest), *_mapping(order), *_connection(options), *_limits(options), *results]


def _rerun_command(summary: Summary, order: Order) -> list[str]:
    options = order.options
    # The sandbox's ledger, which knew the manifest, is deleted.
    original = order.manifest if options.sandbox and order.command == "run" else options.original
    compared = ["--manifest", str(original)] if original else []
    compared += [f"--{name.replace('_', '-')}" for name in ("accept_edits", "allow_missing") if getattr(options, name)]
    words = ["rerun", str(summary.results), *_mapping(order), *_connection(options)]
    return [*words, *compared, *_limits(options)]


def _mapping(order: Order) -> list[str]:
    source = ["--source", order.options.source] if order.options.source else []
    return ["-m", str(order.mapping), *source, *(word for column in order.options.key for word in ("--key", column))]


def _connection(options: Options) -> list[str]:
    words = ["--sandbox"] if options.sandbox else []
    if address := options.ledger:
        words += ["--ledger", safe_url(address) if "://" in address else address]
    return words + (["--rate", str(options.rate)] if options.rate else [])


def _limits(options: Options) -> list[str]:
    words = ["--rate-share", f"{100 * options.rate_share:g}%"] if options.rate_share < 1 else []
    words += ["--daily-cap", str(options.daily_cap)] if options.daily_cap else []
    words += ["--read-fields"] if options.read_fields else []
    return words + (["--refusals", ",".join(sorted(options.refusals))] if options.refusals else [])
