"""The values that the cells of a column may have, where the mapping or the account's fields list them. Pure."""

from __future__ import annotations

from collections import defaultdict

from importer.account_fields import AccountFields
from importer.mapping import Mapping, Rule
from importer.models import FieldType

_MAX_CHOICES = 500  # nobody looks through a longer list


def cell_choices(mapping: Mapping, fields: AccountFields | None) -> dict[str, tuple[str, ...]]:
    """Return the cells that the rule of each column takes; columns that take any text are left out."""
    rules: dict[str, list[Rule]] = defaultdict(list)
    for rule in mapping.rules:
        for column in rule.columns:
            rules[column].append(rule)
    found = {column: _choices(own[0], fields) for column, own in rules.items() if len(own) == 1}
    return {column: choices for column, choices in found.items() if 0 < len(choices) <= _MAX_CHOICES}


def _choices(rule: Rule, fields: AccountFields | None) -> tuple[str, ...]:
    if rule.type is not FieldType.TEXT or rule.extract or rule.takes_list or rule.html:
        return ()
    field = fields.by_name.get(rule.field) if fields is not None else None
    configured = field.values if field is not None and field.active else None
    allowed = rule.one_of or configured
    if not allowed:
        return ()
    # A cell with a configured value stays as it is, unless `values` replaces it.
    return tuple(dict.fromkeys((*rule.values, *(value for value in allowed if value not in rule.values))))
