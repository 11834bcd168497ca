"""Saves the account's fields between commands: a JSON file for each account, without keys."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from dataclasses import fields as parts_of
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from importer.account_fields.ticket_fields import AccountField, AccountFields
from importer.runtime.atomic_files import open_made, replacing

_VERSION = 1
_LISTS = ("values", "retired")
_NUMBERS = ("min_value", "max_value")


class FieldsCache:
    """The cache files in one folder, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, account: str) -> Path:
        """Return the path of an account's file."""
        return self._folder / f"{quote(account, safe='')}.json"

    def load(self, account: str) -> AccountFields | None:
        """Return the saved fields; ``None`` if there are none, or the file is damaged or of another version."""
        try:
            data = json.loads(self.path(account).read_text(encoding="utf-8"))
            found = from_data(data) if data["version"] == _VERSION else None
        except (OSError, ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
            return None
        return found if found is not None and found.account == account else None

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
        "fields": [
            {name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(field).items()}
            for field in fields
        ],
    }


def from_data(data: Any) -> AccountFields:
    """Convert plain data to fields. Raises ValueError, TypeError, KeyError or ArithmeticError for bad data."""
    read_at = datetime.fromisoformat(data["read_at"])
    if read_at.tzinfo is None:
        raise ValueError("the time has no zone")
    return AccountFields(
        account=_checked("account", data["account"], str),
        read_at=read_at,
        fields=tuple(map(_field, data["fields"])),
        notes=tuple(_checked("notes", each, str) for each in data["notes"]),
    )


def _field(data: dict[str, Any]) -> AccountField:
    kinds: dict[str, Callable[[str, Any], Any]] = {
        **dict.fromkeys(("mandatory", "active"), lambda name, value: _checked(name, value, bool)),
        **dict.fromkeys(("min_length", "max_length"), lambda name, value: _checked(name, value, int)),
        **dict.fromkeys(_NUMBERS, lambda name, value: Decimal(_checked(name, value, str))),
        **dict.fromkeys(_LISTS, lambda name, value: tuple(_checked(name, each, str) for each in value)),
    }
    read: dict[str, Any] = {}
    for part in parts_of(AccountField):
        value = data[part.name]
        may_be_none = part.name in ("values", "min_length", "max_length", *_NUMBERS)
        if value is not None or not may_be_none:
            value = kinds.get(part.name, _text)(part.name, value)
        read[part.name] = value
    return AccountField(**read)


def _text(name: str, value: Any) -> Any:
    return _checked(name, value, str)


def _checked(name: str, value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{name}: {value!r} is not a {kind.__name__}")
    return value
