"""Drafts of a few rows, with the fields of the sandbox account but without calls."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from importer.account_fields import AccountField, AccountFields
from importer.account_fields.metadata import FieldsPage, LookupValues, read_lookup, read_page
from importer.mapping import Mapping, load_mapping
from importer.sandbox import default_account
from importer.suggest import Suggestion, suggest
from importer.suggest.decisions import Confidence


def account_fields() -> AccountFields:
    """Return the fields of the default sandbox account, with their values."""
    account = default_account()
    entries = [field.metadata() for field in account.ticket_fields]
    page = read_page(200, {}, json.dumps({"Total": len(entries), "TicketsFields": entries}).encode())
    assert isinstance(page, FieldsPage)
    fields = []
    for field in page.fields:
        if field.is_select:
            there = account.lookup(field.schema_name.rpartition(".")[2])
            assert there is not None
            values = read_lookup(200, {}, json.dumps(there.lookup_values()).encode())
            assert isinstance(values, LookupValues)
            field = replace(field, values=values.values, retired=values.retired)  # noqa: PLW2901 - with its values
        fields.append(field)
    return known(*fields)


def known(*fields: AccountField) -> AccountFields:
    """Return these fields as if they had just been read."""
    return AccountFields(account="tenant", read_at=datetime.now(UTC), fields=tuple(fields))


def drafted(
    folder: Path, *rows: tuple[str, ...], name: str = "tickets.csv", fields: tuple[AccountField, ...] = ()
) -> Suggestion:
    """Draft a mapping for a manifest of these rows; the first is the header."""
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return suggest(folder / name, known(*fields) if fields else None)


def loaded(folder: Path, suggestion: Suggestion) -> Mapping:
    """Load a draft as a mapping."""
    path = folder / "draft.yaml"
    path.write_text(suggestion.text, encoding="utf-8")
    return load_mapping(path)


def fields_of(suggestion: Suggestion, confidence: Confidence) -> dict[str, str]:
    """Return the columns with this confidence, and their fields."""
    return {each.column: each.field for each in suggestion.draft.decisions if each.confidence is confidence}
