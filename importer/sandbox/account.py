"""The sandbox account's configuration: its fields, and the values that each accepts. Pure: no I/O.

The system fields, ``DataType: Select``, ``RenderType: Dropdown`` and the members of the metadata answer are documented
(*Create Ticket with Attachments*, *Get Ticket Fields Metadata*). The other data types, the lengths and the custom
fields are assumptions.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from importer.sandbox.value_checks import FieldKind, problem_of

LEAD_PREFIX = "LeadDetail."
CUSTOM_PREFIX = "CustomData."
LEAD_IDENTIFIERS = ("LeadDetail.EmailAddress", "LeadDetail.Phone")

_SCHEMA_NAME = re.compile(r"(?:(?:LeadDetail|CustomData)\.)?[A-Za-z][A-Za-z0-9_]*")
_TYPES = {
    FieldKind.TEXT: ("Text", "Textbox"),
    FieldKind.LONG_TEXT: ("Text", "TextArea"),
    FieldKind.SELECT: ("Select", "Dropdown"),
    FieldKind.INTEGER: ("Number", "Textbox"),
    FieldKind.NUMBER: ("Number", "Textbox"),
    FieldKind.BOOLEAN: ("Boolean", "Checkbox"),
    FieldKind.DATE: ("Date", "Date"),
    FieldKind.DATETIME: ("DateTime", "DateTime"),
    FieldKind.EMAIL: ("Email", "Email"),
    FieldKind.PHONE: ("Phone", "Phone"),
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a ticket or, with the prefix ``LeadDetail.``, of its lead.

    ``max_length`` counts UTF-16 units, like the vendor's platform. ``values``: the values of a select field.
    ``retired``: values that the lookup call lists as inactive, and that are refused. An inactive field is listed by the
    metadata call, and refused. Raises ValueError for an impossible configuration.
    """

    schema_name: str
    kind: FieldKind = FieldKind.TEXT
    mandatory: bool = False
    max_length: int | None = None
    values: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    active: bool = True

    def __post_init__(self) -> None:
        if not _SCHEMA_NAME.fullmatch(self.schema_name):
            raise ValueError(f"{self.schema_name!r} is not a SchemaName")
        if (self.kind is FieldKind.SELECT) != bool(self.values):
            raise ValueError(f"{self.schema_name}: a select field needs values, and other fields have none")

    @property
    def name(self) -> str:
        """The SchemaName without its prefix; also the LookupName of a select field."""
        return self.schema_name.rpartition(".")[2]

    @property
    def is_lead_field(self) -> bool:
        """Whether the field belongs to the lead, not to the ticket."""
        return self.schema_name.startswith(LEAD_PREFIX)

    def problem(self, value: str) -> str | None:
        """Return why the account refuses this value, or ``None``."""
        if not self.active:
            return "this field is not active"
        if value == "" and self.mandatory:
            return "mandatory and empty"
        units = len(value.encode("utf-16-le", "surrogatepass")) // 2
        if self.max_length is not None and units > self.max_length:
            return f"{units} characters; at most {self.max_length} are allowed"
        if self.kind is FieldKind.SELECT:
            return None if value in self.values else f"{value!r} is not a configured value"
        return problem_of(self.kind, value)

    def metadata(self) -> dict[str, object]:
        """Return this field as an entry of ``TicketsFields`` (*Get Ticket Fields Metadata*)."""
        data_type, render_type = _TYPES[self.kind]
        # A GUID, not the LookupName: the documentation does not say that they are equal.
        lookup_id = str(uuid.uuid5(uuid.NAMESPACE_OID, self.schema_name)) if self.values else None
        return {
            "DisplayName": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.name),
            "SchemaName": self.schema_name,
            "DataType": data_type,
            "RenderType": render_type,
            "DefaultValue": None,
            "Active": self.active,
            "Deleted": False,
            "FieldType": "custom" if self.schema_name.startswith(CUSTOM_PREFIX) else "standard",
            "RelatedLookupId": lookup_id,
            "ValidationProperties": {
                "IsMandatory": self.mandatory,
                "MinLength": None,
                "MaxLength": self.max_length,
                "MinValue": None,
                "MaxValue": None,
                "Regex": None,
                "NumScale": None,
            },
        }

    def lookup_values(self) -> list[dict[str, object]]:
        """Return the configured values, with retired ones as inactive (*Get Lookup Values*)."""
        texts = (*self.values, *self.retired)
        return [
            {"Text": text, "Value": text, "SortingOrder": order, "Active": text in self.values, "Deleted": False}
            for order, text in enumerate(texts, start=1)
        ]


