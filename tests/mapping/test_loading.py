from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from importer.mapping import AttachmentRules, FieldType, Section
from importer.models import ManifestOptions
from tests.mapping.conftest import BASE, Load

FULL = """\
version: 1
source: old-helpdesk
key: [System, Legacy ID]
key_field: CustomData.LegacyId
columns:
  Legacy ID: CustomData.LegacyId
  Details: {field: Description, max_length: 4000, on_too_long: truncate}
  State:
    field: Status
    required: true
    values: {new: Open, wip: In Progress}
    one_of: [Open, In Progress]
  Prio: {field: Priority, default: Medium, max_length: 6}
  Note: {field: Tags, send_empty: yes}
  Due: {field: DueDate, type: datetime, format: "%d/%m/%Y %H:%M", timezone: Asia/Kolkata}
  Customer: {field: LeadId, type: guid}
constants:
  Channel: Email
  CustomData.Source: "007"
attachments:
  columns: [Files, Screenshot]
  separator: "|"
  root: ../exported files
  max_file_size: 1.5 MB
  max_files: 3
  extensions: [.PDF, png, pdf]
ignore: [Internal notes]
duplicates: first
manifest: {encoding: cp1252, delimiter: tab, sheet: Öffen, header_row: 3}
"""


def test_all_sections_are_loaded(load: Load, path: Path):
    """In the file's order, with lines."""
    mapping = load(FULL)
    assert mapping.path == path
    assert mapping.sha256 == hashlib.sha256(FULL.encode()).hexdigest()
    assert (mapping.source, mapping.key, mapping.key_is_row_content) == ("old-helpdesk", ("System", "Legacy ID"), False)
    assert mapping.key_field == "CustomData.LegacyId"
    assert mapping.constants == (("Channel", "Email"), ("CustomData.Source", "007"))
    assert mapping.ignore == {"Internal notes"}
    assert mapping.duplicates == "first"
    assert mapping.manifest == ManifestOptions(
        encoding="cp1252",
        delimiter="\t",
        sheet="Öffen",
        header_row=3,
        single_columns=frozenset(mapping.mentioned_columns) - mapping.ignore - {"Files", "Screenshot"},
        whole_columns=mapping.ignore,
    )
    assert mapping.attachments == AttachmentRules(
        columns=("Files", "Screenshot"),
        separator="|",
        root=Path("../exported files"),
        max_file_size_bytes=1_500_000,
        max_files=3,
        extensions=("pdf", "png"),
    )
    assert [(rule.column, rule.field, rule.line) for rule in mapping.rules] == [
        ("Legacy ID", "CustomData.LegacyId", 6),
        ("Details", "Description", 7),
        ("State", "Status", 8),
        ("Prio", "Priority", 13),
        ("Note", "Tags", 14),
        ("Due", "DueDate", 15),
        ("Customer", "LeadId", 16),
    ]
    assert ("Screenshot", Section.ATTACHMENTS, 21) in [
        (mention.column, mention.section, mention.line) for mention in mapping.mentions
    ]


def test_all_keys_of_a_rule_are_loaded(load: Load):
    rules = {rule.column: rule for rule in load(FULL).rules}
    assert (rules["Details"].max_length, rules["Details"].on_too_long) == (4000, "truncate")
    assert rules["State"].required
    assert dict(rules["State"].values) == {"new": "Open", "wip": "In Progress"}
    assert rules["State"].one_of == ("Open", "In Progress")
    assert rules["Prio"].default == "Medium"
    assert rules["Note"].send_empty
    assert (rules["Due"].type, rules["Due"].format, rules["Due"].timezone) == (
        FieldType.DATETIME,
        ("%d/%m/%Y %H:%M",),
        "Asia/Kolkata",
    )
    assert rules["Customer"].type is FieldType.GUID


def test_smallest_mapping_has_the_defaults(load: Load):
    """It rejects duplicates, has no limits of texts and no attachments."""
    mapping = load(BASE)
    assert mapping.attachments is None
    assert mapping.key == ("ID",)
    assert (mapping.duplicates, mapping.ignore) == ("reject", frozenset())
    assert mapping.manifest == ManifestOptions(single_columns=frozenset(mapping.mentioned_columns))
    rule = mapping.rules[0]
    assert (rule.type, rule.required, rule.default, rule.one_of, rule.max_length) == (
        FieldType.TEXT,
        False,
        None,
        (),
        None,
    )
    assert (rule.on_too_long, rule.send_empty, rule.format, rule.timezone, dict(rule.values)) == (
        "reject",
        False,
        (),
        None,
        {},
    )
    attachments = load(f"{BASE}attachments: {{columns: Files}}\n").attachments
    assert attachments == AttachmentRules(
        columns=("Files",), separator=";", root=None, max_file_size_bytes=20_000_000, max_files=20
    )


