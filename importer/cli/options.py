"""Flags that several commands share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from importer.models import Rate, RowNumbers
from importer.settings import parse_duration, parse_refusals
from importer.submission.failure_limit import FailureLimit
from importer.workflows.options import Options

_Command = TypeVar("_Command", bound=Callable[..., Any])


def of_flags(flags: Mapping[str, Any], **changes: Any) -> Options:
    """Return the options that the flags of a command set."""
    named = {each.name: each.name.removesuffix("_s") for each in dataclasses.fields(Options)}
    return Options(**{name: flags[flag] for name, flag in named.items() if flag in flags} | changes)


class _ParsedType(click.ParamType[Any]):
    """A flag's type that parses text with a function; its ValueError becomes a usage error."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _parse_statuses(text: str) -> frozenset[int]:
    try:
        statuses = frozenset(int(part) for part in text.split(","))
    except ValueError:
        statuses = frozenset()
    if not statuses or not all(500 <= status <= 599 for status in statuses):  # noqa: PLR2004 - server errors
        raise ValueError(f"{text!r} is not a list of server errors; write 503 or 500,503")
    return statuses


def _parse_failure_limit(text: str) -> str:
    FailureLimit(text)
    return text


def _parse_percentage(text: str) -> float:
    number, percent, rest = text.strip().partition("%")
    try:
        share = float(number) / 100
    except ValueError:
        share = -1.0
    if not percent or rest or not 0 <= share <= 1:
        raise ValueError(f"{text!r} is not a share; write it as 50%, from 0% to 100%")
    return share


def _parse_rate_share(text: str) -> float:
    try:
        share = _parse_percentage(text)
    except ValueError:
        share = 0.0
    if not share:
        raise ValueError(f"{text!r} is not a share; write it as 60%, from above 0% to 100%")
    return share


def _parse_size(text: str) -> int:
    from importer.mapping.document_models import size_bytes  # noqa: PLC0415 - pydantic takes long to load

    try:
        return size_bytes(text)
    except ValueError as error:
        raise ValueError(f"{text!r} {error}") from None


def _parse_answer_timeout(text: str) -> float:
    seconds = parse_duration(text)
    if not seconds:
        raise ValueError("the time must be above 0, as every row would be unknown; write it as 120s")
    return seconds


def _parse_reason(text: str) -> str:
    if not text.strip():
        raise ValueError("the reason is empty")
    return text.strip()


def _parse_condition(text: str) -> str:
    if not text.partition("=")[1]:
        raise ValueError(f"{text!r} is not a condition; write it as 'COLUMN=value'")
    return text


PATH = click.Path(path_type=Path, readable=False)  # the commands say themselves what can't be read, with a hint
DURATION = _ParsedType("duration", parse_duration)
_ANSWER_TIMEOUT = _ParsedType("duration", _parse_answer_timeout)
SIZE = _ParsedType("size", _parse_size)
ROWS = _ParsedType("N-N,N", RowNumbers)
REASON = _ParsedType("text", _parse_reason)
RATE = _ParsedType("calls/seconds", Rate.parse)

read_fields = click.option(
    "--read-fields", is_flag=True, help="Read the account's fields first, as `fields` does, and check rows with them."
)
_CHOICE = (
    click.option(
        "--rows",
        type=ROWS,
        help="Only these rows, such as 2-11,40: numbers as in import_row of the results.",
    ),
    click.option(
        "--where",
        type=_ParsedType("COLUMN=VALUE", _parse_condition),
        multiple=True,
        help="Only rows with this cell. Repeatable: all conditions must hold.",
    ),
    click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Only N random rows of those to send."),
    click.option(
        "--seed", type=click.IntRange(min=0), metavar="N", help="Draw the rows of the --sample with this seed again."
    ),
)
strict_end = click.option(
    "--strict-end", is_flag=True, help="Reject a last row without a line end: the file may be cut off."
)
ledger = click.option("--ledger", metavar="FILE|URL", help="Where the ledger is; or LSQ_LEDGER.")
progress = click.option("--progress/--no-progress", default=None, help="Show a progress bar.  [default: on a terminal]")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")

_give_up_after = click.option(
    "--give-up-after",
    type=DURATION,
    default="15m",
    show_default=True,
    help="How long to wait while the server is down or the rate limit is used up.",
)
_answer_timeout = click.option(
    "--answer-timeout",
    type=_ANSWER_TIMEOUT,
    default="120s",
    show_default=True,
    help="How long to wait for the answer to a request.",
)
_rate = click.option("--rate", type=RATE, help="The account's rate limit; or LSQ_RATE.  [default: 25/5]")

