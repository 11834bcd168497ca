"""Drafts are exact: column names, date formats and files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.account_fields import AccountField
from importer.errors import ManifestError, UsageError
from importer.mapping import check_columns, load_mapping
from importer.mapping.yaml_parser import parse
from importer.suggest import suggest
from importer.suggest.date_detection import detect_dates
from importer.suggest.decisions import Confidence
from importer.suggest.yaml_writer import yaml_scalar
from importer.validation import Validator
from tests.suggest.making import account_fields, drafted, fields_of, loaded

SAMPLE = Path(__file__).parent.parent.parent / "sample_data" / "tickets.csv"


@pytest.mark.parametrize("fields", [None, account_fields()], ids=["alone", "with-fields"])
def test_draft_for_the_sample_agrees_with_its_mapping(fields, tmp_path: Path):
    """Its sure rules are those of the mapping; attachments are found."""
    suggestion = suggest(SAMPLE, fields)
    mapping = loaded(tmp_path, suggestion)
    right = {rule.column: rule for rule in load_mapping(SAMPLE.parent.parent / "mappings" / "old-helpdesk.yaml").rules}
    sure = fields_of(suggestion, Confidence.SURE)
    assert {column: right[column].field for column in sure} == sure
    assert len(sure) >= 10
    assert mapping.key == ("Legacy ID",)
    assert mapping.attachments is not None
    assert mapping.attachments.columns == ("Files", "Screenshot")
    assert mapping.attachments.root == Path("attachments")
    due = next(rule for rule in mapping.rules if rule.field == "DueDate")
    assert due.format == ("%d/%m/%Y %H:%M",)
    if fields is not None:
        assert mapping.key_field == "CustomData.LegacyId"
        assert sure["Amount"] == "CustomData.Amount"


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_quoted_text_is_loaded_unchanged(text: str):
    """Names and values may have any characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    if "\0" in text:
        return
    written = yaml_scalar(text)
    assert parse(f"{written}: [{written}, {{a: {written}}}]").data == {text: [text, {"a": text}]}
    assert "\n" not in written


@pytest.mark.parametrize("name", ["null", "~", "a: b", "#x", "- x", "{x}", "'", '"', " x ", "ключ", "名前", "a\u2028b", "yes", "1e5", "row-content", "&a", "*a", "!a", "%d", "@x"])  # fmt: skip
def test_columns_with_any_name_can_be_drafted(name: str, tmp_path: Path):
    """As the key, as a field of that name, or without a rule."""
    rows = ((str(number), f"a{number}@example.com", "1") for number in range(30))
    suggestion = drafted(tmp_path, (name, "Email", "x"), *rows)
    mapping = loaded(tmp_path, suggestion)
    check_columns(mapping, [name, "Email", "x"])
    assert mapping.key == (name,)
    assert not mapping.key_is_row_content


@pytest.mark.parametrize("name", ["m" * 1_022, "m" * 1_023, "m" * 1_024, "m" * 1_025, "\n" * 1_025 + "m", '"' * 600])
def test_columns_with_long_names_can_be_drafted(name: str, tmp_path: Path):
    """YAML limits the length of a name before a colon."""
    rows = [(str(number), f"a{number}@example.com", "1") for number in range(30)]
    for header in (("ID", name, "x"), (name, "Email", "x"), ("ID", "Email", name)):
        mapping = loaded(tmp_path, drafted(tmp_path, header, *rows))
        check_columns(mapping, header)
        assert [(rule.column, rule.type) for rule in mapping.rules] == [(header[1], "email")]
        assert mapping.key == (header[0],)


def test_names_and_cells_do_not_end_a_comment(tmp_path: Path):
    """They may have line breaks."""
    rows = [("Status\nversion: 2", "Email")] + [
        (f"new\nkey: x {number % 2}", f"a{number}@example.com") for number in range(20)
    ]
    suggestion = drafted(tmp_path, *rows)
    assert yaml.safe_load(suggestion.text)["version"] == 1
    loaded(tmp_path, suggestion)


@pytest.mark.parametrize(
    ("cells", "formats"),
    [
        (["2024-08-29", "2024-02-29"], ()),
        (["2024-08-29 10:36:23", "2024-02-29T01:02:03"], ()),
        (["29/08/2024", "01/02/2024"], ("%d/%m/%Y",)),
        (["08/29/2024", "01/02/2024"], ("%m/%d/%Y",)),
        (["01/02/2024", "03/04/2024"], ("%d/%m/%Y", "%m/%d/%Y")),
        (["01/01/2024", "02/02/2024"], ("%d/%m/%Y",)),
        (["29.08.2024 10:36"], ("%d.%m.%Y %H:%M",)),
        (["29-Aug-2024", "01-Feb-2024"], ("%d-%b-%Y",)),
        (["08/29/2024 10:36 PM"], ("%m/%d/%Y %I:%M %p",)),
        (["20240829"], ("%Y%m%d",)),
    ],
)
def test_date_format_is_drafted_if_only_one_fits(cells: list[str], formats: tuple[str, ...]):
    """Formats that give other days are listed as alternatives."""
    times = detect_dates(cells)
    assert times is not None
    assert times.formats == formats


