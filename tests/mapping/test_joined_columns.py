"""Templates that join columns: how they are written, and which mistakes are reported."""

from __future__ import annotations

import pytest

from importer.mapping import Join
from tests.mapping.conftest import BASE, Load, Problems

JOIN = "templates: {Tags: {columns: [A, B], join: ', '}}\n"


def test_each_column_has_the_rule_that_makes_its_value(load: Load) -> None:
    """The one without a field, otherwise the only one, otherwise the cell as it is."""
    mapping = load(
        f"{BASE}  A: {{lower: true}}\n  B: [{{field: CustomData.B}}, {{upper: true, join: +}}]\n"
        "templates: {Tags: {columns: [A, B, Subject, D], join: ', '}}\n"
    )
    ((name, join),) = mapping.templates
    assert isinstance(join, Join)
    rules = {rule.place: rule for rule in mapping.rules}
    joined = [rules[place] for place in join.places]
    assert (name, join.columns) == ("Tags", ("A", "B", "Subject", "D"))
    assert [(rule.column, rule.field, rule.lower, rule.list_separator) for rule in joined] == [
        ("A", "", True, ", "),
        ("B", "", False, "+"),
        ("Subject", "Title", False, None),
        ("D", "", False, ", "),
    ]
    assert mapping.used_columns >= {"A", "B", "D"}


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("templates: {Tags: {columns: [A]}}", "7: templates > Tags > join is missing; write the text between the values"),
        ("templates: {Tags: {join: x}}", "7: templates > Tags > columns is missing; list the columns to join"),
        ("templates: {Tags: {columns: [], join: x}}", "7: templates > Tags > columns must not be empty"),
        ("templates: {Tags: {columns: [A, B, A], join: x}}", "7: templates > Tags > columns: a list names 'A' more than once"),
        ("templates: {Tags: {columns: [A], jion: x}}", "7: templates > Tags: unknown key 'jion' (did you mean 'join'?)"),
        (f"{JOIN}ignore: [A]", "8: ignore: 'A' is used by `templates` in line 7, so it can't be ignored"),
        (f"  A: {{lower: true}}\n{JOIN.replace('[A, B]', '[B]')}", "7: columns > A > field is missing; name the field"),
        (f"  A: {{send_empty: true}}\n{JOIN}", "7: columns > A: `send_empty` has no effect in a rule without `field`"),
        (f"  A: [{{lower: true}}, {{upper: true}}]\n{JOIN}", "7: columns > A: only one rule may be without `field`"),
        (f"  A: [Status, Priority]\n{JOIN}", "8: templates > Tags: 'A' has 2 rules; add one without `field`"),
    ],
)  # fmt: skip
def test_mistakes_are_reported(problems: Problems, section: str, problem: str) -> None:
    """Each with its line and what to write."""
    found = problems(f"{BASE}{section}\n")
    assert any(each.startswith(problem) for each in found), found
    assert len(found) == 1 or "jion" in section


def test_a_mistake_in_a_template_hides_none_of_the_rules_that_it_joins(problems: Problems) -> None:
    """The columns of a wrong template are not known, so that rules without a field are not doubted."""
    found = problems(f"{BASE}  A: {{lower: true}}\n{JOIN.replace('join:', 'jion:')}")
    assert all("templates > Tags" in each for each in found)
