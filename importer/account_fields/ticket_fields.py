"""A ticket field as the account describes it, and all of them together. Pure."""

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
    """One field (*Get Ticket Fields Metadata*). What the account leaves open is ``None`` or empty.

    ``data_type`` is the account's word for it: `Select` is documented, no list of the others is. ``values``: what a
    select field takes (*Get Lookup Values*), in the account's order; ``None`` where that is not known. ``retired``:
    values that were taken once. Lengths are in characters. ``regex`` is in the account's dialect, whichever that is.
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
        """Whether it takes one value of a list; of several at once nobody documents how they are written."""
        return self.data_type.casefold() in _SELECTS

    @property
    def is_number(self) -> bool:
        """Whether it surely takes numbers only."""
        return self.data_type.casefold() in _NUMBERS

    @property
    def is_required(self) -> bool:
        """Whether a ticket without a value for it is refused."""
        return self.mandatory and self.active and not self.default


@dataclass(frozen=True, kw_only=True)
class AccountFields:
    """All fields of an account's tickets, in its order, as they were at ``read_at`` (in UTC).

    ``notes``: what could not be learnt, a sentence each.
    """

    account: str
    read_at: datetime
    fields: tuple[AccountField, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, AccountField]:
        """The fields by their SchemaNames."""
        return {field.schema_name: field for field in self.fields}

    def __iter__(self) -> Iterator[AccountField]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def is_old(self, now: datetime) -> bool:
        """Whether the account may well have changed since."""
        return now - self.read_at > OLD_AFTER

    def age_text(self, now: datetime) -> str:
        """How long ago they were read: ``3 days ago``."""
        seconds = max(0.0, (now - self.read_at).total_seconds())
        for unit, unit_s in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
            if seconds >= unit_s:
                count = int(seconds // unit_s)
                return f"{count} {unit}{'s' if count > 1 else ''} ago"
        return "just now"