@pytest.mark.parametrize("cells", [["31/02/2024"], ["12345678"], ["soon"], ["2024-13-01"], ["now"], ["1", "2"], ["29/08/2024", "soon", "2024-08-29"], ["29/08/2024", "2024-08-29Z"]])  # fmt: skip
def test_texts_that_are_not_dates(cells: list[str]):
    """Days that do not exist, numbers and mixtures."""
    assert detect_dates(cells) is None


@pytest.mark.parametrize("day", ["%d.%m.%Y", "%d/%m/%Y", "%m-%d-%Y", "%d.%m.%y", "%Y/%m/%d", "%Y%m%d", "%d %b %Y"])
@pytest.mark.parametrize("iso", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"])
def test_mixed_dates_have_both_formats(day: str, iso: str, tmp_path: Path):
    """A workbook may have dates and texts in one column. All rows pass."""
    days = [datetime(2024, 8, number, 10, 36, tzinfo=UTC) for number in range(13, 19)]
    cells = [when.strftime(day if number % 2 else iso) for number, when in enumerate(days)]
    rows = [("ID", "Email", "Due date"), *((str(n), f"a{n}@example.com", cell) for n, cell in enumerate(cells))]
    suggestion = drafted(tmp_path, *rows)
    assert fields_of(suggestion, Confidence.SURE)["Due date"] == "DueDate"
    due = next(rule for rule in loaded(tmp_path, suggestion).rules if rule.field == "DueDate")
    assert due.format == (iso, day)
    checked = Validator(loaded(tmp_path, suggestion), None, None).convert_rows(
        pd.DataFrame(rows[1:], columns=list(rows[0])), np.arange(2, len(rows) + 1)
    )
    assert not checked.problems


def test_dates_are_not_phone_numbers(tmp_path: Path):
    """Dates in too many formats have no rule."""
    cells = ("29.08.2024", "2024-08-30", "8/31/2024") * 3
    rows = [("ID", "Email", "Due"), *((str(n), f"a{n}@example.com", cell) for n, cell in enumerate(cells))]
    suggestion = drafted(tmp_path, *rows)
    assert fields_of(suggestion, Confidence.UNMAPPED) == {"Due": ""}
    assert "by its name it is DueDate" in suggestion.text


def test_national_phone_numbers_need_a_region(tmp_path: Path):
    """International numbers need none."""
    rows = [("ID", "Telefon"), *((str(n), f"030 / 12345{n:02}") for n in range(12))]
    suggestion = drafted(tmp_path, *rows)
    assert fields_of(suggestion, Confidence.SURE)["Telefon"] == "LeadDetail.Phone"
    assert "`region`" in suggestion.text
    abroad = [("ID", "Telefon"), *((str(n), f"+49 30 / 12345{n:02}") for n in range(12))]
    assert "`region`" not in drafted(tmp_path, *abroad).text


def test_reason_for_no_rule_is_the_column_name(tmp_path: Path):
    """Although its cells could be a title."""
    rows = [("ID", "Email", "Subject", "Phone"), *((str(n), f"a{n}@example.com", f"It is {n}", f"call me at {n}") for n in range(9))]  # fmt: skip
    suggestion = drafted(tmp_path, *rows)
    assert "TODO: by its name it is LeadDetail.Phone, but it has texts" in suggestion.text


def test_html_has_a_hint_at_its_conversion(tmp_path: Path):
    """An address in angle brackets is not a tag."""
    rows = [("ID", "Email", "Subject", "Description"), *((str(n), f"a{n}@example.com", f"It is {n}", f"<p>broken {n}</p>") for n in range(9))]  # fmt: skip
    assert "`html: to_text`" in drafted(tmp_path, *rows).text
    plain = [tuple(cell.replace("<p>", "<a@example.com> < b ").replace("</p>", "") for cell in row) for row in rows]
    assert "`html: to_text`" not in drafted(tmp_path, *plain).text


def test_lists_in_json_are_joined(tmp_path: Path):
    """Lists of objects have no rule, but advice."""
    lines = [
        {"id": n, "email": f"a{n}@example.com", "tags": ["a", "b"], "note": {"a": 1}, "log": [{"at": 1}]}
        for n in range(5)
    ]
    path = tmp_path / "tickets.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    suggestion = suggest(path, None)
    assert fields_of(suggestion, Confidence.UNMAPPED) == {"log": "", "note.a": ""}
    assert 'tags: {field: Tags, join: ", "}  # guess: cells have several values' in suggestion.text
    assert "make a column of a part of them with `manifest: {columns}`" in suggestion.text


def test_addresses_beside_names_are_extracted(tmp_path: Path):
    """`Ann Example <ann@example.com>` is an address; a text that mentions one is not."""
    rows = [("ID", "From", "Text")]
    rows += [(str(n), f"Ann {n} <ann{n}@example.com>", f"Hello,\nwrite to x{n}@example.com please") for n in range(9)]
    text = drafted(tmp_path, *rows).text
    assert "From: {field: LeadDetail.EmailAddress, type: email, extract: email}" in text
    assert text.count("extract") == 1


def test_ambiguous_dates_have_no_rule(tmp_path: Path):
    """Both formats are named."""
    rows = [("ID", "Email", "Due date"), ("1", "a@example.com", "03/04/2024"), ("2", "b@example.com", "05/06/2024")]
    suggestion = drafted(tmp_path, *rows)
    assert fields_of(suggestion, Confidence.UNMAPPED) == {"Due date": ""}
    assert "%d/%m/%Y or %m/%d/%Y" in suggestion.text


def test_two_columns_for_one_field_are_a_guess(tmp_path: Path):
    """The comment names the other column."""
    rows = [("ID", "Email", "Requester email")] + [(str(n), f"a{n}@example.com", f"b{n}@example.com") for n in range(9)]
    suggestion = drafted(tmp_path, *rows)
    assert fields_of(suggestion, Confidence.SURE) == {}
    assert fields_of(suggestion, Confidence.GUESS) == {"Requester email": "LeadDetail.EmailAddress"}
    assert "'Email' could be LeadDetail.EmailAddress as well" in suggestion.text


def test_row_content_is_the_key_if_no_column_is_unique(tmp_path: Path):
    """It is a guess."""
    suggestion = drafted(
        tmp_path, ("Topic", "Email"), ("a", "a@example.com"), ("a", "b@example.com"), ("b", "b@example.com")
    )
    assert loaded(tmp_path, suggestion).key_is_row_content
    assert "key: row-content  # guess:" in suggestion.text


def test_draft_without_a_lead_has_a_line_to_complete(tmp_path: Path):
    suggestion = drafted(tmp_path, ("ID", "Subject"), ("1", "It is broken"), ("2", "It is broken again"))
    assert not suggestion.has_lead
    text = suggestion.text.replace("# YOUR COLUMN: {field: LeadDetail.Phone", "ID: {field: LeadDetail.Phone")
    path = tmp_path / "filled.yaml"
    path.write_text(text, encoding="utf-8")
    assert [rule.field for rule in load_mapping(path).rules] == ["Title", "LeadDetail.Phone"]


def test_missing_files_have_no_rule(tmp_path: Path):
    """They would reject every row. The comment has the reason."""
    rows = [
        ("ID", "Email", "Attachments"),
        ("1", "a@example.com", "one.pdf"),
        ("2", "b@example.com", "two.png;three.txt"),
    ]
    suggestion = drafted(tmp_path, *rows)
    assert fields_of(suggestion, Confidence.UNMAPPED) == {"Attachments": ""}
    (tmp_path / "files").mkdir()
    for name in ("one.pdf", "two.png"):
        (tmp_path / "files" / name).write_bytes(b"x")
    mapping = loaded(tmp_path, again := drafted(tmp_path, *rows))
    assert mapping.attachments is not None
    assert (mapping.attachments.columns, mapping.attachments.root) == (("Attachments",), Path("files"))
    assert "guess: 1 of 3 named files are not there" in again.text


def test_mandatory_fields_have_a_line_to_complete(tmp_path: Path):
    """With the field's values."""
    demanded = AccountField(schema_name="CustomData.Line", data_type="Select", mandatory=True, values=("A", "B"))
    suggestion = drafted(tmp_path, ("ID", "Email"), ("1", "a@example.com"), fields=(demanded,))
    assert (
        "# TODO: the account requires CustomData.Line: map a column, or set a constant for all tickets; its values are A, B"
        in suggestion.text
    )
    assert "# constants: {CustomData.Line: …}" in suggestion.text


def test_fields_that_the_account_lacks_are_not_drafted(tmp_path: Path):
    """If the account's fields are known. The same for fields that are switched off."""
    rows = [("ID", "Email", "Subject", "Tags")] + [
        (str(n), f"a{n}@example.com", f"It is {n}", f"x{n}") for n in range(5)
    ]
    fields = (AccountField(schema_name="Title", data_type="Text"), AccountField(schema_name="Tags", active=False))
    suggestion = drafted(tmp_path, *rows, fields=fields)
    assert fields_of(suggestion, Confidence.UNMAPPED) == {"Tags": ""}
    assert "the account has no field Tags" in suggestion.text


def test_values_are_mapped_to_the_account_values(tmp_path: Path):
    """Words of the same meaning. Other words are listed in a comment."""
    status = AccountField(schema_name="Status", data_type="Select", values=("Open", "Resolved"))
    states = ("new", "open", "solved", "escalated")
    rows = [("ID", "Email", "State"), *((str(n), f"a{n}@example.com", states[n % 4]) for n in range(40))]
    suggestion = drafted(tmp_path, *rows, fields=(status,))
    (rule,) = [rule for rule in loaded(tmp_path, suggestion).rules if rule.field == "Status"]
    assert dict(rule.values) == {"new": "Open", "open": "Open", "solved": "Resolved"}
    assert "TODO: map escalated under `values`; the account has Open, Resolved" in suggestion.text


@pytest.mark.parametrize("name", ["!.csv", "a.b.csv", "…tickets.csv", "x" * 200 + ".csv", "a:b #c.csv"])
def test_source_is_made_from_the_file_name(name: str, tmp_path: Path):
    """It is valid for any file name."""
    suggestion = drafted(tmp_path, ("ID", "Email"), ("1", "a@example.com"), name=name)
    assert loaded(tmp_path, suggestion).source


def test_results_and_empty_files_are_refused(tmp_path: Path):
    """A results file has its mapping already, and without rows there is nothing to look at."""
    with pytest.raises(UsageError, match="import_key"):
        drafted(tmp_path, ("ID", "import_key"), ("1", "1"))
    with pytest.raises(ManifestError, match="no rows"):
        drafted(tmp_path, ("ID", "Email"))


def test_key_of_few_rows_is_chosen_by_its_name(tmp_path: Path):
    """In two rows every column may be unique."""
    rows = [("Colour", "Email"), ("red", "a@example.com"), ("blue", "b@example.com")]
    assert loaded(tmp_path, drafted(tmp_path, *rows)).key_is_row_content
    many = [("Colour", "Email"), *((f"red{n}", f"a{n % 9}@example.com") for n in range(30))]
    assert loaded(tmp_path, drafted(tmp_path, *many)).key == ("Colour",)


def test_number_formats_and_boolean_words_are_drafted(tmp_path: Path):
    """Of other languages. All rows pass."""
    fields = (
        AccountField(schema_name="CustomData.Betrag", data_type="Number"),
        AccountField(schema_name="CustomData.Eskaliert", data_type="Boolean"),
        AccountField(schema_name="CustomData.Menge", data_type="Number"),
    )
    rows = [("ID", "E-Mail", "Betrag", "Eskaliert", "Menge")]
    rows += [(str(n), f"a{n}@example.com", f"1.{n:03},50", "ja" if n % 3 else "nein", "1,234") for n in range(30)]
    suggestion = drafted(tmp_path, *rows, fields=fields)
    rules = {rule.column: rule for rule in loaded(tmp_path, suggestion).rules}
    assert (rules["Betrag"].type, rules["Betrag"].decimal, rules["Betrag"].thousands) == ("number", ",", ".")
    assert (rules["Eskaliert"].true_words, rules["Eskaliert"].false_words) == (("ja",), ("nein",))
    # Nobody can say whether it is more than a thousand, or a little more than one.
    assert fields_of(suggestion, Confidence.UNMAPPED) == {"Menge": ""}
    assert not any("would be rejected" in line for line in suggestion.text.splitlines())


def test_impossible_file_names_find_no_files(tmp_path: Path):
    """They are too long, or outside the folder."""
    (tmp_path / "out.txt").write_bytes(b"x")
    inner = tmp_path / "in"
    inner.mkdir()
    names = ["a" * 5_000 + ".txt", "../out.txt", str(tmp_path / "out.txt"), "..\\out.txt"]
    suggestion = drafted(
        inner, ("ID", "Email", "Files"), *((str(n), "a@example.com", name) for n, name in enumerate(names))
    )
    assert fields_of(suggestion, Confidence.UNMAPPED) == {"Files": ""}


def test_type_that_would_reject_most_rows_is_omitted(tmp_path: Path):
    """The rule is a guess, and its comment has the number of rows."""
    rows = [("ID", "Email"), *((str(n), f"a{n}@host.test") for n in range(12))]
    suggestion = drafted(tmp_path, *rows)
    (rule,) = loaded(tmp_path, suggestion).rules
    assert rule.type == "text"
    assert "TODO: 12 of 12 cells would be rejected with `type: email`" in suggestion.text
    assert fields_of(suggestion, Confidence.GUESS) == {"Email": "LeadDetail.EmailAddress"}
