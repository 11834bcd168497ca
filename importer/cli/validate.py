"""`validate` and `explain`: what is wrong with a manifest, and what its error codes mean."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli import options
from importer.cli.commands import cli
from importer.cli.known_fields import fields_to_check
from importer.cli.output import say, set_up_log
from importer.errors import SettingsError, StoppedEarly, UsageError
from importer.runtime.garbage_collection import paused
from importer.settings import DEFAULT_RATE, AccountSettings, Environment, ledger_url, read_account

if TYPE_CHECKING:
    from importer.account_fields import AccountFields
    from importer.ledger import Ledger
    from importer.reports import PageHeader, ProblemTally
    from importer.workflows.preflight import ImportJob, Preflight

_LIKE = 0.6  # how much of a code must be right for it to be meant


@cli.command("validate")
@click.argument("manifest", type=options.PATH)
@options.mapping
@click.option("--report", type=options.PATH, help="Write every problem to this file, .csv, .json or .html.")
@options.read_fields
@options.strict_end
@options.asking
@options.logging_flags
def validate(manifest: Path, mapping: Path, report: Path | None, **flags: Any) -> int:
    """Check every row of MANIFEST as `run` would, and call nothing but for --read-fields.

    Where the account is set and the ledger knows it, rows that are tickets already are not looked at.
    """
    with paused():
        from importer.cli.terminal import Terminal  # noqa: PLC0415 - see the package's docstring
        from importer.reports import attachments_line, report_file  # noqa: PLC0415
        from importer.workflows.preflight import ImportJob, validate_manifest  # noqa: PLC0415

    environment = Environment(os.environ, Path(".env"))
    set_up_log(flags, environment)
    with (
        _known_account(environment, flags["ledger"]) as (account_name, known),
        report_file(report, inputs=(manifest, mapping)) as problems,
    ):
        desk = Terminal(DEFAULT_RATE, report=problems)
        account = read_account(environment) if account_name or flags["read_fields"] else None
        job = ImportJob(
            command="validate",
            manifest=manifest,
            mapping=mapping,
            results=None,
            account_name=account_name,
            fields=_fields(account, environment, flags),
            mapping_source=flags["source"],
            mapping_key=flags["key"],
            strict_end=flags["strict_end"],
        )
        judging = validate_manifest(job, desk, known)
        about = _about(job, judging, desk.tally)
        problems.conclude(about)
    for line in desk.tally.lines():
        say(line)
    say(f"manifest   {manifest} ({about.detected})")
    already = f", {about.skipped_rows:,} are tickets already" if about.skipped_rows else ""
    rows = "1 row" if about.rows == 1 else f"{about.rows:,} rows"
    say(f"{rows}, {about.wrong_rows:,} rejected{already}")
    if judging.attachments is not None:
        say(attachments_line(judging.attachments, about.rows))
    if report is not None:
        say(f"report     {report}")
    return int(about.wrong_rows > 0)


def _fields(account: AccountSettings | None, environment: Environment, flags: dict[str, Any]) -> AccountFields | None:
    """The account's fields. Raises UsageError where they can't be had: no row is judged then, and nothing was sent."""
    try:
        return fields_to_check(account, environment, flags)
    except StoppedEarly as error:
        raise UsageError(
            error.message, hint=f"{error.hint}; or check without --read-fields", details=error.details
        ) from error


def _about(job: ImportJob, judging: Preflight, tally: ProblemTally) -> PageHeader:
    from importer.reports import PageHeader  # noqa: PLC0415 - see the package's docstring
    from importer.submission.plan import Disposition  # noqa: PLC0415

    plan = judging.rows.plan
    return PageHeader(
        manifest=str(job.manifest),
        mapping=str(job.mapping),
        detected=judging.manifest.format.describe(),
        made_at=datetime.now().astimezone(),
        rows=len(plan),
        wrong_rows=tally.rows,
        blank_rows=judging.manifest.blank_rows,
        skipped_rows=plan.counts()[Disposition.SKIP],
        kinds=tally.kinds(),
        warnings=judging.warnings,
    )


@contextlib.contextmanager
def _known_account(environment: Environment, ledger_flag: str | None) -> Iterator[tuple[str, Ledger | None]]:
    """The account's name and its ledger, where both are there: `validate` needs neither."""
    try:
        name = read_account(environment).name
    except SettingsError:
        name = ""
    known = None
    if name:
        with contextlib.suppress(SettingsError):  # of a user without a home folder, where no ledger is named
            known = _open_ledger(ledger_url(ledger_flag, environment))
    try:
        yield name, known
    finally:
        if known is not None:
            known.close()


def _open_ledger(url: str) -> Ledger | None:
    from importer.ledger import Ledger  # noqa: PLC0415 - see the package's docstring

    return Ledger.open(url) if Ledger.exists(url) else None


@cli.command()
@click.argument("code", required=False)
def explain(code: str | None) -> int:
    """Say what an error CODE of the results means, how it comes about, and what to do; without one, list all."""
    from importer.error_codes import ERROR_CODES, STATES  # noqa: PLC0415 - see the package's docstring

    if code is None:
        width = max(map(len, ERROR_CODES))
        for state, entries in STATES.items():
            say(f"{state}:")
            for each, entry in entries.items():
                say(f"  {each:<{width}}  {entry.meaning}")
        return 0
    name = code.strip().strip("`'\"").lower().replace("_", "-").replace(" ", "-")
    if name not in ERROR_CODES:
        meant = difflib.get_close_matches(name, ERROR_CODES, n=3, cutoff=_LIKE)
        did_you_mean = f"did you mean {' or '.join(meant)}? " if meant else ""
        raise UsageError(
            f"there is no error code {code!r}; those that there are:",
            details=[f"{state}: {', '.join(entries)}" for state, entries in STATES.items()],
            hint=f"{did_you_mean}`ticket-importer explain` says what each of them means",
        )
    entry = ERROR_CODES[name]
    (state,) = [state for state, entries in STATES.items() if name in entries]
    say(f"{name}: the code of a row that is {state}")
    say("")
    say(f"What it means: {entry.meaning}")
    say(f"Why: {entry.why}")
    say(f"What to do: {entry.advice}")
    return 0
