"""The account's fields for the commands that check against them: as they were kept, or read anew where that is asked.

No command but `fields` asks the account for them by itself: the first call of a run is a ticket.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.cli.output import log
from importer.errors import UsageError
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
    """Give the fields that rows are held against: those kept, or the account's own where ``--read-fields`` is said.

    ``account`` is ``None`` for the embedded sandbox, of which nothing is kept. Where the keys may not read the fields,
    that is said, and what was kept will do.
    """
    folder = fields_folder(flags.get("ledger"), environment)
    kept = kept_fields(account.name, folder) if account is not None else None
    if not flags["read_fields"]:
        if kept is not None:
            log.info("%s", fields_line(kept))
        return kept
    if flags.get("dry_run"):
        raise UsageError(
            "--read-fields calls the account, and --dry-run calls nothing", hint="run `ticket-importer fields` before"
        )
    from importer.account_fields.fields_reader import FieldsNotShown  # noqa: PLC0415 - see the package's docstring

    try:
        found = fetch_fields(account, environment, flags).fields
    except FieldsNotShown as error:
        log.warning("%s; it goes on %s", error.message, "with those read before" if kept else "without them")
        return kept
    if account is not None:
        keep(found, folder)
    log.info("%s", fields_line(found))
    return found


def kept_fields(account_name: str, folder: Path | None) -> AccountFields | None:
    """Give the fields that were read before, if they were."""
    from importer.account_fields import FieldsCache  # noqa: PLC0415 - see the package's docstring

    return FieldsCache(folder).load(account_name) if account_name and folder is not None else None


def fields_line(fields: AccountFields) -> str:
    """Say which fields rows are held against."""
    return f"fields     {len(fields):,} of the account, read {fields.age_text(datetime.now(UTC))}"


def fetch_fields(account: AccountSettings | None, environment: Environment, flags: Mapping[str, Any]) -> FetchedFields:
    """Ask the account for its fields. Raises FieldsNotShown, StoppedEarly and Interrupted."""
    from importer.ledger import Ledger  # noqa: PLC0415
    from importer.workflows.fetch_fields import FetchOptions, fetch  # noqa: PLC0415 - see the package's docstring

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
    from importer.mapping import load_mapping  # noqa: PLC0415 - see the package's docstring

    return load_mapping(flags["mapping"], source=flags["source"], key=flags["key"])


def keep(found: AccountFields, folder: Path | None) -> None:
    """Keep them for later commands, if there is a place for them."""
    from importer.account_fields import FieldsCache  # noqa: PLC0415 - see the package's docstring

    if folder is None:
        log.warning("the fields can't be kept, as this user has no home folder: set HOME, or LSQ_LEDGER to a file")
        return
    try:
        FieldsCache(folder).save(found)
    except OSError as error:
        log.warning("the fields can't be kept in %s: %s", folder, error.strerror)
