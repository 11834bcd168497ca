"""`validate`: checks a manifest and sends nothing."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.account_fields import AccountFields
from importer.cli import options
from importer.cli.ending import Ending
from importer.cli.known_fields import fields_to_check
from importer.cli.log_setup import set_up_log
from importer.cli.terminal import Terminal
from importer.errors import SettingsError, StoppedEarly, UsageError
from importer.events import to_all
from importer.reports import attachments_line, problem_lines, report_file
from importer.reports.summary import Validation
from importer.runtime.display_text import labelled
from importer.settings import AccountSettings, Environment, ledger_url, read_account
from importer.workflows.import_job import ImportJob
from importer.workflows.preflight import validate_manifest

if TYPE_CHECKING:
    from importer.ledger.store import Ledger


def validate(manifest: Path, mapping: Path, report: Path | None, **flags: Any) -> Ending:
    """Check a manifest without sending anything."""
    environment = options.read_environment()
    set_up_log(flags, environment)
    with (
        _known_account(environment, flags["ledger"]) as (account_name, ledger),
        report_file(report, inputs=(manifest, mapping)) as write_report,
    ):
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
        validation = validate_manifest(job, to_all(Terminal().listen, write_report), ledger)
    reported = [labelled("report", str(report))] if report is not None else []
    lines = (
        *problem_lines(validation.kinds),
        *_summary_lines(validation),
        *reported,
        *_next_step_lines(validation, flags),
    )
    return Ending(exit_code=validation.exit_code, lines=lines)


def _fields(account: AccountSettings | None, environment: Environment, flags: dict[str, Any]) -> AccountFields | None:
    """Return the account's fields. Raises UsageError if they can't be read; no row is checked then."""
    try:
        return fields_to_check(account, environment, flags)
    except StoppedEarly as error:
        raise UsageError(
            error.message, hint=f"{error.hint}; or check without --read-fields", details=error.details
        ) from error


def _summary_lines(validation: Validation) -> Iterator[str]:
    yield labelled("manifest", f"{validation.manifest} ({validation.detected})")
    skipped = f", {validation.skipped:,} already imported" if validation.skipped else ""
    rejected = f"{validation.rejected:,} rejected" if validation.rejected else "no problems found"
    yield labelled("rows", f"{validation.rows:,}: {rejected}{skipped}")
    if validation.attachments is not None:
        yield attachments_line(validation.attachments, validation.rows)


def _next_step_lines(validation: Validation, flags: dict[str, Any]) -> Iterator[str]:
    if validation.rejected:
        yield labelled("next", "correct these rows or the mapping, then check again")
        return
    table = ["--source", flags["source"]] if flags["source"] else []
    table += [word for column in flags["key"] for word in ("--key", column)]
    yield labelled("next", "to import the manifest, run:")
    yield labelled("", shlex.join(["ticket-importer", "run", validation.manifest, "-m", validation.mapping, *table]))


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
