"""Checks values against the limits in the account's field metadata."""

from __future__ import annotations

from collections.abc import Mapping

from importer.account_fields import AccountField, AccountFields, FieldViolation, find_violation


class AccountRules:
    """Limits of the account's active fields. Fields without known metadata have none."""

    def __init__(self, fields: AccountFields | None) -> None:
        self._fields: dict[str, AccountField] = {}
        if fields is not None:
            self._fields = {field.schema_name: field for field in fields if field.active}

    def violations(self, name: str, values: Mapping[str, str | None]) -> dict[str, FieldViolation]:
        """Return the cells whose value the account would refuse, with the reason.

        ``values``: cell -> value of the field ``name``; ``None`` is not sent and counts as empty.
        """
        if (field := self._fields.get(name)) is None:
            return {}
        found = {cell: find_violation(field, value or "") for cell, value in values.items()}
        return {cell: violation for cell, violation in found.items() if violation is not None}
