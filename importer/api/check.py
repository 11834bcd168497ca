"""`validate` for Python: checks a manifest and sends nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import SettingsError, StoppedEarly, UsageError
from importer.reports.summary import Validation
from importer.runtime.events import Emit, to_all
from importer.runtime.signals import outside_event_loop
from importer.settings import Environment, ledger_url, read_account, read_environment
from importer.workflows.import_job import ImportJob
from importer.workflows.known_fields import fields_to_check
from importer.workflows.options import Options
from importer.workflows.preflight import naming_wrong_files, validate_manifest

if TYPE_CHECKING:
    from importer.ledger.store import Ledger

_IGNORE = to_all()


def validate(
    manifest: str | Path, mapping: str | Path, options: Options | None = None, emit: Emit = _IGNORE
) -> Validation:
    """Check every row of a manifest, and call nothing but ``emit``.

    Rows that the ledger knows as tickets are not checked. Raises UsageError for files that can't be used.
    """
    work = partial(_validate, Path(manifest), Path(mapping), options or Options(), emit)
    return outside_event_loop(work)


def _validate(manifest: Path, mapping: Path, options: Options, emit: Emit) -> Validation:
    environment = read_environment(options.settings)
    with (
        naming_wrong_files(mapping, manifest, options),
        _known_account(environment, options.ledger) as (account_name, ledger),
    ):
        account = read_account(environment) if account_name or options.read_fields else None
        try:
            fields = fields_to_check(account, environment, options, emit, mapping=mapping)
        except StoppedEarly as error:  # no row is checked
            hint = f"{error.hint}; or check without --read-fields"
            raise UsageError(error.message, hint=hint, details=error.details) from error
        job = ImportJob(
            command="validate",
            manifest=manifest,
            mapping=mapping,
            results=None,
            account_name=account_name,
            options=options,
            fields=fields,
        )
        return validate_manifest(job, emit, ledger)


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