@dataclass(frozen=True, kw_only=True)
class SandboxAccount:
    """All fields of an account, in its order. Raises ValueError if two of them share a SchemaName."""

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        if len(self._by_name) != len(self.fields):
            raise ValueError("two fields of the account share a SchemaName")

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {field.schema_name: field for field in self.fields}

    @property
    def ticket_fields(self) -> tuple[Field, ...]:
        """The fields of the ticket itself, without those of its lead."""
        return tuple(field for field in self.fields if not field.is_lead_field)

    def field(self, schema_name: str) -> Field | None:
        """Return the field of exactly this SchemaName, letter case included."""
        return self._by_name.get(schema_name)

    def lookup(self, lookup_name: str) -> Field | None:
        """Return the ticket's select field with this LookupName."""
        selects = (field for field in self.ticket_fields if field.values)
        return next((field for field in selects if field.name == lookup_name), None)

    def with_fields(self, fields: Iterable[Field]) -> SandboxAccount:
        """Return this account with more fields; a field with an existing SchemaName replaces the existing one."""
        return SandboxAccount(fields=tuple((self._by_name | {field.schema_name: field for field in fields}).values()))

    def with_values(self, values: Mapping[str, Iterable[str]]) -> SandboxAccount:
        """Return this account with more values in select fields, by SchemaName. Raises ValueError for other fields."""
        changed = []
        for schema_name, more in values.items():
            field = self.field(schema_name)
            if field is None or field.kind is not FieldKind.SELECT:
                raise ValueError(f"{schema_name} is not a select field of the account")
            wanted = tuple(dict.fromkeys((*field.values, *more)))
            retired = tuple(text for text in field.retired if text not in wanted)
            changed.append(replace(field, values=wanted, retired=retired))
        return self.with_fields(changed)


def default_account() -> SandboxAccount:
    """Return the documented system fields, a custom field of every kind, and the usual lead fields."""
    return SandboxAccount(fields=(*_SYSTEM_FIELDS, *_CUSTOM_FIELDS, *_LEAD_FIELDS))


_SYSTEM_FIELDS = (
    Field(schema_name="Title", mandatory=True, max_length=255),
    Field(schema_name="Description", kind=FieldKind.LONG_TEXT, max_length=32_000),
    Field(schema_name="Status", kind=FieldKind.SELECT, values=("Open", "In Progress", "Pending", "Resolved", "Closed")),
    Field(schema_name="Priority", kind=FieldKind.SELECT, values=("Low", "Medium", "High", "Urgent")),
    Field(
        schema_name="Channel",
        kind=FieldKind.SELECT,
        values=("Email", "Phone", "Chat", "Web", "Social"),
        retired=("Fax",),
    ),
    Field(schema_name="Type", kind=FieldKind.SELECT, values=("Question", "Incident", "Problem", "Request")),
    Field(schema_name="SubType", kind=FieldKind.SELECT, values=("Billing", "Login", "Hardware", "Software", "Other")),
    Field(schema_name="CcEmails", max_length=2_000),
    Field(schema_name="Tags", max_length=2_000),
    Field(schema_name="DueDate", kind=FieldKind.DATETIME),
    Field(schema_name="RelatedCustomerId", max_length=255),
)
_CUSTOM_FIELDS = (
    Field(schema_name="CustomData.LegacyId", max_length=255),
    Field(schema_name="CustomData.Source", max_length=255),
    Field(schema_name="CustomData.Region", kind=FieldKind.SELECT, values=("North", "South", "East", "West")),
    Field(schema_name="CustomData.Effort", kind=FieldKind.INTEGER),
    Field(schema_name="CustomData.Amount", kind=FieldKind.NUMBER),
    Field(schema_name="CustomData.Escalated", kind=FieldKind.BOOLEAN),
    Field(schema_name="CustomData.PurchaseDate", kind=FieldKind.DATE),
    Field(schema_name="CustomData.OldSystem", max_length=255, active=False),
)
_LEAD_FIELDS = (
    Field(schema_name="LeadDetail.EmailAddress", kind=FieldKind.EMAIL, max_length=255),
    Field(schema_name="LeadDetail.Phone", kind=FieldKind.PHONE, max_length=50),
    *(
        Field(schema_name=f"LeadDetail.{name}", max_length=255)
        for name in ("FirstName", "LastName", "Company", "JobTitle", "Website")
    ),
    *(
        Field(schema_name=f"LeadDetail.mx_{name}", max_length=255)
        for name in ("Street1", "Street2", "City", "State", "Country", "Zip")
    ),
)
