"""The mapping is compared with the account's fields before any row is checked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from importer.account_fields import AccountField, MappingCheck, check_mapping
from importer.mapping import load_mapping
from tests.suggest.making import account_fields, known

HEAD = "version: 1\nsource: shop\nkey: ID\ncolumns:\n"
LEAD = "  Email: LeadDetail.EmailAddress\n"
TITLE = "  Subject: Title\n"


def fit(folder: Path, text: str, *fields: AccountField, age: timedelta = timedelta()) -> MappingCheck:
    """Check a mapping with these fields, or with those of the sandbox; ``text`` follows HEAD."""
    path = folder / "m.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    found = known(*fields) if fields else account_fields()
    result = check_mapping(load_mapping(path), found, datetime.now(UTC) + age)
    start = f"{path}:"
    return MappingCheck(
        errors=tuple(line.removeprefix(start).strip() for line in result.errors),
        warnings=tuple(line.removeprefix(start).strip() for line in result.warnings),
    )


def test_a_mapping_that_fits(tmp_path: Path):
    """Fields and values of the account are no findings; fields of the lead are not checked."""
    text = (
        f"{TITLE}{LEAD}  Co: LeadDetail.mx_Anything\n  State: {{field: Status, values: {{a: Open}}, default: Closed}}\n"
    )
    assert fit(tmp_path, f"{text}constants: {{Channel: Email}}\n") == MappingCheck(errors=(), warnings=())


@pytest.mark.parametrize(
    ("column", "error"),
    [
        ("CustomData.LegcyId", "the account has no field 'CustomData.LegcyId' (did you mean 'CustomData.LegacyId'?)"),
        ("LegacyId", "the account has no field 'LegacyId' (did you mean 'CustomData.LegacyId'?)"),
        ("CustomData.DueDate", "the account has no field 'CustomData.DueDate' (did you mean 'DueDate'?)"),
        ("Zzzzzz", "the account has no field 'Zzzzzz'"),
        ("CustomData.Foo", "the account has no field 'CustomData.Foo'"),
        ("CustomData.Nope", "the account has no field 'CustomData.Nope'"),
        ("CustomData.Severity", "the account has no field 'CustomData.Severity'"),
        ("CustomData.Sorce", "the account has no field 'CustomData.Sorce' (did you mean 'CustomData.Source'?)"),
        ("CustomData.OldSystem", "'CustomData.OldSystem' is a field that the account has switched off or deleted"),
    ],
)
def test_fields_that_are_not_there(column: str, error: str, tmp_path: Path):
    """A field that the account does not have is an error with its line and the most similar field."""
    assert fit(tmp_path, f"{TITLE}{LEAD}  X: {column}\n").errors == (f"7: columns > X: {error}",)


def test_texts_of_the_mapping_that_the_account_refuses(tmp_path: Path):
    """Unknown values, defaults, choices and constants are reported once, with the nearest value."""
    text = (
        f"{TITLE}{LEAD}"
        "  State: {field: Status, values: {a: Opne, b: Opne}, default: Closd, one_of: [Opne, Closd, Open]}\n"
        f"  Prio: {{field: Priority, default: Fax}}\nconstants: {{Channel: Fax, CustomData.Source: {'x' * 256}}}\n"
    )
    assert fit(tmp_path, text).errors == (
        "7: columns > State: default: 'Closd' is not a value of Status in the account; did you mean 'Closed'?",
        "7: columns > State: values: 'Opne' is not a value of Status in the account; did you mean 'Open'?",
        "8: columns > Prio: default: 'Fax' is not a value of Priority in the account; its values are 'Low', 'Medium', 'High', 'Urgent'",
        "9: constants > Channel: 'Fax' is a value of Channel that the account has retired",
        "9: constants > CustomData.Source: 256 characters; the account's CustomData.Source takes at most 255",
    )


def test_what_does_not_fit_is_told_with_the_file_and_line_in_which_it_stands(tmp_path: Path):
    """This holds for lists of values, rules of several lines, and constants, too."""
    (tmp_path / "st.csv").write_text("old,new\na,Open\nb,Opne\n", "utf-8")
    text = (
        f"{TITLE}{LEAD}  State:\n    field: Status\n    values_from: st.csv\n    one_of:\n      - Open\n      - Opne\n"
        "      - Nope\nconstants:\n  CustomData.Nil: x\ntemplates:\n  CustomData.Nul: '{Subject}'\n"
    )
    path = tmp_path / "m.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    result = check_mapping(load_mapping(path), account_fields(), datetime.now(UTC))
    told = [line.removeprefix(f"{tmp_path}/").partition(": ")[::2] for line in result.errors]
    assert [(place, what.partition(" ")[0], "Opne" in what) for place, what in told] == [
        ("m.yaml:13", "columns", False),
        ("m.yaml:15", "constants:", False),
        ("m.yaml:17", "templates:", False),
        ("st.csv:3", "columns", True),
    ]


def test_texts_that_are_converted_are_left_to_the_rows(tmp_path: Path):
    """Values that the rule's type converts, such as decimal commas, are no findings."""
    text = f'{TITLE}{LEAD}  N: {{field: CustomData.Amount, type: number, decimal: ",", default: "0,5", values: {{a: "1,5"}}}}\n'
    assert fit(tmp_path, text).errors == ()


