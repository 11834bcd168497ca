"""A value is compared with the account's field; only values that are surely refused are reported."""

from __future__ import annotations

import re
import time
from decimal import Decimal

import pytest

from importer.account_fields import AccountField, find_violation
from importer.account_fields.patterns import compiled_pattern
from importer.account_fields.value_check import nearest
from importer.sandbox import Field, FieldKind, default_account

STATUS = AccountField(schema_name="Status", data_type="Select", values=("Open", "In Progress"), retired=("Fax",))
AMOUNT = AccountField(schema_name="Amount", data_type="Number", min_value=Decimal(0), max_value=Decimal("99.5"))
TITLE = AccountField(schema_name="Title", data_type="Text", mandatory=True, min_length=2, max_length=5)
CODE = AccountField(schema_name="Code", data_type="Text", regex="^[A-Z]{2}[0-9]+$")


def code(field: AccountField, value: str) -> str:
    wrong = find_violation(field, value)
    return wrong.code if wrong else ""


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (STATUS, "Open", ""),
        (STATUS, "", ""),
        (STATUS, "open", "not-configured"),
        (STATUS, "Open ", "not-configured"),
        (STATUS, "Fax", "not-configured"),
        (STATUS, "x" * 10_000, "not-configured"),
        (AMOUNT, "12.5", ""),
        (AMOUNT, "1e1", ""),
        (AMOUNT, "99.50", ""),
        (AMOUNT, "99.51", "out-of-range"),
        (AMOUNT, "-1", "out-of-range"),
        (AMOUNT, "twelve", "not-a-number"),
        (AMOUNT, "1,5", "not-a-number"),
        (AMOUNT, "NaN", "not-a-number"),
        (AMOUNT, "", ""),
        (TITLE, "abcde", ""),
        (TITLE, "abcdef", "too-long-for-field"),
        (TITLE, "a", "too-short-for-field"),
        (TITLE, "", "missing-value"),
        (TITLE, "  ", "missing-value"),
        (CODE, "AB12", ""),
        (CODE, "ab12", "wrong-form-for-field"),
        (CODE, "", ""),
    ],
)
def test_complaints(field: AccountField, value: str, expected: str):
    """Each rule of the account has its own error code; an empty value is refused by mandatory fields only."""
    assert code(field, value) == expected


def test_the_nearest_value_is_shown():
    """A misspelt value is reported with the most similar one, any other with the accepted values."""
    assert "did you mean 'In Progress'?" in find_violation(STATUS, "in progres").text  # type: ignore[union-attr]
    assert "its values are 'Open', 'In Progress'" in find_violation(STATUS, "zzz").text  # type: ignore[union-attr]
    assert nearest(" OPEN ", ("Closed", "Open")) == "Open"


def test_values_that_are_not_known_judge_nothing():
    """A select field with unknown values accepts any value."""
    assert find_violation(AccountField(schema_name="Status", data_type="Select"), "whatever") is None


def test_a_default_fills_what_is_mandatory():
    """An empty mandatory field with a default is accepted."""
    assert find_violation(AccountField(schema_name="T", mandatory=True, default="x"), "") is None


@pytest.mark.parametrize(
    "regex", [r"(?<=a)b", r"(?i)x", r"\p{L}+", r"(?P<n>a)", "[", r"a++", r"\d+\Z", "[[:alpha:]]", "[a--b]", "(" * 200]
)
def test_a_pattern_of_a_dialect_judges_nothing(regex: str):
    """A pattern that dialects of regular expressions read differently, or none accepts, is not checked."""
    assert find_violation(AccountField(schema_name="Code", regex=regex), "???") is None


EVIL = [f"^{'a?' * 28}{'a' * 28}$", "^(a+)+$", "^(a|a)*$", "^(?:a{1,9}){1,9}$", "a*a*a*a*b", "^(.*,){9}$", "a?" * 500]


@pytest.mark.parametrize("regex", EVIL)
def test_every_pattern_takes_time_by_the_values_length_alone(regex: str):
    """A pattern with exponential backtracking takes seconds for a hundred values of 10,000 characters."""
    field = AccountField(schema_name="Code", regex=regex)
    assert code(field, "a" * 28) in ("", "wrong-form-for-field")
    began = time.process_time()
    for number in range(100):
        find_violation(field, f"{'a' * 10_000}!{number}")
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "regex", ["[" * 300_000, "(" * 300_000, "a?" * 150_000, "[a" * 150_000, "\\" * 300_000, "{" * 300_000]
)
def test_a_pattern_of_any_length_is_read_in_no_time(regex: str):
    """A pattern that is too long to compile is not checked."""
    began = time.process_time()
    assert find_violation(AccountField(schema_name="Code", regex=regex), "x") is None
    assert time.process_time() - began < 2


