"""A sandbox inside the importer's process, for a rehearsal: it has the fields and values that the mapping uses.

A real account's custom fields and select values may not be known, so the sandbox accepts those of the mapping. If they
are known, mapping and rows are checked with them before. Everything else is as strict as always.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping as Items
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from importer.leadsquared.documented_fields import LEAD_ID
from importer.mapping import Mapping, Rule
from importer.models import FieldType, Rate
from importer.sandbox import Field, FieldKind, Sandbox, SandboxAccount, SandboxOptions, default_account, serve

Values = Items[str, Sequence[str]]

_KINDS = {
    FieldType.TEXT: FieldKind.LONG_TEXT,
    FieldType.INTEGER: FieldKind.INTEGER,
    FieldType.NUMBER: FieldKind.NUMBER,
    FieldType.BOOLEAN: FieldKind.BOOLEAN,
    FieldType.DATE: FieldKind.DATE,
    FieldType.DATETIME: FieldKind.DATETIME,
    FieldType.EMAIL: FieldKind.EMAIL,
    FieldType.PHONE: FieldKind.PHONE,
    FieldType.GUID: FieldKind.TEXT,
}


def embedded_account(
    mapping: Mapping | None, rate: Rate, known: int = 0, values: Values | None = None
) -> AbstractAsyncContextManager[Sandbox]:
    """Serve an account for one rehearsal, on a free local port. ``rate``: the limit that the user set.

    Ticket numbers start after ``known``, and GUIDs differ from those of earlier rehearsals. ``values``: more values of
    fields, by SchemaName.
    """
    account = default_account() if mapping is None else account_for(mapping, values)
    first = max(known + 1, SandboxOptions.first_number)
    return serve(SandboxOptions(account=account, rate=rate, first_number=first, seed=known))


def account_for(mapping: Mapping, more_values: Values | None = None) -> SandboxAccount:
    """Return the default account with the mapping's additional fields and values, and with ``more_values``."""
    account = default_account()
    kinds = {name: FieldKind.LONG_TEXT for name, _ in (*mapping.constants, *mapping.templates)}
    kinds |= {rule.field: _KINDS[rule.type] for rule in mapping.rules if rule.field}
    new = [Field(schema_name=name, kind=kind) for name, kind in kinds.items() if account.field(name) is None]
    account = account.with_fields([field for field in new if field.schema_name != LEAD_ID])
    values: defaultdict[str, list[str]] = defaultdict(list)
    for rule in mapping.rules:
        values[rule.field] += _values(rule)
    for name, value in mapping.constants:
        values[name].append(value)
    for name, some in (more_values or {}).items():
        values[name] += some
    selects = {field.schema_name for field in account.fields if field.kind is FieldKind.SELECT}
    return account.with_values({name: more for name, more in values.items() if name in selects})


def _values(rule: Rule) -> list[str]:
    """Return the values that a rule can send."""
    return [*rule.one_of, *rule.values.values(), *([rule.default] if rule.default is not None else [])]