def test_mandatory_fields_that_nothing_fills(tmp_path: Path):
    """A missing mandatory field is an error that shows the values; with a default in the account it is none."""
    line = AccountField(schema_name="CustomData.Line", data_type="Select", mandatory=True, values=("A", "B"))
    filled = AccountField(schema_name="Status", mandatory=True, default="Open")
    off = AccountField(schema_name="Type", mandatory=True, active=False)
    title = AccountField(schema_name="Title")
    found = fit(tmp_path, TITLE + LEAD, line, filled, off, title)
    (error,) = found.errors
    assert error.endswith(
        "CustomData.Line is mandatory in the account, and the mapping does not fill it; it takes 'A', 'B'"
    )
    assert fit(tmp_path, f"{TITLE}{LEAD}constants: {{CustomData.Line: A}}\n", line, title).errors == ()
    assert fit(tmp_path, f'{TITLE}{LEAD}templates: {{CustomData.Line: "{{Subject}}"}}\n', line, title).errors == ()


def test_mandatory_fields_that_nobody_documents_are_a_doubt(tmp_path: Path):
    """A field that the account creates, such as its creation time, may be filled by the account."""
    found = fit(
        tmp_path, TITLE + LEAD, AccountField(schema_name="Title"), AccountField(schema_name="CreatedOn", mandatory=True)
    )
    assert found.errors == ()
    assert "CreatedOn is mandatory" in found.warnings[0]


def test_a_date_without_a_type_is_a_doubt(tmp_path: Path):
    """A rule without a date type for a date field is a warning, because the account may refuse rows."""
    (warning,) = fit(tmp_path, f"{TITLE}{LEAD}  Due: DueDate\n").warnings
    assert "add `type: datetime` to check its cells" in warning
    assert fit(tmp_path, f"{TITLE}{LEAD}  Due: {{field: DueDate, type: datetime}}\n").warnings == ()


def test_old_fields_are_said_to_be_old(tmp_path: Path):
    """After a week there is a warning with the command that reads the fields again."""
    (warning,) = fit(tmp_path, TITLE + LEAD, age=timedelta(days=9)).warnings
    assert warning == "the account's fields were read 9 days ago: read them again with `ticket-importer fields`"


@pytest.mark.parametrize("regex", ["(?=a)b", r"(a)\1", "a?" * 1_000])
def test_a_pattern_that_is_not_checked_is_a_warning(tmp_path: Path, regex: str):
    """For a look-ahead, a reference or a very long pattern, a warning says that values are not checked."""
    fields = (
        AccountField(schema_name="Title", active=True),
        AccountField(schema_name="Tags", active=True, regex=regex),
    )
    (warning,) = fit(tmp_path, f"{TITLE}{LEAD}  X: Tags\n", *fields).warnings
    assert warning.startswith("7: columns > X: values of Tags are not checked against the account's pattern")
