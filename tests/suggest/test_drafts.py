"""A draft is right to the letter: names as they are, dates as they are written, files that are there."""

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
def test_the_sample(fields, tmp_path: Path):
    """For the sample, what is sure is what the mapping that comes with it says, and the files are found."""
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
def test_any_text_reads_back(text: str):
    """A name or value of any characters is written so that the language reads the same text."""
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
def test_columns_of_odd_names(name: str, tmp_path: Path):
    """A column of any name is the key, or stays behind, or becomes a field under that very name."""
    rows = ((str(number), f"a{number}@example.com", "1") for number in range(30))
    suggestion = drafted(tmp_path, (name, "Email", "x"), *rows)
    mapping = loaded(tmp_path, suggestion)
    check_columns(mapping, [name, "Email", "x"])
    assert mapping.key == (name,)
    assert not mapping.key_is_row_content


@pytest.mark.parametrize("name", ["m" * 1_022, "m" * 1_023, "m" * 1_024, "m" * 1_025, "\n" * 1_025 + "m", '"' * 600])
def test_columns_of_long_names(name: str, tmp_path: Path):
    """A name that is longer than YAML takes before a colon becomes a field, is the key or stays behind all the same."""
    rows = [(str(number), f"a{number}@example.com", "1") for number in range(30)]
    for header in (("ID", name, "x"), (name, "Email", "x"), ("ID", "Email", name)):
        mapping = loaded(tmp_path, drafted(tmp_path, header, *rows))
        check_columns(mapping, header)
        assert [(rule.column, rule.type) for rule in mapping.rules] == [(header[1], "email")]
        assert mapping.key == (header[0],)


def test_comments_can_not_become_yaml(tmp_path: Path):
    """Cells and names that hold line breaks or end a comment stay in their comments."""
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
def test_dates_are_read_in_the_one_way_that_fits(cells: list[str], formats: tuple[str, ...]):
    """All formats that make other days of the cells are told: with two of them, nobody can be sure."""
    times = detect_dates(cells)
    assert times is not None
    assert times.formats == formats


@pytest.mark.parametrize("cells", [["31/02/2024"], ["12345678"], ["soon"], ["2024-13-01"], ["now"], ["1", "2"], ["29/08/2024", "soon", "2024-08-29"], ["29/08/2024", "2024-08-29Z"]])  # fmt: skip
def test_what_is_no_date(cells: list[str]):
    """Days that are not on the calendar, numbers and mixtures are no dates."""
    assert detect_dates(cells) is None


