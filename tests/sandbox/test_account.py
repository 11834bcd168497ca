"""The account's configuration, and the values that it accepts."""

from __future__ import annotations

import pytest

from importer.leadsquared.documented_fields import LEAD_FIELDS, LEAD_ID, SYSTEM_FIELDS, documented_type
from importer.sandbox import Field, FieldKind, SandboxAccount, default_account
from importer.sandbox.account import LEAD_IDENTIFIERS

ACCOUNT = default_account()


@pytest.mark.parametrize(
    ("schema_name", "good", "bad"),
    [
        ("Title", ["x", "€" * 255, "𝔘" * 127], ["", "x" * 256, "𝔘" * 128]),
        ("Description", ["", "line\nline", " "], ["x" * 32_001]),
        ("Status", ["Open", "In Progress"], ["open", "Open ", ""]),
        ("Channel", ["Web"], ["Fax"]),
        ("DueDate", ["2024-08-29T10:36:23"], ["2024-08-29", "2024-08-29 10:36:23", "2024-02-30T10:00:00", "2024-08-29T10:36:23Z", ""]),
        ("CustomData.PurchaseDate", ["2024-02-29"], ["2023-02-29", "29/02/2024", "2024-02-29T00:00:00", ""]),
        ("CustomData.Effort", ["0", "-12", "99999999999999999999"], ["1.0", "007", "1e3", "+1", " 1", "٣", ""]),
        ("CustomData.Amount", ["0.50", "-3", "10.25"], [".5", "1,5", "1e3", "NaN", ""]),
        ("CustomData.Escalated", ["true", "false"], ["True", "yes", "1", ""]),
        ("LeadDetail.EmailAddress", ["ann@example.com", "a.b+c@mail.example.org"], ["ann", "ann@example", "a@b@example.com", "Ann <ann@example.com>", ""]),
        ("LeadDetail.Phone", ["+4479460001", "479-460-0001"], ["12345", "+1 (555) 0100", "1" * 16, ""]),
        ("CustomData.OldSystem", [], ["x"]),
    ],
)  # fmt: skip
def test_a_field_accepts_values_of_its_kind_only(schema_name: str, good: list[str], bad: list[str]) -> None:
    """Each kind has one form; similar values are refused."""
    field = ACCOUNT.field(schema_name)
    assert field is not None
    assert [value for value in good if field.problem(value)] == []
    assert [value for value in bad if not field.problem(value)] == []


def test_only_the_title_is_mandatory_by_default() -> None:
    """A mapping should not need fields that most accounts don't require."""
    assert [field.schema_name for field in ACCOUNT.fields if field.mandatory] == ["Title"]


def test_both_lead_identifiers_are_fields() -> None:
    """Either documented identifier can name a lead."""
    assert all(ACCOUNT.field(name) for name in LEAD_IDENTIFIERS)


def test_the_fields_are_the_documented_ones() -> None:
    """The importer and the sandbox read the documentation independently; they must find the same names and types."""
    names = [name for name in (*SYSTEM_FIELDS, *LEAD_FIELDS) if name != LEAD_ID]  # which is not among `Fields`
    assert set(names) <= {field.schema_name for field in ACCOUNT.fields}
    kinds = {name: ACCOUNT.field(name).kind.value for name in names}  # type: ignore[union-attr]
    types = {name: documented_type(name).value for name in names}
    texts = {FieldKind.TEXT, FieldKind.LONG_TEXT, FieldKind.SELECT}
    assert {name: "text" if kind in texts else kind for name, kind in kinds.items()} == types


def test_names_are_exact() -> None:
    """A name in another letter case is another field."""
    assert ACCOUNT.field("title") is None


def test_with_fields_adds_and_replaces() -> None:
    """The new account has the new field, and the changed one at its old position; the first account is unchanged."""
    derived = ACCOUNT.with_fields(
        [
            Field(schema_name="Title", mandatory=True, max_length=10),
            Field(schema_name="CustomData.Serial", mandatory=True),
        ]
    )
    assert [field.schema_name for field in derived.fields] == [
        *(field.schema_name for field in ACCOUNT.fields),
        "CustomData.Serial",
    ]
    assert derived.fields[0].max_length == 10
    assert ACCOUNT.field("CustomData.Serial") is None


def test_with_values_adds_values() -> None:
    """New values follow the configured ones, once each; a retired one becomes active again."""
    derived = ACCOUNT.with_values({"Channel": ["Fax", "Web"], "CustomData.Region": ["Centre"]})
    channel, region = derived.field("Channel"), derived.field("CustomData.Region")
    assert channel is not None
    assert channel.values == ("Email", "Phone", "Chat", "Web", "Social", "Fax")
    assert channel.retired == ()
    assert region is not None
    assert region.problem("Centre") is None


@pytest.mark.parametrize("schema_name", ["Title", "CustomData.Nowhere"])
def test_with_values_is_for_select_fields(schema_name: str) -> None:
    """Values for other fields are an error of the caller."""
    with pytest.raises(ValueError, match="not a select field"):
        ACCOUNT.with_values({schema_name: ["x"]})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"schema_name": "Custom Data"}, "not a SchemaName"),
        ({"schema_name": "Other.Name"}, "not a SchemaName"),
        ({"schema_name": "Colour", "kind": FieldKind.SELECT}, "select field needs values"),
        ({"schema_name": "Colour", "values": ("Red",)}, "select field needs values"),
    ],
)
def test_an_impossible_field_is_refused(arguments: dict[str, object], message: str) -> None:
    """A field is checked when it is created, not when a ticket arrives."""
    with pytest.raises(ValueError, match=message):
        Field(**arguments)  # type: ignore[arg-type]


def test_names_are_unique() -> None:
    """An account has no two fields with one SchemaName."""
    with pytest.raises(ValueError, match="share a SchemaName"):
        SandboxAccount(fields=(Field(schema_name="Title"), Field(schema_name="Title")))


def test_metadata_has_the_documented_members() -> None:
    """A select field's metadata is as documented, and its lookup's ID differs from every name."""
    field = ACCOUNT.field("SubType")
    assert field is not None
    data = field.metadata()
    lookup_id = data.pop("RelatedLookupId")
    assert isinstance(lookup_id, str)
    assert lookup_id != "SubType"
    assert data == {
        "DisplayName": "Sub Type",
        "SchemaName": "SubType",
        "DataType": "Select",
        "RenderType": "Dropdown",
        "DefaultValue": None,
        "Active": True,
        "Deleted": False,
        "FieldType": "standard",
        "ValidationProperties": dict.fromkeys(("MinLength", "MaxLength", "MinValue", "MaxValue", "Regex", "NumScale"))
        | {"IsMandatory": False},
    }


def test_lookup_values_show_retired_ones_as_inactive() -> None:
    """The lookup call lists retired values, too."""
    field = ACCOUNT.lookup("Channel")
    assert field is not None
    assert field.lookup_values()[-2:] == [
        {"Text": "Social", "Value": "Social", "SortingOrder": 5, "Active": True, "Deleted": False},
        {"Text": "Fax", "Value": "Fax", "SortingOrder": 6, "Active": False, "Deleted": False},
    ]
    assert ACCOUNT.lookup("Title") is None
