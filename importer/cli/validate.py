"""`validate`: checks a manifest and sends nothing."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.account_fields import AccountFields
from importer.cli import options
from importer.cli.known_fields import fields_to_check
from importer.cli.log_setup import set_up_log
from importer.cli.output import print_report
from importer.cli.terminal import Terminal
from importer.errors import SettingsError, StoppedEarly, UsageError
from importer.reports import PageHeader, ProblemTally, attachments_line, report_file
from importer.runtime.display_text import labelled
from importer.settings import DEFAULT_RATE, AccountSettings, Environment, ledger_url, read_account
from importer.submission.plan import Disposition
from importer.workflows.import_job import ImportJob
from importer.workflows.preflight import Preflight, validate_manifest

if TYPE_CHECKING:
    from importer.ledger.store import Ledger


def validate(manifest: Path, mapping: Path, report: Path | None, **flags: Any) -> int:
    """Check a manifest without sending anything."""
    environment = options.read_environment()
    set_up_log(flags, environment)
    with (
        _known_account(environment, flags["ledger"]) as (account_name, ledger),
        report_file(report, inputs=(manifest, mapping)) as problems,
    ):
        dialog = Terminal(DEFAULT_RATE, report=problems)
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
        preflight = validate_manifest(job, dialog, ledger)
        header = _page_header(job, preflight, dialog.tally)
        problems.conclude(header)
    print_report((*dialog.tally.lines(), *_summary_lines(header, preflight)))
    if report is not None:
        print_report([labelled("report", str(report))])
    print_report(_next_step_lines(header, flags))
    return int(header.wrong_rows > 0)


def _fields(account: AccountSettings | None, environment: Environment, flags: dict[str, Any]) -> AccountFields | None:
    """Return the account's fields. Raises UsageError if they can't be read; no row is checked then."""
    try:
        return fields_to_check(account, environment, flags)
    except StoppedEarly as error:
        raise UsageError(
            error.message, hint=f"{error.hint}; or check without --read-fields", details=error.details
        ) from error


def _summary_lines(header: PageHeader, preflight: Preflight) -> Iterator[str]:
    yield labelled("manifest", f"{header.manifest} ({header.detected})")
    skipped = f", {header.skipped_rows:,} already imported" if header.skipped_rows else ""
    rejected = f"{header.wrong_rows:,} rejected" if header.wrong_rows else "no problems found"
    yield labelled("rows", f"{header.rows:,}: {rejected}{skipped}")
    if preflight.attachments is not None:
        yield attachments_line(preflight.attachments, header.rows)


def _next_step_lines(header: PageHeader, flags: dict[str, Any]) -> Iterator[str]:
    if header.wrong_rows:
        yield labelled("next", "correct these rows or the mapping, then check again")
        return
    table = ["--source", flags["source"]] if flags["source"] else []
    table += [word for column in flags["key"] for word in ("--key", column)]
    yield labelled("next", "to import the manifest, run:")
    yield labelled("", shlex.join(["ticket-importer", "run", header.manifest, "-m", header.mapping, *table]))


def _page_header(job: ImportJob, preflight: Preflight, tally: ProblemTally) -> PageHeader:
    plan = preflight.rows.plan
    return PageHeader(
        manifest=str(job.manifest),
        mapping=str(job.mapping),
        detected=preflight.manifest.format.describe(),
        made_at=datetime.now().astimezone(),
        rows=len(plan),
        wrong_rows=tally.rows,
        blank_rows=preflight.manifest.blank_rows,
        skipped_rows=plan.counts()[Disposition.SKIP],
        kinds=tally.kinds(),
        warnings=preflight.warnings,
    )


@contextlib.contextmanager
def _known_account(environment: Environment, ledger_flag: str | None) -> Iterator[tuple[str, Ledger | None]]:
    """Yield the account's name and its open ledger, or ``""`` and ``None``: `validate` needs neither."""
    try:
        name = read_account(environment).name
    except SettingsError:
        name = ""
    ledger = None
    if name:
        with contextlib.suppress(SettingsError):  # the user has no home folder, and no ledger is named
            ledger = _open_ledger(ledger_url(ledger_flag, environment))
    try:
        yield name, ledger
    finally:
        if ledger is not None:
            ledger.close()


def _open_ledger(url: str) -> Ledger | None:
    from importer.ledger.store import Ledger  # noqa: PLC0415 - loads SQLAlchemy

    return Ledger.open(url) if Ledger.exists(url) else None
