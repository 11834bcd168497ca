"""Saves the account's fields between commands: a JSON file for each account, without keys."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter

from importer.account_fields.ticket_fields import AccountFields
from importer.runtime.atomic_files import open_made, replacing

_VERSION = 1


class FieldsCache:
    """The cache files in one folder, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, account: str) -> Path:
        """Return the path of an account's file."""
        return self._folder / f"{quote(account, safe='')}.json"

    def load(self, account: str) -> AccountFields | None:
        """Return the saved fields; ``None`` if there is no undamaged file of this version."""
        try:
            found = from_data(json.loads(self.path(account).read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError):
            return None
        return found if found.account == account else None

    def save(self, fields: AccountFields) -> None:
        """Save fields; replace the whole file. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            replacing(self.path(fields.account), private=True) as temporary,
            os.fdopen(open_made(temporary), "w", encoding="utf-8") as file,
        ):
            json.dump(as_data(fields), file, ensure_ascii=True, indent=1)


def as_data(fields: AccountFields) -> dict[str, Any]:
    """Convert fields to plain data; ``from_data`` converts back."""
    return {
        "version": _VERSION,
        "account": fields.account,
        "read_at": fields.read_at.isoformat(timespec="seconds"),
        "notes": list(fields.notes),
        "fields": [{name: _plain(value) for name, value in asdict(field).items()} for field in fields],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def from_data(data: Any) -> AccountFields:
    """Convert plain data of this version to fields. Raises ValueError for any other data."""
    fields = TypeAdapter(AccountFields).validate_python(data)
    # pydantic converts "yes" to true and fills in missing members: then this is not what was saved.
    if fields.read_at.tzinfo is None or as_data(fields) != data:
        raise ValueError("these are not saved fields")
    return fields