def test_text_is_never_interpreted(load: Load):
    """Numbers, booleans, dates and padded IDs stay texts, quoted or not, as names and as values."""
    mapping = load(
        """\
version: 1
source: 0123
key: [0099, null]
columns:
  00123: Title
  on: {field: Priority, values: {00123: low, no: No, 1e5: on, 0x1F: 1_000, 2024-01-01: 12:30:00, null: NA, .inf: =}}
  Mail: LeadDetail.EmailAddress
constants: {Tags: true, CcEmails: 007}
ignore: [1.0, "null"]
""".replace("null]\ncol", "'null']\ncol")
    )
    assert mapping.source == "0123"
    assert mapping.key == ("0099", "null")
    assert [rule.column for rule in mapping.rules] == ["00123", "on", "Mail"]
    assert dict(mapping.rules[1].values) == {
        "00123": "low",
        "no": "No",
        "1e5": "on",
        "0x1F": "1_000",
        "2024-01-01": "12:30:00",
        "null": "NA",
        ".inf": "=",
    }
    assert mapping.constants == (("Tags", "true"), ("CcEmails", "007"))
    assert mapping.ignore == {"1.0", "null"}


def test_empty_section_is_ignored(load: Load):
    """Its content may be commented out."""
    mapping = load(f"{BASE}attachments:\nignore: ~\nmanifest: null\nconstants:\nkey_field:\nduplicates:\n")
    assert (mapping.attachments, mapping.ignore, mapping.constants) == (None, frozenset(), ())


def test_row_content_is_the_whole_row(load: Load):
    """In a list it is a column of that name."""
    mapping = load(BASE.replace("key: ID", "key: row-content"))
    assert (mapping.key, mapping.key_is_row_content) == ((), True)
    assert Section.KEY not in [mention.section for mention in mapping.mentions]
    mapping = load(BASE.replace("key: ID", "key: [row-content]"))
    assert (mapping.key, mapping.key_is_row_content) == (("row-content",), False)


def test_loaded_mapping_is_immutable(load: Load):
    mapping = load(BASE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        mapping.source = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        mapping.rules[0].values["a"] = "b"  # type: ignore[index]


def test_yaml_aliases_are_supported(load: Load):
    """Two columns may share a map of values."""
    mapping = load(
        f"{BASE}  A: {{field: Priority, values: &words {{x: Low}}}}\n  B: {{field: Status, values: *words}}\n"
    )
    assert dict(mapping.rules[2].values) == dict(mapping.rules[3].values) == {"x": "Low"}


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [
        ("1", 1),
        ("20 MB", 20_000_000),
        ("500KB", 500_000),
        ("1 GB", 10**9),
        ("0.5 kb", 500),
        ("12 B", 12),
        ("2.5 MB", 2_500_000),
    ],
)
def test_sizes_are_decimal(load: Load, written: str, size_bytes: int):
    """A KB has 1,000 bytes; a size without a unit is in bytes."""
    mapping = load(f"{BASE}attachments: {{columns: Files, max_file_size: {written}}}\n")
    assert mapping.attachments is not None
    assert mapping.attachments.max_file_size_bytes == size_bytes


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(load: Load, ending: str, mark: str):
    """A mapping saved by any editor on any system is the same mapping."""
    mapping = load(mark + BASE.replace("\n", ending))
    assert [(rule.column, rule.line) for rule in mapping.rules] == [("Subject", 5), ("Mail", 6)]


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ("  X: Titel", "8: columns: 'Titel' is not a documented field (did you mean 'Title'?)"),
        (
            "  X: LeadDetail.Email",
            "8: columns: 'LeadDetail.Email' is not a documented field (did you mean 'LeadDetail.EmailAddress'?)",
        ),
        ("  X: LeadId", "8: columns > X: LeadId is a GUID"),
        ("constants: {Statuss: Open}", "8: constants: 'Statuss' is not a documented field (did you mean 'Status'?)"),
        ("key_field: Title", "8: key_field: 'Title' is not filled by the key column alone"),
        ("constants: {Tags: x}\nkey_field: Tags", "9: key_field: 'Tags' is not filled by the key column alone"),
    ],
)
def test_field_similar_to_a_documented_one_has_a_warning(load: Load, path: Path, line: str, warning: str):
    """It is not an error: an account may have undocumented fields."""
    (found,) = load(f"{BASE}  Z: CustomData.Z\n{line}\n").warnings
    assert found.startswith(f"{path}:{warning}")


@pytest.mark.parametrize(
    "field",
    ["CustomData.Titel", "StatusReason", "LeadDetail.Company", "LeadDetail.mx_City", "CustomData.title", "Zzz", "_x1"],
)
def test_other_undocumented_fields_have_no_warning(load: Load, field: str):
    """Custom fields and details of leads are the account's own."""
    assert load(f"{BASE}  X: {field}\n").warnings == ()


def test_recommended_key_field_has_no_warning(load: Load):
    assert load(f"{BASE}  ID: CustomData.LegacyId\nkey_field: CustomData.LegacyId\n").warnings == ()
