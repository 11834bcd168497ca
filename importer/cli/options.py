"""The flags that several commands share, each said once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from importer.models import Rate
from importer.settings import parse_duration, parse_refusals

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Parsed(click.ParamType[Any]):
    """A flag whose text a function of ours reads; a ValueError of it is a usage error."""

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


def _statuses(text: str) -> frozenset[int]:
    try:
        statuses = frozenset(int(part) for part in text.split(","))
    except ValueError:
        statuses = frozenset()
    if not statuses or not all(500 <= status <= 599 for status in statuses):  # noqa: PLR2004 - server errors
        raise ValueError(f"{text!r} is not a list of server errors; write 503 or 500,503")
    return statuses


def _failures(text: str) -> str:
    from importer.submission.failure_limit import FailureLimit  # noqa: PLC0415 - see the package's docstring

    FailureLimit(text)
    return text


def _share(text: str) -> float:
    number, percent, rest = text.strip().partition("%")
    try:
        share = float(number) / 100
    except ValueError:
        share = 0.0
    if not percent or rest or not 0 < share <= 1:
        raise ValueError(f"{text!r} is not a share; write it as 60%, from above 0% to 100%")
    return share


def _portion(text: str) -> float:
    number, percent, rest = text.strip().partition("%")
    try:
        portion = float(number) / 100
    except ValueError:
        portion = -1.0
    if not percent or rest or not 0 <= portion <= 1:
        raise ValueError(f"{text!r} is not a share; write it as 50%, from 0% to 100%")
    return portion


def _patience(text: str) -> float:
    seconds = parse_duration(text)
    if not seconds:
        raise ValueError("an answer takes longer than no time; every row would be unknown")
    return seconds


PATH = click.Path(path_type=Path)
DURATION = _Parsed("duration", parse_duration)
_PATIENCE = _Parsed("duration", _patience)
RATE = _Parsed("calls/seconds", Rate.parse)

read_fields = click.option(
    "--read-fields", is_flag=True, help="Read the account's fields first, as `fields` does, and check against them."
)

strict_end = click.option(
    "--strict-end", is_flag=True, help="Reject a last row without a line end: the file may be cut off there."
)

_give_up_after = click.option(
    "--give-up-after",
    type=DURATION,
    default="15m",
    show_default=True,
    help="How long to wait for a server that is away, or for a used-up limit.",
)
_rate = click.option("--rate", type=RATE, help="The account's limit; or LSQ_RATE.  [default: 25/5]")
_ledger = click.option("--ledger", metavar="FILE|URL", help="Where the ledger is; or LSQ_LEDGER.")

_ASKING = (
    _give_up_after,
    click.option(
        "--answer-timeout", type=_PATIENCE, default="120s", show_default=True, help="How long to wait for an answer."
    ),
    _rate,
    _ledger,
)
_SENDING = (
    click.option("-o", "--results", type=PATH, help="Where the results go.  [default: beside the manifest]"),
    click.option("--sandbox", is_flag=True, help="Use an embedded stand-in account and a temporary ledger."),
    read_fields,
    click.option("--dry-run", is_flag=True, help="Do all of it but the calls; show the first requests."),
    click.option(
        "--limit", type=click.IntRange(min=1), metavar="N", help="Send only the first N unsent rows: a trial."
    ),
    click.option("--skip-invalid", is_flag=True, help="Send the valid rows although others are rejected."),
    click.option(
        "--max-failures",
        type=_Parsed("N|N%", _failures),
        default="25",
        show_default=True,
        help="Stop after N failures in a row, or when a share of all rows failed.",
    ),
    click.option(
        "--on-unknown",
        type=click.Choice(["hold", "retry"]),
        default="hold",
        show_default=True,
        help="What to do with a row that was sent without an answer that tells. `retry` may make tickets twice.",
    ),
    click.option(
        "--retry-status",
        type=_Parsed("500,503", _statuses),
        default=frozenset(),
        help="Server errors after which a row is sent again. May make tickets twice.  [default: none]",
    ),
    click.option(
        "--refusals",
        type=_Parsed("TYPE,TYPE", parse_refusals),
        help="Application errors (MX…) after which there is no ticket; or LSQ_REFUSALS.  [default: none]",
    ),
    _give_up_after,
    click.option(
        "--answer-timeout",
        type=_PATIENCE,
        default="120s",
        show_default=True,
        help="How long to wait for an answer after the last byte has gone.",
    ),
    _rate,
    click.option(
        "--rate-share",
        type=_Parsed("N%", _share),
        default=1.0,
        help="The part of the limit to be used; others have the rest.  [default: 100%]",
    ),
    click.option(
        "--daily-cap", type=click.IntRange(min=1), metavar="N", help="At most N calls of the account in 24 hours."
    ),
    click.option(
        "--concurrency",
        type=click.IntRange(1, 1000),
        metavar="N",
        help="At most N requests under way at once.  [default: as many as the rate needs]",
    ),
    click.option(
        "--grace",
        type=DURATION,
        default="20s",
        show_default=True,
        help="How long requests under way may take to finish after an interruption.",
    ),
    _ledger,
    click.option("--yes", is_flag=True, help="Do not ask before sending."),
    click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object."),
    click.option("--progress/--no-progress", default=None, help="Show a bar.  [default: on a terminal]"),
)
_COMPARING = (
    click.option("--expect-new", is_flag=True, help="Go on although the keys look changed: all these rows are new."),
    click.option(
        "--max-changed",
        type=_Parsed("N%", _portion),
        default="50%",
        show_default=True,
        help="Stop where more of the known rows name another title or lead than when they were sent.",
    ),
    click.option(
        "--max-gone",
        type=_Parsed("N%", _portion),
        default="50%",
        show_default=True,
        help="Stop where more of the last export's keys are gone, if the exports before held nearly all.",
    ),
    click.option("--min-rows", type=click.IntRange(min=0), metavar="N", help="Stop where the export has fewer rows."),
)
_LOGGING = (
    click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True),
    click.option("--log-file", type=PATH, help="Write the log to this file, too."),
    click.option("-q", "--quiet", is_flag=True, help="Log only warnings and errors."),
    click.option("-v", "--verbose", is_flag=True, help="Log more."),
)
_MAPPING = (
    click.option("-m", "--mapping", type=PATH, required=True, help="The mapping file."),
    click.option("--source", metavar="NAME", help="Whose keys these are, for a mapping that is a CSV."),
    click.option(
        "--key", metavar="COLUMN", multiple=True, help="What identifies a row, for a mapping that is a CSV; repeatable."
    ),
)


def mapping(command: _Command) -> _Command:
    """Add the flags about the mapping."""
    return _with(_MAPPING, command)


def asking(command: _Command) -> _Command:
    """Add the flags of commands that ask the account and send nothing."""
    return _with(_ASKING, command)


def sending(command: _Command) -> _Command:
    """Add the flags of `run` and `rerun`."""
    return _with((*_MAPPING, *_SENDING, *_LOGGING), command)


def comparing(command: _Command) -> _Command:
    """Add the flags of `run` about what an export may be, beside those before it."""
    return _with(_COMPARING, command)


def logging_flags(command: _Command) -> _Command:
    """Add the flags about the log."""
    return _with(_LOGGING, command)


def _with(options: Sequence[Callable[[_Command], _Command]], command: _Command) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command