_READING = (_give_up_after, _answer_timeout, _rate, ledger)
_skip_invalid = click.option("--skip-invalid", is_flag=True, help="Send the valid rows although others are rejected.")
_ENDING = (
    click.option(
        "--on-failure",
        metavar="CMD",
        help="Run this shell command if the exit code is not 0; it gets the summary as JSON.",
    ),
    click.option("--yes", is_flag=True, help="Do not ask before sending."),
    click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object."),
    progress,
)
_dry_run = click.option("--dry-run", is_flag=True, help="Show the plan and the first requests; send nothing.")
_at_once = click.option(
    "--at-once",
    type=click.IntRange(1, 500),
    default=50,
    show_default=True,
    metavar="N",
    help="Run at most N jobs at a time.",
)
_SENDING = (
    click.option("-o", "--results", type=PATH, help="File for the results.  [default: beside the manifest]"),
    click.option(
        "--open-only", is_flag=True, help="Write only rows that need work into the workbook; a .csv beside it has all."
    ),
    click.option(
        "--keep-results",
        type=click.IntRange(min=0),
        default=10,
        show_default=True,
        metavar="N",
        help="Keep the results of N former runs, and those that were edited.",
    ),
    click.option(
        "--sandbox",
        is_flag=True,
        help="Import into a sandbox account on this machine, as a trial without keys.",
    ),
    read_fields,
    _dry_run,
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Send at most N tickets, as a trial."),
    *_CHOICE,
    _skip_invalid,
    click.option(
        "--max-failures",
        type=_ParsedType("N|N%", _parse_failure_limit),
        default="25",
        show_default=True,
        help="Stop after N failures in a row, or when N% of all rows failed.",
    ),
    click.option(
        "--on-unknown",
        type=click.Choice(["hold", "retry"]),
        default="hold",
        show_default=True,
        help="Rows whose request got no usable answer: hold or send again? `retry` may create tickets twice.",
    ),
    click.option(
        "--retry-status",
        type=_ParsedType("500,503", _parse_statuses),
        default=frozenset(),
        help="Server errors after which a row is sent again. May create tickets twice.  [default: none]",
    ),
    click.option(
        "--refusals",
        type=_ParsedType("TYPE,TYPE", parse_refusals),
        help="Application errors (MX…) that mean: no ticket was created; or LSQ_REFUSALS.  [default: none]",
    ),
    _give_up_after,
    _answer_timeout,
    _rate,
    click.option(
        "--rate-share",
        type=_ParsedType("N%", _parse_rate_share),
        default=1.0,
        help="Share of the rate limit to use; the rest stays free for others.  [default: 100%]",
    ),
    click.option(
        "--daily-cap", type=click.IntRange(min=1), metavar="N", help="Make at most N calls to the account in 24 hours."
    ),
    click.option(
        "--concurrency",
        type=click.IntRange(1, 1000),
        metavar="N",
        help="Send at most N requests at the same time.  [default: as many as the rate needs]",
    ),
    click.option(
        "--grace",
        type=DURATION,
        default="20s",
        show_default=True,
        help="How long requests in flight may take to finish after an interruption.",
    ),
    ledger,
    click.option(
        "--accept-ledger",
        type=REASON,
        metavar="REASON",
        help="Use a ledger that lacks what this host has sent. May create tickets twice.",
    ),
    *_ENDING,
)
_EXPORT_CHECKS = (
    click.option("--expect-new", is_flag=True, help="Send although the keys look changed: all rows are new."),
    click.option(
        "--max-changed",
        type=_ParsedType("N%", _parse_percentage),
        default="50%",
        show_default=True,
        help="Stop if more of the rows imported before have another title or lead now.",
    ),
    click.option(
        "--max-gone",
        type=_ParsedType("N%", _parse_percentage),
        default="50%",
        show_default=True,
        help="Stop if more of the last export's keys are missing and earlier exports missed hardly any.",
    ),
    click.option("--min-rows", type=click.IntRange(min=0), metavar="N", help="Stop if the export has fewer rows."),
)
_LOGGING = (
    click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Format of the log.",
    ),
    click.option("--log-file", type=PATH, help="Write the log to this file as well."),
    click.option("-q", "--quiet", is_flag=True, help="Log only warnings and errors."),
    click.option("-v", "--verbose", is_flag=True, help="Log details as well."),
)
_MAPPING = (
    click.option("-m", "--mapping", type=PATH, required=True, help="The mapping file."),
    click.option("--source", metavar="NAME", help="Name of the system that the keys come from; for a CSV mapping."),
    click.option(
        "--key", metavar="COLUMN", multiple=True, help="Column that identifies a row; for a CSV mapping. Repeatable."
    ),
)


def mapping(command: _Command) -> _Command:
    """Add the flags about the mapping."""
    return _add(_MAPPING, command)


def reading(command: _Command) -> _Command:
    """Add the flags of commands that read from the account and send nothing."""
    return _add(_READING, command)


def sending(command: _Command) -> _Command:
    """Add the flags of `run` and `rerun`."""
    return _add((*_MAPPING, *_SENDING, *_LOGGING), command)


def sending_all(command: _Command) -> _Command:
    """Add the flags of `run-all`."""
    return _add((_dry_run, _at_once, _skip_invalid, *_READING, *_ENDING, *_LOGGING), command)


def row_choice(command: _Command) -> _Command:
    """Add the flags that choose rows."""
    return _add(_CHOICE, command)


def export_checks(command: _Command) -> _Command:
    """Add the flags of `run` that compare an export with the exports before it."""
    return _add(_EXPORT_CHECKS, command)


def logging_flags(command: _Command) -> _Command:
    """Add the flags about the log."""
    return _add(_LOGGING, command)


def _add(options: Sequence[Callable[[_Command], _Command]], command: _Command) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command
