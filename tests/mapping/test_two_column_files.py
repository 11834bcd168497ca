"""Mappings that are tables of two columns, with the flags `--source` and `--key`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import MappingError
from importer.mapping import Section, load_mapping
from importer.mapping.document import UnreadableError
from importer.mapping.two_column_files import read_pairs

TABLE = "column,SchemaName\nLegacy ID,CustomData.LegacyId\nSubject,Title\nMail,LeadDetail.EmailAddress\nNotes,\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "fields.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def refusal(path: Path, content: str | bytes, source: str | None = "old", key: tuple[str, ...] = ("ID",)) -> list[str]:
    """Write a wrong table; return the error without its path."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(MappingError) as caught:
        load_mapping(path, source=source, key=key)
    return [detail.removeprefix(f"{path}:").strip() for detail in caught.value.details]


def test_a_table_is_a_mapping(table: Path):
    """Columns without a field are ignored; errors have lines of the table."""
    mapping = load_mapping(table, source="old-helpdesk", key=["Legacy ID"])
    assert (mapping.source, mapping.key, mapping.key_is_row_content) == ("old-helpdesk", ("Legacy ID",), False)
    assert [(rule.column, rule.field, rule.line) for rule in mapping.rules] == [
        ("Legacy ID", "CustomData.LegacyId", 2),
        ("Subject", "Title", 3),
        ("Mail", "LeadDetail.EmailAddress", 4),
    ]
    assert [(mention.column, mention.line) for mention in mapping.mentions if mention.section is Section.IGNORE] == [
        ("Notes", 5)
    ]


def test_several_columns_or_the_row_itself_may_be_the_key(table: Path):
    """As in YAML."""
    assert load_mapping(table, source="a", key=["System", "Legacy ID"]).key == ("System", "Legacy ID")
    mapping = load_mapping(table, source="a", key=["row-content"])
    assert (mapping.key, mapping.key_is_row_content) == ((), True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "header",
    ["column,SchemaName", "Column,Schema Name", "COLUMN,SCHEMANAME", '"column","schema_name"', "column,SchemaName,,"],
)
def test_tables_of_any_spreadsheet_are_read(table: Path, encoding: str, ending: str, delimiter: str, header: str):  # fmt: skip
    """Byte order mark, line ends, delimiter and case of the header may differ."""
    lines = [header, "Grüße,Title", "Mail,LeadDetail.EmailAddress", "", ",,,"]
    text = ending.join(lines).replace(",", delimiter) + ending
    table.write_bytes(text.encode(encoding))
    mapping = load_mapping(table, source="a", key=["ID"])
    assert [(rule.column, rule.field) for rule in mapping.rules] == [
        ("Grüße", "Title"),
        ("Mail", "LeadDetail.EmailAddress"),
    ]


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ("", ["the file is empty; it needs a header and rows of two cells"]),
        ("Subject,Title\n", ["1: the header must be `column,SchemaName`, not 'Subject' and 'Title'"]),
        ("column\nSubject\n", ["1: the header has 1 cell instead of two; separate two columns by a comma or semicolon"]),
        ("column,SchemaName\n", ["1: columns must not be empty; write a value"]),
        (f"{TABLE}Mail,Tags\n", ["6: 'Mail' is written twice, first in line 4; remove one of them"]),
        (f"{TABLE}State,Status,x\n", ["6: this row has 3 cells instead of two; put a cell with a separator in it in quotes"]),
        (f"{TABLE}State,Title\n", ["6: columns: 'Title' is filled already by columns > Subject in line 3; remove one of them"]),
        (f"{TABLE},Tags\n", ["6: columns: a name must not be empty"]),
        (b"column,SchemaName\nGr\xfc\xdfe,Title\n", ["2: the text is not UTF-8; save it as UTF-8 (in a spreadsheet: CSV UTF-8)"]),
        (b"PK\x03\x04\x00", ["this is not a text file in UTF-8; save it as UTF-8 (in a spreadsheet: CSV UTF-8)"]),
        ('column,SchemaName\nA,"B\n', ["2: not valid CSV: unexpected end of data; check the quotes from this line on"]),
        ("column,SchemaName\nSubject,Title\n", ["1: columns: every ticket needs a lead; map a column to LeadId, LeadDetail.EmailAddress or LeadDetail.Phone"]),
    ],
)  # fmt: skip
def test_wrong_tables_are_errors(table: Path, content: str | bytes, problems: list[str]):
    """With the line; a table needs its header."""
    assert refusal(table, content) == problems


def test_values_of_the_flags_are_checked(table: Path):
    """A wrong source is an error without a line."""
    assert refusal(table, TABLE, source="-x") == ["source: '-x' must start with a letter or a digit"]
    with pytest.raises(MappingError, match="--key 'ID' is given twice"):
        load_mapping(table, source="a", key=("ID", "No", "ID"))


@pytest.mark.parametrize(
    ("source", "key", "missing"),
    [
        (None, (), "--source NAME and --key COLUMN"),
        ("a", (), "--key COLUMN"),
        (None, ("ID",), "--source NAME"),
        ("", ("ID",), "--source NAME"),
    ],
)
def test_missing_flags_are_named(table: Path, source: str | None, key: tuple[str, ...], missing: str):
    with pytest.raises(MappingError, match=f"also needs {missing}"):
        load_mapping(table, source=source, key=key)


def test_flags_with_a_yaml_mapping_are_an_error(tmp_path: Path):
    with pytest.raises(MappingError, match=r"--source and --key can't be used with the YAML mapping"):
        load_mapping(tmp_path / "mapping.yaml", source="a", key=("ID",))


@given(st.text(max_size=80) | st.text(alphabet=',;\t"\n\r\ufeffab ', max_size=40))
def test_any_text_is_read_or_refused(text: str):
    """Reading returns pairs or an error."""
    try:
        pairs = read_pairs(text)
    except UnreadableError:
        return
    assert len({pair.first for pair in pairs.pairs}) == len(pairs.pairs)
    assert all(pair.line > pairs.header.line for pair in pairs.pairs)
