"""Reads the account's fields, with the flags of the command that needs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from importer.account_fields.fields_reader import FieldsNotShown
from importer.cli.terminal import Terminal
from importer.ledger.store import Ledger
from importer.mapping import load_mapping
from importer.settings import SANDBOX_ACCOUNT, AccountSettings, Environment, ledger_url, parse_duration, read_rate
from importer.workflows.fetch_fields import FetchedFields, FetchOptions, fetch

__all__ = ["FieldsNotShown", "fetch_fields"]


def fetch_fields(account: AccountSettings | None, environment: Environment, flags: Mapping[str, Any]) -> FetchedFields:
    """Read the fields from the account. Raises FieldsNotShown, StoppedEarly and Interrupted."""
    url = ledger_url(flags.get("ledger"), environment) if account is not None else ""
    mapping = None
    if account is None and "mapping" in flags:
        mapping = load_mapping(flags["mapping"], source=flags["source"], key=flags["key"])
    return fetch(
        FetchOptions(
            account=account,
            account_name=account.name if account else SANDBOX_ACCOUNT,
            rate=flags.get("rate") or read_rate(None, environment),
            give_up_after_s=flags.get("give_up_after", parse_duration("15m")),
            answer_timeout_s=flags.get("answer_timeout", parse_duration("120s")),
            ledger_url=url if account is not None and Ledger.exists(url) else None,
            mapping=mapping,
        ),
        Terminal(bar=None).listen,
    )
