from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import MappingError
from importer.mapping import check_columns, load_mapping
from tests.mapping.conftest import BASE, Load

WHOLE = f"{BASE}attachments: {{columns: Files}}\nignore: [Internal notes]\n"
COLUMNS = ["ID", "Subject", "Mail", "Files", "Internal notes"]


def test_a_header_that_is_accounted_for_passes(load: Load):
    """Every column is a key, mapped, a list of files or ignored; their order does not matter."""
    check_columns(load(WHOLE), COLUMNS)
    check_columns(load(WHOLE), COLUMNS[::-1])


def test_every_difference_is_named_at_once(load: Load, path: Path):
    """Missing columns come with the mapping's line, surplus ones without, both with what was probably meant."""
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


def test_a_column_that_is_named_twice_is_missed_at_both_places(load: Load):
    """A key that is a field as well is two lines to mend."""
    with pytest.raises(MappingError) as caught:
        check_columns(load(f"{BASE}  ID: CustomData.LegacyId\n"), ["Subject", "Mail"])
    assert len(caught.value.details) == 2


def test_a_column_that_is_mapped_already_may_be_meant_all_the_same(load: Load, path: Path):
    """A key in the wrong case is the column that is mapped in the right one; a name merely like it is not."""
    with pytest.raises(MappingError) as caught:
        check_columns(
            load(f"{BASE.replace('key: ID', 'key: id')}  ID: CustomData.LegacyId\n"), ["ID", "Subject", "Mail"]
        )
    assert caught.value.details == (f"{path}:3: key: the manifest has no column 'id' (did you mean 'ID'?)",)
    with pytest.raises(MappingError) as caught:
        check_columns(load(BASE.replace("key: ID", "key: Mails")), ["Subject", "Mail"])
    assert caught.value.details == (f"{path}:3: key: the manifest has no column 'Mails'",)


def test_row_content_asks_for_no_column(load: Load):
    """A mapping without a key column can't lack it in the manifest."""
    check_columns(load(BASE.replace("key: ID", "key: row-content")), ["Subject", "Mail"])


def test_where_nothing_fits_the_header_is_doubted(load: Load):
    """The mapping of another manifest, or a header in another row: what to do is not to map each column anew."""
    with pytest.raises(MappingError) as caught:
        check_columns(load(WHOLE), ["List of tickets", "A", "B"])
    assert "header_row" in caught.value.hint
    assert "another manifest" in caught.value.hint


@pytest.mark.parametrize("absent", [["Subject"], ["Files", "Internal notes"]])
def test_columns_that_a_manifest_without_a_header_lacks(load: Load, absent: list[str]):
    """Where no row has a value for a column, nobody can say that it is missing."""
    there = [column for column in COLUMNS if column not in absent]
    check_columns(load(WHOLE), [*there, *absent], absent)
    with pytest.raises(MappingError):
        check_columns(load(WHOLE), there)


def test_a_manifest_without_any_row_lacks_nothing(load: Load):
    """An export without a new ticket is none that the mapping does not fit."""
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
def test_columns_that_no_manifest_may_lack(load: Load, there: list[str], absent: list[str]):
    """The key, most of them, or one whose values may stand under another name; and what to do is said."""
    with pytest.raises(MappingError) as caught:
        check_columns(load(WHOLE), [*there, *absent], absent)
    assert all(any(f"no column {column!r}" in detail for detail in caught.value.details) for column in absent)
    assert "export the others as null" in caught.value.hint


def test_the_whole_row_as_a_key_may_lack_no_column(load: Load):
    """A column more or less would make all keys new ones."""
    with pytest.raises(MappingError):
        check_columns(load(BASE.replace("key: ID", "key: row-content")), ["Subject", "Mail"], ["Mail"])


def test_a_table_is_mended_as_a_table(path: Path):
    """The hint for a table of two columns names what such a table has, and not what only YAML can say."""
    table = path.with_suffix(".csv")
    table.write_text("column,SchemaName\nID,\nSubject,Title\nMail,LeadDetail.EmailAddress\n", encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        check_columns(load_mapping(table, source="old", key=("ID",)), ["ID", "Subject", "Mail", "Prio"])
    assert "a row in the table" in caught.value.hint
    assert "`ignore`" not in caught.value.hint
