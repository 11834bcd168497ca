"""Ticket fields as the account describes them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

OLD_AFTER = timedelta(days=7)

_NUMBERS = frozenset({"number", "integer", "int", "decimal", "double", "float", "currency", "money"})
_SELECTS = frozenset({"select", "dropdown"})


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountField:
    """One field (*Get Ticket Fields Metadata*). What the account does not set is ``None`` or empty.

    ``data_type``: in the account's words; only `Select` is documented. ``values``: the values of a select field (*Get
    Lookup Values*) in the account's order; ``None`` if not known. ``retired``: values that are no longer accepted.
    Lengths are in characters. ``regex``: in a dialect that is not documented.
    """

    schema_name: str
    display_name: str = ""
    data_type: str = ""
    mandatory: bool = False
    active: bool = True
    default: str = ""
    lookup_id: str = ""
    values: tuple[str, ...] | None = None
    retired: tuple[str, ...] = ()
    min_length: int | None = None
    max_length: int | None = None
    min_value: Decimal | None = None
    max_value: Decimal | None = None
    regex: str = ""

    @property
    def is_select(self) -> bool:
        """Whether it takes one value of a list. How several values would be written is not documented."""
        return self.data_type.casefold() in _SELECTS

    @property
    def is_number(self) -> bool:
        """Whether it takes numbers only."""
        return self.data_type.casefold() in _NUMBERS

    @property
    def is_required(self) -> bool:
        """Whether the account refuses a ticket without a value for it."""
        return self.mandatory and self.active and not self.default


@dataclass(frozen=True, kw_only=True)
class AccountFields:
    """All ticket fields of an account, in its order, as of ``read_at`` (UTC).

    ``notes``: what could not be read, a sentence each.
    """

    account: str
    read_at: datetime
    fields: tuple[AccountField, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, AccountField]:
        """SchemaName -> field."""
        return {field.schema_name: field for field in self.fields}

    def __iter__(self) -> Iterator[AccountField]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def is_old(self, now: datetime) -> bool:
        """Return whether the fields were read so long ago that the account may have changed."""
        return now - self.read_at > OLD_AFTER

    def age_text(self, now: datetime) -> str:
        """Return how long ago they were read: ``3 days ago``."""
        seconds = max(0.0, (now - self.read_at).total_seconds())
        for unit, unit_s in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
            if seconds >= unit_s:
                count = int(seconds // unit_s)
                return f"{count} {unit}{'s' if count > 1 else ''} ago"
        return "just now"