SAME = [
    (r"^\d+$", ["12", "١٢", "1a", "12\n", "12\n\n", "", "²"]),
    (r"^\w+$", ["abc", "é", "Ω_1", "a b", "a-b", "中文", "²"]),
    (r"^\S+@\S+$", ["a@b", "é@ü", "a b@c", "a@\u00a0", "a@\u2003b"]),
    (r"\s", ["a b", "ab", "a\u00a0b", "a\x1cb", "a\u2028b", "a\u200bb"]),
    (r"^[\w.+-]+@[\w-]+\.[\w.-]+$", ["a.b@example.com", "ü@example", "@example.com", "a@c"]),
    (r"^[^\d\s]+$", ["abc", "a1", "a b", "é", "٣"]),
    (r"^\D\W$", ["a-", "1-", "aé", "é "]),
    (r"\bcat\b", ["cat", "a cat.", "cats", "concat"]),
    ("^a.c$", ["abc", "a\nc", "aéc", "abbc", "a\rc"]),
    ("^(?:IN|DE)-?[0-9]{2,4}$", ["IN-12", "DE1234", "IN1", "FR-12", "IN-12345"]),
    ("a$|^b", ["xa", "bx", "ab", "a\n", "ax"]),
    ("^[A-Z]{2}$", ["AB", "ab", "ABC", "ÄB"]),
    ("^x*?y+?z{2,}$", ["yzz", "xxyyzzz", "xz"]),
    (r"^\(\d{3}\) \d{3}\/\d{4}$", ["(123) 456/7890", "123 456/7890"]),
    ("^[a\\-z]$", ["a", "-", "z", "m"]),
    ("^[^)(]+$", ["ab", "a(b"]),
    ("^[$.|]$", ["$", ".", "|", "x"]),
]


@pytest.mark.parametrize(("regex", "values"), SAME)
def test_usual_patterns_mean_what_they_mean_to_python(regex: str, values: list[str]):
    """Patterns match letters and digits of all alphabets, ends before a last line break, and sets."""
    assert compiled_pattern(regex) is not None
    field = AccountField(schema_name="Code", regex=regex)
    for value in filter(str.strip, values):
        assert (find_violation(field, value) is None) == (re.search(regex, value) is not None), value


@pytest.mark.parametrize(
    "regex", [r"^\+?[0-9 ()-]{6,20}$", r"^(\+91)?\d{10}$", "^[A-Z]+-[0-9]+$", r"^\S+@\S+$", "a[+]b"]
)
def test_usual_patterns_judge(regex: str):
    """Common patterns are applied to values."""
    assert code(AccountField(schema_name="Code", regex=regex), "?") == "wrong-form-for-field"


def test_nothing_is_refused_that_the_stand_in_takes():
    """Each value that the sandbox accepts is accepted here: a valid row is never rejected."""
    from tests.suggest.making import account_fields  # noqa: PLC0415 - made from the same account

    account = default_account()
    values = [
        "Open",
        "Low",
        "Email",
        "1",
        "12.5",
        "true",
        "2024-08-29",
        "2024-08-29T10:36:23",
        "x" * 255,
        "a@example.com",
    ]
    for field in account_fields():
        there = account.field(field.schema_name)
        assert there is not None
        if field.active:
            taken = [value for value in values if there.problem(value) is None]
            assert [value for value in taken if find_violation(field, value)] == []


def test_what_is_surely_wrong_is_refused_by_the_stand_in_too():
    """Each value that is reported here is refused by the sandbox, too."""
    from tests.suggest.making import account_fields  # noqa: PLC0415 - as above

    account = default_account()
    for field in account_fields():
        there = account.field(field.schema_name)
        assert there is not None
        for value in ("", "x" * 300, "opne", "1e400", "-5"):
            if field.active and find_violation(field, value) is not None:
                assert there.problem(value) is not None, (field.schema_name, value)


def test_kinds_of_the_stand_in_are_told_apart():
    """The type names of the sandbox are those that are checked here."""
    number = Field(schema_name="N", kind=FieldKind.NUMBER).metadata()["DataType"]
    assert AccountField(schema_name="N", data_type=str(number)).is_number
    assert re.fullmatch("Select", STATUS.data_type)
