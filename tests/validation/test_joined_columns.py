"""Values of several columns in one field: `templates` with `columns` and `join`."""

from __future__ import annotations

import pytest

from tests.validation.checking import HEAD, MAIL, check, codes

MAPPING = f"""\
{HEAD}columns:
  Mail: LeadDetail.EmailAddress
  Body: {{html: to_text}}
  Kind: {{field: CustomData.Kind, values: {{P: Phone}}, required: true}}
  Day: {{field: CustomData.Day, type: date, format: '%d.%m.%Y'}}
templates:
  Description: {{columns: [Body, History], join: "\\n--\\n"}}
  Tags: {{columns: [Kind, Labels, More], join: ", "}}
  CustomData.When: {{columns: [Day, ID], join: "/"}}
"""
COLUMNS = ("ID", "Mail", "Body", "Kind", "Day", "History", "Labels", "More")


@pytest.mark.parametrize(
    ("cells", "description", "tags", "when"),
    [
        (("<p>One</p><p>Two</p>", "P", "24.12.2025", "Past", "a", "b"), "One\n\nTwo\n--\nPast", "Phone, a, b", "2025-12-24/7"),
        (("", "x", "", "Past", "", "b"), "Past", "x, b", "7"),
        (("<br>", "x", "", "", " ", ""), None, "x", "7"),
        (("One", "P", "", "", '["a", "", "c"]', "[1,2]"), "One", "Phone, a, c, 1, 2", "7"),
    ],
)  # fmt: skip
def test_values_are_joined_without_the_empty_ones(cells, description, tags, when) -> None:
    """As the columns' rules make them; a field whose values are all empty is left out."""
    checked = check(MAPPING, COLUMNS, ["7", MAIL, *cells])
    assert codes(checked) == []
    fields = dict(checked.ticket(0).fields)
    assert [fields.get(name) for name in ("Description", "Tags", "CustomData.When")] == [description, tags, when]
    assert "" not in fields


def test_a_problem_of_a_value_is_reported_once_in_its_own_column() -> None:
    """Also one that the joined text would have, too."""
    checked = check(MAPPING, COLUMNS, ["7", MAIL, "a\0", "", "no day", "\ud800", '[["x"]]', ""])
    found = sorted((problem.column, problem.code) for problem in checked.problems[0])
    assert found == [
        ("Body", "bad-text"),
        ("Day", "not-a-date"),
        ("History", "bad-text"),
        ("Kind", "missing-value"),
        ("Labels", "nested-value"),
    ]


def test_a_rule_without_a_field_can_require_its_cell() -> None:
    """The message names the column."""
    checked = check(
        MAPPING.replace("to_text}", "to_text, required: true}"), COLUMNS, ["7", MAIL, *["", "x", "", "", "", ""]]
    )
    (problem,) = checked.problems[0]
    assert problem.message.startswith("Body: the value is required")