@pytest.mark.parametrize("day", ["%d.%m.%Y", "%d/%m/%Y", "%m-%d-%Y", "%d.%m.%y", "%Y/%m/%d", "%Y%m%d", "%d %b %Y"])
@pytest.mark.parametrize("iso", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"])
def test_dates_of_which_some_are_iso_have_both_formats(day: str, iso: str, tmp_path: Path):
    """Where a workbook has dates and texts in one column, the rule lists how each is written, and all rows pass."""
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


def test_dates_are_no_phone_numbers(tmp_path: Path):
    """Dates that are written in too many ways for a rule are left, whatever their digits would dial."""
    cells = ("29.08.2024", "2024-08-30", "8/31/2024") * 3
    rows = [("ID", "Email", "Due"), *((str(n), f"a{n}@example.com", cell) for n, cell in enumerate(cells))]
    suggestion = drafted(tmp_path, *rows)
    assert fields_of(suggestion, Confidence.UNMAPPED) == {"Due": ""}
    assert "by its name it is DueDate" in suggestion.text


def test_national_phone_numbers_ask_for_a_region(tmp_path: Path):
    """Numbers as a town writes them are phone numbers; that they lack their country is said, and only then."""
    rows = [("ID", "Telefon"), *((str(n), f"030 / 12345{n:02}") for n in range(12))]
    suggestion = drafted(tmp_path, *rows)
    assert fields_of(suggestion, Confidence.SURE)["Telefon"] == "LeadDetail.Phone"
    assert "`region`" in suggestion.text
    abroad = [("ID", "Telefon"), *((str(n), f"+49 30 / 12345{n:02}") for n in range(12))]
    assert "`region`" not in drafted(tmp_path, *abroad).text


def test_what_a_name_says_is_told_before_what_cells_may_be(tmp_path: Path):
    """A column that is left is left for what it is called, not because its texts could be a title, too."""
    rows = [("ID", "Email", "Subject", "Phone"), *((str(n), f"a{n}@example.com", f"It is {n}", f"call me at {n}") for n in range(9))]  # fmt: skip
    suggestion = drafted(tmp_path, *rows)
    assert "TODO: by its name it is LeadDetail.Phone, but it has texts" in suggestion.text


def test_html_is_pointed_at(tmp_path: Path):
    """A description that is HTML is drafted as it is, with what makes text of it; an address in brackets is no tag."""
    rows = [("ID", "Email", "Subject", "Description"), *((str(n), f"a{n}@example.com", f"It is {n}", f"<p>broken {n}</p>") for n in range(9))]  # fmt: skip
    assert "`html: to_text`" in drafted(tmp_path, *rows).text
    plain = [tuple(cell.replace("<p>", "<a@example.com> < b ").replace("</p>", "") for cell in row) for row in rows]
    assert "`html: to_text`" not in drafted(tmp_path, *plain).text


def test_lists_in_json_are_joined(tmp_path: Path):
    """All values of a list are used; lists of objects are left, and say what would help."""
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
    """`Ann Example <ann@example.com>` is a lead's address; a text that only mentions an address is none."""
    rows = [("ID", "From", "Text")]
    rows += [(str(n), f"Ann {n} <ann{n}@example.com>", f"Hello,\nwrite to x{n}@example.com please") for n in range(9)]
    text = drafted(tmp_path, *rows).text
    assert "From: {field: LeadDetail.EmailAddress, type: email, extract: email}" in text
    assert text.count("extract") == 1


def test_dates_that_can_be_read_in_two_ways_are_left(tmp_path: Path):
    """A due date of which nobody knows the month is not mapped, and both readings are named."""
    rows = [("ID", "Email", "Due date"), ("1", "a@example.com", "03/04/2024"), ("2", "b@example.com", "05/06/2024")]
    suggestion = drafted(tmp_path, *rows)
    assert fields_of(suggestion, Confidence.UNMAPPED) == {"Due date": ""}
    assert "%d/%m/%Y or %m/%d/%Y" in suggestion.text


def test_two_columns_for_one_field_are_a_guess(tmp_path: Path):
    """Where two columns could be the requester's address, neither is called sure, and the other one is named."""
    rows = [("ID", "Email", "Requester email")] + [(str(n), f"a{n}@example.com", f"b{n}@example.com") for n in range(9)]
    suggestion = drafted(tmp_path, *rows)
    assert fields_of(suggestion, Confidence.SURE) == {}
    assert fields_of(suggestion, Confidence.GUESS) == {"Requester email": "LeadDetail.EmailAddress"}
    assert "'Email' could be LeadDetail.EmailAddress as well" in suggestion.text


def test_without_a_key_rows_are_known_by_their_content(tmp_path: Path):
    """Where no column has a value of its own in each row, the key is the whole row, and that is called a guess."""
    suggestion = drafted(
        tmp_path, ("Topic", "Email"), ("a", "a@example.com"), ("a", "b@example.com"), ("b", "b@example.com")
    )
    assert loaded(tmp_path, suggestion).key_is_row_content
    assert "key: row-content  # guess:" in suggestion.text


def test_without_a_lead_the_line_to_fill_is_there(tmp_path: Path):
    """A manifest that names nobody gives a draft with a line that only needs a column's name."""
    suggestion = drafted(tmp_path, ("ID", "Subject"), ("1", "It is broken"), ("2", "It is broken again"))
    assert not suggestion.has_lead
    text = suggestion.text.replace("# YOUR COLUMN: {field: LeadDetail.Phone", "ID: {field: LeadDetail.Phone")
    path = tmp_path / "filled.yaml"
    path.write_text(text, encoding="utf-8")
    assert [rule.field for rule in load_mapping(path).rules] == ["Title", "LeadDetail.Phone"]


def test_files_that_are_not_there_are_left(tmp_path: Path):
    """Names of files of which none is found would reject every row: they are left, with the reason."""
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


def test_what_the_account_demands_is_asked_for(tmp_path: Path):
    """A mandatory field that no column fills is a line to be filled in, with the values it takes."""
    demanded = AccountField(schema_name="CustomData.Line", data_type="Select", mandatory=True, values=("A", "B"))
    suggestion = drafted(tmp_path, ("ID", "Email"), ("1", "a@example.com"), fields=(demanded,))
    assert (
        "# TODO: the account requires CustomData.Line: map a column, or set a constant for all tickets; its values are A, B"
        in suggestion.text
    )
    assert "# constants: {CustomData.Line: …}" in suggestion.text


def test_fields_that_the_account_lacks_are_not_drafted(tmp_path: Path):
    """Where the account's fields are known, nothing is mapped to a field that is not among them, or is switched off."""
    rows = [("ID", "Email", "Subject", "Tags")] + [
        (str(n), f"a{n}@example.com", f"It is {n}", f"x{n}") for n in range(5)
    ]
    fields = (AccountField(schema_name="Title", data_type="Text"), AccountField(schema_name="Tags", active=False))
    suggestion = drafted(tmp_path, *rows, fields=fields)
    assert fields_of(suggestion, Confidence.UNMAPPED) == {"Tags": ""}
    assert "the account has no field Tags" in suggestion.text


def test_values_are_mapped_to_those_of_the_account(tmp_path: Path):
    """Words that mean the same become `values`; what has no counterpart is left to be said."""
    status = AccountField(schema_name="Status", data_type="Select", values=("Open", "Resolved"))
    states = ("new", "open", "solved", "escalated")
    rows = [("ID", "Email", "State"), *((str(n), f"a{n}@example.com", states[n % 4]) for n in range(40))]
    suggestion = drafted(tmp_path, *rows, fields=(status,))
    (rule,) = [rule for rule in loaded(tmp_path, suggestion).rules if rule.field == "Status"]
    assert dict(rule.values) == {"new": "Open", "open": "Open", "solved": "Resolved"}
    assert "TODO: map escalated under `values`; the account has Open, Resolved" in suggestion.text


@pytest.mark.parametrize("name", ["!.csv", "a.b.csv", "…tickets.csv", "x" * 200 + ".csv", "a:b #c.csv"])
def test_the_source_comes_from_the_file(name: str, tmp_path: Path):
    """Whatever the file is called, the source is one that the language takes."""
    suggestion = drafted(tmp_path, ("ID", "Email"), ("1", "a@example.com"), name=name)
    assert loaded(tmp_path, suggestion).source


def test_results_and_empty_files_are_refused(tmp_path: Path):
    """A results file has its mapping already, and without rows there is nothing to look at."""
    with pytest.raises(UsageError, match="import_key"):
        drafted(tmp_path, ("ID", "import_key"), ("1", "1"))
    with pytest.raises(ManifestError, match="no rows"):
        drafted(tmp_path, ("ID", "Email"))


def test_rows_are_few(tmp_path: Path):
    """Of two rows, any column has a value of its own in each: only a name makes one of them the key."""
    rows = [("Colour", "Email"), ("red", "a@example.com"), ("blue", "b@example.com")]
    assert loaded(tmp_path, drafted(tmp_path, *rows)).key_is_row_content
    many = [("Colour", "Email"), *((f"red{n}", f"a{n % 9}@example.com") for n in range(30))]
    assert loaded(tmp_path, drafted(tmp_path, *many)).key == ("Colour",)


def test_numbers_and_words_of_other_languages(tmp_path: Path):
    """A decimal comma, dots between thousands and words for yes and no are said in the rule, and the rows pass."""
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


def test_names_that_no_disk_has(tmp_path: Path):
    """Cells that only look like names of files, too long for any disk or outside of the folder, find nothing."""
    (tmp_path / "out.txt").write_bytes(b"x")
    inner = tmp_path / "in"
    inner.mkdir()
    names = ["a" * 5_000 + ".txt", "../out.txt", str(tmp_path / "out.txt"), "..\\out.txt"]
    suggestion = drafted(
        inner, ("ID", "Email", "Files"), *((str(n), "a@example.com", name) for n, name in enumerate(names))
    )
    assert fields_of(suggestion, Confidence.UNMAPPED) == {"Files": ""}


def test_a_type_that_would_reject_most_rows_is_taken_out(tmp_path: Path):
    """Addresses that the language takes for none are mapped without a type, as a guess that says how many they are."""
    rows = [("ID", "Email"), *((str(n), f"a{n}@host.test") for n in range(12))]
    suggestion = drafted(tmp_path, *rows)
    (rule,) = loaded(tmp_path, suggestion).rules
    assert rule.type == "text"
    assert "TODO: 12 of 12 cells would be rejected with `type: email`" in suggestion.text
    assert fields_of(suggestion, Confidence.GUESS) == {"Email": "LeadDetail.EmailAddress"}
