"""The account's fields, for commands that check rows with them: from the cache, or read from the account.

Only `fields` and ``--read-fields`` read them from the account.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from importer.account_fields import AccountFields, FieldsCache
from importer.errors import SettingsError, UsageError
from importer.runtime.display_text import labelled
from importer.runtime.events import Emit, Noted, Warned
from importer.settings import AccountSettings, Environment, fields_folder, read_account
from importer.workflows.options import Options


def fields_to_check(  # noqa: PLR0913 - `mapping` and `may_call` are the command's
    account: AccountSettings | None,
    environment: Environment,
    options: Options,
    emit: Emit,
    *,
    mapping: Path,
    may_call: bool = True,
) -> AccountFields | None:
    """Return the fields to check rows with: cached ones, or the account's own with ``--read-fields``.

    ``account`` is ``None`` for the embedded sandbox: a rehearsal is as strict as the account of the settings, if its
    fields are cached. If the keys may not read the fields, a warning
    says so, and cached fields are used.
    """
    folder = fields_folder(options.ledger, environment)
    cached = cached_fields(_account_name(account, environment), folder)
    if not options.read_fields:
        if cached is not None:
            emit(Noted(fields_line(cached)))
        return cached
    if not may_call:
        raise UsageError(
            "--read-fields makes calls to the account, and --dry-run makes none",
            hint="run `ticket-importer fields` first, then --dry-run without --read-fields",
        )
    from importer.workflows.fetch_fields import FieldsNotShown, fetch_fields  # noqa: PLC0415 - loads the client

    try:
        found = fetch_fields(account, environment, options, emit, mapping).fields
    except FieldsNotShown as error:
        instead = "rows are checked with the fields read before" if cached else "rows are checked without them"
        emit(Warned(f"{error.message}; {instead}"))
        return cached
    if account is not None:
        cache_fields(found, folder, emit)
    emit(Noted(fields_line(found)))
    return found


def _account_name(account: AccountSettings | None, environment: Environment) -> str:
    """Return the name of the account, or of that of the settings; empty if they name none."""
    try:
        return (account or read_account(environment)).name
    except SettingsError:
        return ""


def cached_fields(account_name: str, folder: Path | None) -> AccountFields | None:
    """Return the fields that were read before, or ``None``."""
    return FieldsCache(folder).load(account_name) if account_name and folder is not None else None


def fields_line(fields: AccountFields) -> str:
    """Return a line that names the fields with which rows are checked."""
    return labelled("fields", f"{len(fields):,} of the account, read {fields.age_text(datetime.now(UTC))}")


def cache_fields(found: AccountFields, folder: Path | None, emit: Emit) -> None:
    """Cache the fields for later commands; warn if that is not possible."""
    if folder is None:
        emit(Warned("can't cache the fields, as this user has no home folder: set HOME, or set LSQ_LEDGER to a file"))
        return
    try:
        FieldsCache(folder).save(found)
    except OSError as error:
        emit(Warned(f"can't cache the fields in {folder}: {error.strerror}"))
