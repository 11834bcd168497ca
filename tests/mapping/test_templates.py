"""Templates: their form, and the checks of a mapping with templates."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import MappingError
from importer.mapping import Section, Template, check_columns
from tests.mapping.conftest import BASE, Load, Problems

CELLS = {"A": "1", "B c": "", "ID": "{A}"}


@pytest.mark.parametrize(
    ("text", "filled", "columns"),
    [
        ("{A}", "1", ("A",)),
        ("x{A}y{ID}z", "x1y{A}z", ("A", "ID")),
        ("{A}{B c}{A}", "11", ("A", "B c")),
        ("{{{A}}}", "{1}", ("A",)),
        ("{{A}} {ID}", "{A} {A}", ("ID",)),
        ("}}{{ {A}", "}{ 1", ("A",)),
        ("a\n{A}\n", "a\n1\n", ("A",)),
    ],
)
def test_template_is_filled_with_cells(text: str, filled: str, columns: tuple[str, ...]):
    """Doubled braces are braces, and cells are not templates."""
    template = Template.parse(text)
    assert (template.fill(CELLS), template.columns, template.text) == (filled, columns, text)


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=5), st.sampled_from([*CELLS, None])), max_size=6))
def test_any_text_can_be_a_template(parts):
    """With doubled braces, between any cells."""
    written = "".join(re.sub(r"[{}]", r"\g<0>\g<0>", text) + (f"{{{name}}}" if name else "") for text, name in parts)
    expected = "".join(text + (CELLS[name] if name else "") for text, name in parts)
    assert Template.parse(written).fill(CELLS) == expected


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("'{A'", "'{A' has a single '{'; close the braces, or write a literal brace twice"),
        ("'A}'", "'A}' has a single '}'; close the braces, or write a literal brace twice"),
        ("'{A{B}}'", "'{A{B}}' has a single '{'; close the braces, or write a literal brace twice"),
        ("'{} {A}'", "'{} {A}' has braces without a column; name a column in them, or write a literal brace twice"),
        ("A", "'A' names no column in braces; put a text that is the same in every ticket under `constants`"),
        ("'{{A}}'", "'{{A}}' names no column in braces; put a text that is the same in every ticket under `constants`"),
    ],
)  # fmt: skip
def test_wrong_braces_are_errors(problems: Problems, template: str, problem: str):
    """Single, empty, or none at all."""
    assert problems(f"{BASE}templates: {{CustomData.Source: {template}}}\n") == [
        f"7: templates > CustomData.Source: {problem}"
    ]


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        (
            "templates: {Title: '{A}'}",
            "7: templates: 'Title' is filled already by columns > Subject in line 5; remove one of them",
        ),
        (
            "constants: {Tags: a}\ntemplates: {Tags: '{A}'}",
            "8: templates: 'Tags' is filled already by constants > Tags in line 7; remove one of them",
        ),
        ("templates: {Due Date: '{A}'}", "7: templates: 'Due Date' is not a SchemaName"),
        ("templates: {title: '{A}'}", "7: templates: 'title' has the wrong capital letters (did you mean 'Title'?)"),
        (
            "templates: {Tags: '{A}'}\nignore: [A]",
            "8: ignore: 'A' is used by `templates` in line 7, so it can't be ignored; remove one of them",
        ),
        ("templates: ['{A}']", "7: templates must hold `name: text` pairs, not a list"),
        (
            "templates: {Tags: {A}}",
            "7: templates > Tags must be a text, not `name: value` pairs; put a text with braces",
        ),
        (
            "templates:\n  Tags: {A}/{ID}",
            "8: not valid YAML: while parsing a block mapping, expected <block end>, but found",
        ),
        ("templates: {Tags: }", "7: templates > Tags must be a text, not nothing"),
    ],
)
def test_fields_of_templates_are_checked(problems: Problems, section: str, problem: str):
    """A field is filled once, has a valid name, and its columns are not ignored."""
    (found,) = problems(f"{BASE}{section}\n")
    assert found.startswith(problem)


def test_a_template_may_name_any_column_and_one_column_often(load: Load):
    """The key, a mapped column, one of another template, or one with files."""
    mapping = load(
        f"{BASE}templates:\n  Tags: '{{ID}}/{{Subject}}/{{A}}/{{ID}}'\n  CustomData.A: '{{A}} {{F}}'\n"
        "attachments: {columns: F}\n"
    )
    assert [name for name, _ in mapping.templates] == ["Tags", "CustomData.A"]
    assert [(mention.column, mention.line) for mention in mapping.mentions if mention.section is Section.TEMPLATES] == [
        ("ID", 8), ("Subject", 8), ("A", 8), ("A", 9), ("F", 9),
    ]  # fmt: skip


def test_template_without_quotes_has_a_hint(problems: Problems):
    """Braces at the start of a value have a meaning in YAML."""
    for template in ("{A}/{ID}", "{A} b", "{A}-{ID} # c"):
        (found,) = problems(f"{BASE}templates:\n  Tags: {template}\n")
        assert found.endswith("; put a text with braces in quotes")
    (found,) = problems(f"{BASE}  X: {{field: Tags}} b\n")
    assert "braces" not in found


def test_columns_of_templates_need_no_rule(load: Load):
    """A missing one is an error with a similar name."""
    mapping = load(f"{BASE}templates: {{Tags: '{{Sytem}}'}}\n")
    check_columns(mapping, ["ID", "Subject", "Mail", "Sytem"])
    with pytest.raises(MappingError) as caught:
        check_columns(mapping, ["ID", "Subject", "Mail", "System"])
    assert [detail.split(": ", 1)[1] for detail in caught.value.details] == [
        "the manifest's column 'System' is neither mapped nor ignored (did you mean 'Sytem'?)",
        "templates: the manifest has no column 'Sytem' (did you mean 'System'?)",
    ]


def test_template_may_fill_the_lead(load: Load):
    text = BASE.replace("  Mail: LeadDetail.EmailAddress\n", "")
    mapping = load(f"{text}templates: {{LeadDetail.EmailAddress: '{{User}}@example.com'}}\n")
    assert mapping.templates[0][0] == "LeadDetail.EmailAddress"


def test_template_of_the_whole_key_may_be_the_key_field(load: Load):
    """A template with a part of the key has a warning."""
    text = BASE.replace("key: ID", "key: [System, ID]") + "key_field: Tags\n"
    assert load(f"{text}templates: {{Tags: '{{System}}-{{ID}}'}}\n").warnings == ()
    (doubt,) = load(f"{text}templates: {{Tags: '{{ID}}'}}\n").warnings
    assert "does not identify a ticket" in doubt
