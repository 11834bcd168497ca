"""The account's fields, for commands that check rows with them: from the cache, or read from the account.

Only `fields` and ``--read-fields`` read them from the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.cli.output import log
from importer.errors import UsageError
from importer.runtime.display_text import labelled
from importer.settings import (
    SANDBOX_ACCOUNT,
    AccountSettings,
    Environment,
    fields_folder,
    ledger_url,
    parse_duration,
    read_rate,
)

if TYPE_CHECKING:
    from importer.account_fields import AccountFields
    from importer.mapping import Mapping as LoadedMapping
    from importer.workflows.fetch_fields import FetchedFields


def fields_to_check(
    account: AccountSettings | None, environment: Environment, flags: Mapping[str, Any]
) -> AccountFields | None:
    """Return the fields to check rows with: cached ones, or the account's own with ``--read-fields``.

    ``account`` is ``None`` for the sandbox, whose fields are not cached. If the keys may not read the fields, a warning
    says so, and cached fields are used.
    """
    folder = fields_folder(flags.get("ledger"), environment)
    cached = cached_fields(account.name, folder) if account is not None else None
    if not flags["read_fields"]:
        if cached is not None:
            log.info("%s", fields_line(cached))
        return cached
    if flags.get("dry_run"):
        raise UsageError(
            "--read-fields makes calls to the account, and --dry-run makes none",
            hint="run `ticket-importer fields` first, then --dry-run without --read-fields",
        )
    from importer.account_fields.fields_reader import FieldsNotShown

    try:
        found = fetch_fields(account, environment, flags).fields
    except FieldsNotShown as error:
        instead = "rows are checked with the fields read before" if cached else "rows are checked without them"
        log.warning("%s; %s", error.message, instead)
        return cached
    if account is not None:
        cache_fields(found, folder)
    log.info("%s", fields_line(found))
    return found


def cached_fields(account_name: str, folder: Path | None) -> AccountFields | None:
    """Return the fields that were read before, or ``None``."""
    from importer.account_fields import FieldsCache

    return FieldsCache(folder).load(account_name) if account_name and folder is not None else None


def fields_line(fields: AccountFields) -> str:
    """Return a line that names the fields with which rows are checked."""
    return labelled("fields", f"{len(fields):,} of the account, read {fields.age_text(datetime.now(UTC))}")


def fetch_fields(account: AccountSettings | None, environment: Environment, flags: Mapping[str, Any]) -> FetchedFields:
    """Read the fields from the account. Raises FieldsNotShown, StoppedEarly and Interrupted."""
    from importer.ledger import Ledger
    from importer.workflows.fetch_fields import FetchOptions, fetch

    url = ledger_url(flags.get("ledger"), environment) if account is not None else ""
    return fetch(
        FetchOptions(
            account=account,
            account_name=account.name if account else SANDBOX_ACCOUNT,
            rate=flags.get("rate") or read_rate(None, environment),
            give_up_after_s=flags.get("give_up_after", parse_duration("15m")),
            answer_timeout_s=flags.get("answer_timeout", parse_duration("120s")),
            ledger_url=url if account is not None and Ledger.exists(url) else None,
            mapping=_mapping(flags) if account is None and "mapping" in flags else None,
        )
    )


def _mapping(flags: Mapping[str, Any]) -> LoadedMapping:
    from importer.mapping import load_mapping

    return load_mapping(flags["mapping"], source=flags["source"], key=flags["key"])


def cache_fields(found: AccountFields, folder: Path | None) -> None:
    """Cache the fields for later commands; log a warning if that is not possible."""
    from importer.account_fields import FieldsCache

    if folder is None:
        log.warning("can't cache the fields, as this user has no home folder: set HOME, or set LSQ_LEDGER to a file")
        return
    try:
        FieldsCache(folder).save(found)
    except OSError as error:
        log.warning("can't cache the fields in %s: %s", folder, error.strerror)
