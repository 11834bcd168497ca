from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import MappingError
from importer.mapping import check_columns, load_mapping
from tests.mapping.conftest import BASE, Load

WHOLE = f"{BASE}attachments: {{columns: Files}}\nignore: [Internal notes]\n"
COLUMNS = ["ID", "Subject", "Mail", "Files", "Internal notes"]


def test_header_with_only_known_columns_is_accepted(load: Load):
    """Keys, mapped columns, lists of files and ignored columns, in any order."""
    check_columns(load(WHOLE), COLUMNS)
    check_columns(load(WHOLE), COLUMNS[::-1])


def test_all_missing_and_surplus_columns_are_named(load: Load, path: Path):
    """Missing ones with the mapping's line, and similar names."""
    with pytest.raises(MappingError) as caught:
        check_columns(load(WHOLE), ["id", "Subject", "E-Mail", "File", "Internal  notes", "Prio"])
    assert [detail.removeprefix(f"{path}:").strip() for detail in caught.value.details] == [
        "the manifest's column 'E-Mail' is neither mapped nor ignored (did you mean 'Mail'?)",
        "the manifest's column 'File' is neither mapped nor ignored (did you mean 'Files'?)",
        "the manifest's column 'Internal  notes' is neither mapped nor ignored (did you mean 'Internal notes', which has no double blank?)",
        "the manifest's column 'Prio' is neither mapped nor ignored",
        "the manifest's column 'id' is neither mapped nor ignored (did you mean 'ID'?)",
        "3: key: the manifest has no column 'ID' (did you mean 'id'?)",
        "6: columns: the manifest has no column 'Mail' (did you mean 'E-Mail'?)",
        "7: attachments: the manifest has no column 'Files' (did you mean 'File'?)",
        "8: ignore: the manifest has no column 'Internal notes' (did you mean 'Internal  notes', which has a double blank?)",
    ]
    assert caught.value.exit_code == 2
    assert "ignore" in caught.value.hint


def test_missing_column_is_reported_at_every_place(load: Load):
    """Such as a key that is also a field."""
    with pytest.raises(MappingError) as caught:
        check_columns(load(f"{BASE}  ID: CustomData.LegacyId\n"), ["Subject", "Mail"])
    assert len(caught.value.details) == 2


def test_mapped_column_may_be_suggested_again(load: Load, path: Path):
    """A key in the wrong case is the mapped column; a similar name is not."""
    with pytest.raises(MappingError) as caught:
        check_columns(
            load(f"{BASE.replace('key: ID', 'key: id')}  ID: CustomData.LegacyId\n"), ["ID", "Subject", "Mail"]
        )
    assert caught.value.details == (f"{path}:3: key: the manifest has no column 'id' (did you mean 'ID'?)",)
    with pytest.raises(MappingError) as caught:
        check_columns(load(BASE.replace("key: ID", "key: Mails")), ["Subject", "Mail"])
    assert caught.value.details == (f"{path}:3: key: the manifest has no column 'Mails'",)


def test_row_content_needs_no_column(load: Load):
    check_columns(load(BASE.replace("key: ID", "key: row-content")), ["Subject", "Mail"])


def test_header_without_any_known_column_is_one_error(load: Load):
    """The mapping is for another manifest, or the header is in another row."""
    with pytest.raises(MappingError) as caught:
        check_columns(load(WHOLE), ["List of tickets", "A", "B"])
    assert "header_row" in caught.value.hint
    assert "another manifest" in caught.value.hint


def test_names_that_differ_only_in_blanks_have_a_hint_of_their_own(load: Load):
    with pytest.raises(MappingError) as caught:
        check_columns(load(WHOLE), [f" {column} " for column in COLUMNS])
    assert "strip: true" in caught.value.hint
    with pytest.raises(MappingError) as caught:
        check_columns(load(WHOLE), [f" {column} " for column in COLUMNS if column != "Mail"])
    assert "strip: true" not in caught.value.hint


@pytest.mark.parametrize("absent", [["Subject"], ["Files", "Internal notes"]])
def test_columns_without_values_may_be_absent_without_a_header(load: Load, absent: list[str]):
    there = [column for column in COLUMNS if column not in absent]
    check_columns(load(WHOLE), [*there, *absent], absent)
    with pytest.raises(MappingError):
        check_columns(load(WHOLE), there)


def test_manifest_without_rows_may_lack_columns(load: Load):
    """There may be a night without tickets."""
    check_columns(load(WHOLE), COLUMNS, COLUMNS)


@pytest.mark.parametrize(
    ("there", "absent"),
    [
        (["Subject", "Mail", "Files", "Internal notes"], ["ID"]),
        (["ID", "Mail"], ["Subject", "Files", "Internal notes"]),
        (["ID", "Subject", "E-Mail", "Files", "Internal notes"], ["Mail"]),
        (["ID", "Mail", "Files", "Internal notes", "Prio"], ["Subject"]),
    ],
    ids=["the key", "most", "misspelt", "another"],
)
def test_columns_that_may_not_be_absent(load: Load, there: list[str], absent: list[str]):
    """The key, most columns, or one whose values may have another name. The hint says what to do."""
    with pytest.raises(MappingError) as caught:
        check_columns(load(WHOLE), [*there, *absent], absent)
    assert all(any(f"no column {column!r}" in detail for detail in caught.value.details) for column in absent)
    assert "export the others as null" in caught.value.hint


def test_row_content_as_a_key_allows_no_absent_column(load: Load):
    """Another column would change all keys."""
    with pytest.raises(MappingError):
        check_columns(load(BASE.replace("key: ID", "key: row-content")), ["Subject", "Mail"], ["Mail"])


def test_hint_for_a_table_has_no_keys_of_yaml(path: Path):
    table = path.with_suffix(".csv")
    table.write_text("column,SchemaName\nID,\nSubject,Title\nMail,LeadDetail.EmailAddress\n", encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        check_columns(load_mapping(table, source="old", key=("ID",)), ["ID", "Subject", "Mail", "Prio"])
    assert "a row in the table" in caught.value.hint
    assert "`ignore`" not in caught.value.hint
