"""Drafts of a few rows, and the account's fields as the stand-in tells them, without asking for them."""

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
    """The fields of the stand-in's default account, with their values."""
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
    """These fields, read just now."""
    return AccountFields(account="tenant", read_at=datetime.now(UTC), fields=tuple(fields))


def drafted(
    folder: Path, *rows: tuple[str, ...], name: str = "tickets.csv", fields: tuple[AccountField, ...] = ()
) -> Suggestion:
    """Draft for a manifest of these rows, the header first."""
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return suggest(folder / name, known(*fields) if fields else None)


def loaded(folder: Path, suggestion: Suggestion) -> Mapping:
    """The draft as the language reads it."""
    path = folder / "draft.yaml"
    path.write_text(suggestion.text, encoding="utf-8")
    return load_mapping(path)


def fields_of(suggestion: Suggestion, confidence: Confidence) -> dict[str, str]:
    """The columns that are as sure as this, with their fields."""
    return {each.column: each.field for each in suggestion.draft.decisions if each.confidence is confidence}
