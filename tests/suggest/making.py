"""The account's fields as the stand-in tells them, without asking for them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from importer.fields import AccountField, AccountFields
from importer.leadsquared.metadata import FieldsPage, LookupValues, read_lookup, read_page
from importer.sandbox import default_account


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
