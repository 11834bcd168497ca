"""What the account itself says of values, brought to the columns of a manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from importer.account_fields import AccountField, AccountFields, FieldViolation, find_violation
from importer.account_fields.value_check import only_length_is_limited
from importer.manifest import Column, is_visible
from importer.mapping import FieldType

Mask = npt.NDArray[np.bool_]

_NOT_LONGER_THAN_THEIR_CELLS = (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE)


class AccountRules:
    """The account's fields, as far as they are known. One that it has switched off is the mapping's matter."""

    def __init__(self, fields: AccountFields | None) -> None:
        self._fields: dict[str, AccountField] = {}
        if fields is not None:
            self._fields = {field.schema_name: field for field in fields if field.active}

    def knows(self, name: str) -> bool:
        """Whether anything is known of a field."""
        return name in self._fields

    def surely_fit(self, name: str, column: Column, kind: FieldType) -> Mask:
        """Say which cells are right by their form, whatever is made of them on the way."""
        field = self._fields.get(name)
        if field is None:
            return np.ones(len(column), dtype=bool)
        if not only_length_is_limited(field):
            return np.zeros(len(column), dtype=bool)
        fit = np.ones(len(column), dtype=bool)
        if field.max_length is not None:
            # Characters are not more than bytes.
            fit = column.lengths <= field.max_length if kind in _NOT_LONGER_THAN_THEIR_CELLS else ~fit
        return fit & is_visible(column.first_bytes()) if field.is_required else np.asarray(fit | (column.lengths == 0))

    def complaints(self, name: str, values: Sequence[str], sent: Mask) -> Iterator[tuple[int, FieldViolation]]:
        """Yield what the account would refuse, with its position; a value that is not sent is as good as empty."""
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
