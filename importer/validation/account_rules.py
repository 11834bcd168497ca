"""Checks values against the limits in the account's field metadata."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from importer.account_fields import AccountField, AccountFields, FieldViolation, find_violation
from importer.account_fields.value_check import only_length_is_limited
from importer.manifest import Column, is_visible
from importer.mapping import FieldType
from importer.validation.byte_checks import Mask

_NEVER_LONGER_THAN_CELL = (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE)


class AccountRules:
    """Limits of the account's active fields. Fields without known metadata have none."""

    def __init__(self, fields: AccountFields | None) -> None:
        self._fields: dict[str, AccountField] = {}
        if fields is not None:
            self._fields = {field.schema_name: field for field in fields if field.active}

    def has_rules(self, name: str) -> bool:
        """Return whether the field's metadata is known."""
        return name in self._fields

    def certainly_valid(self, name: str, column: Column, field_type: FieldType) -> Mask:
        """Return which cells the account accepts, however their rule converts them."""
        field = self._fields.get(name)
        if field is None:
            return np.ones(len(column), dtype=bool)
        if not only_length_is_limited(field):
            return np.zeros(len(column), dtype=bool)
        fit = np.ones(len(column), dtype=bool)
        if field.max_length is not None:
            # A text never has more characters than bytes.
            fit = column.lengths <= field.max_length if field_type in _NEVER_LONGER_THAN_CELL else ~fit
        return fit & is_visible(column.first_bytes()) if field.is_required else np.asarray(fit | (column.lengths == 0))

    def violations(self, name: str, values: Sequence[str], sent: Mask) -> Iterator[tuple[int, FieldViolation]]:
        """Yield position and reason of every value that the account would refuse; an unsent value counts as empty."""
        field = self._fields.get(name)
        if field is None:
            return
        known: dict[str, FieldViolation | None] = {}
        for position, (value, is_sent) in enumerate(zip(values, sent.tolist(), strict=True)):
            text = value if is_sent else ""
            if text not in known:
                known[text] = find_violation(field, text)
            if (wrong := known[text]) is not None:
                yield position, wrong
