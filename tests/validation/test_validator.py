"""Rows validated by a mapping: the values to send, and every problem of every row with its location."""

from __future__ import annotations

import pytest

from importer.error_codes import ERROR_CODES
from importer.models import Problem
from tests.validation.checking import FIRST_ROW, HEAD, MAIL, check, codes, mapping_of, sent

GUID = "8eee83bb-0462-4d6b-b396-6afb9a4608f2"


@pytest.mark.parametrize(
    ("rule", "cell", "value"),
    [
        ("Title", "", None),
        ("Title", " ", " "),
        ("{field: Title, send_empty: true}", "", ""),
        ("{field: CustomData.Count, type: integer}", "", None),
        ("{field: CustomData.Count, type: integer, send_empty: true}", "", ""),
        ("{field: Title, default: none given}", "", "none given"),
        ("{field: Title, default: none given}", "given", "given"),
        ("{field: Title, default: none given}", " ", " "),
        ("{field: Status, default: new, values: {new: Open}}", "", "new"),
        ("{field: Status, default: new, values: {new: Open}}", "new", "Open"),
        ("{field: CustomData.Count, type: integer, default: '007'}", "", "7"),
    ],
)
def test_empty_cells_are_not_sent(rule: str, cell: str, value: str | None):
    """An empty cell is left out of the ticket, unless the rule has a default; a blank is not empty."""
    assert sent(rule, cell) == (value, [])


@pytest.mark.parametrize("blank", ["", " ", "\t", "\n", "\u00a0", " \r\n "])
def test_a_required_cell_must_not_be_blank(blank: str):
    """A required cell of blanks counts as missing."""
    assert sent("{field: Title, required: true}", blank)[1] == ["missing-value"]


@pytest.mark.parametrize(("cell", "problems"), [("", []), (" ", ["missing-value"]), ("x", [])])
def test_a_default_fills_a_required_empty_cell(cell: str, problems: list[str]):
    """A default replaces empty cells only: a blank required cell is still missing."""
    assert sent("{field: Title, required: true, default: none given}", cell)[1] == problems


@pytest.mark.parametrize("cell", [".", "0", "NA", "null", " x"])
def test_no_word_counts_as_an_empty_cell(cell: str):
    """Words such as NULL and N/A are values."""
    assert sent("{field: Title, required: true}", cell) == (cell, [])


@pytest.mark.parametrize(
    ("cell", "value", "problems"),
    [
        ("new", "Open", []),
        ("Open", "Open", []),
        ("NEW", "NEW", ["not-allowed"]),
        ("new ", "new ", ["not-allowed"]),
        ("gone", "gone", ["not-allowed"]),
        ("wip", "In Progress", []),
        ("", None, []),
    ],
)
def test_values_come_before_one_of(cell: str, value: str | None, problems: list[str]):
    """The old word becomes the new one, unlisted words stay, and then the choice is checked."""
    assert sent("{field: Status, values: {new: Open, wip: In Progress}, one_of: [Open, In Progress]}", cell) == (
        value,
        problems,
    )


def test_a_value_map_does_not_map_twice():
    """A mapped value is not looked up again."""
    assert sent("{field: Status, values: {a: b, b: a}}", "a") == ("b", [])


@pytest.mark.parametrize(
    ("options", "cell", "value", "problems"),
    [
        ("", "12345", "12345", []),
        ("", "123456", "123456", ["too-long"]),
        (", on_too_long: reject", "123456", "123456", ["too-long"]),
        (", on_too_long: truncate", "123456", "12345", []),
        (", on_too_long: truncate", "12345", "12345", []),
        (", on_too_long: truncate", "漢字漢字漢字", "漢字漢字漢", []),
        (", on_too_long: truncate", "😀😀😀😀😀😀", "😀😀😀😀😀", []),
        (", values: {a: abcde}", "a", "abcde", []),
    ],
)
def test_max_length_counts_characters(options: str, cell: str, value: str, problems: list[str]):
    """Too long values are refused, or cut if the rule says so; a character counts once, whatever its bytes."""
    assert sent(f"{{field: Title, max_length: 5{options}}}", cell) == (value, problems)


def test_max_length_applies_to_the_converted_value():
    """A number is as long as its value, not as its cell."""
    assert sent("{field: CustomData.Count, type: integer, max_length: 2}", "0000042") == ("42", [])


@pytest.mark.parametrize("character", ["\x00", "\ud800"])
@pytest.mark.parametrize("kind", ["text", "integer", "email", "date", "phone", "guid", "boolean", "number", "datetime"])
def test_what_json_cannot_carry_is_bad_text(kind: str, character: str):
    """NUL and half a surrogate pair are found in a field of any type, before a request fails for them."""
    assert sent(f"{{field: CustomData.Any, type: {kind}}}", f"a{character}b")[1][0] == "bad-text"


@pytest.mark.parametrize("cell", ["\x01\x1f\x7f", "\u2028", "\ufeff", "\U0001f600", "\ufffe"])
def test_every_other_character_is_sent(cell: str):
    """JSON can carry all other characters."""
    assert sent("Title", cell) == (cell, [])


def test_constants_are_in_every_ticket():
    """A constant is sent with each row, after the columns' fields."""
    text = f"{HEAD}columns: {{Mail: LeadDetail.EmailAddress}}\nconstants: {{Channel: Email, Tags: old}}\nignore: [ID]\n"
    checked = check(text, ["ID", "Mail"], ["1", MAIL], ["2", "otto@example.com"])
    assert [checked.ticket(position).fields[1:] for position in (0, 1)] == [(("Channel", "Email"), ("Tags", "old"))] * 2


LEADS = (
    f"{HEAD}columns:\n  Who: {{field: LeadId}}\n  Mail: {{field: LeadDetail.EmailAddress}}\n  Phone: LeadDetail.Phone\n"
    "  Name: LeadDetail.FirstName\n  Subject: Title\nignore: [ID]\n"
)
LEAD_COLUMNS = ("ID", "Who", "Mail", "Phone", "Name", "Subject")


def test_lead_details_are_not_sent_with_a_lead_id():
    """A row with a LeadId sends it beside the fields, without LeadDetail fields."""
    ticket = check(LEADS, LEAD_COLUMNS, ["1", GUID.upper(), MAIL, "123456", "Mina", "Help"]).ticket(0)
    assert (ticket.lead_id, ticket.fields) == (GUID, (("Title", "Help"),))


def test_without_a_lead_id_the_details_are_fields():
    """LeadDetail fields are sent among the fields, in the mapping's order."""
    ticket = check(LEADS, LEAD_COLUMNS, ["1", "", MAIL, "", "Mina", "Help"]).ticket(0)
    fields = (("LeadDetail.EmailAddress", MAIL), ("LeadDetail.FirstName", "Mina"), ("Title", "Help"))
    assert (ticket.lead_id, ticket.fields) == (None, fields)


def test_an_empty_lead_id_does_not_replace_the_details():
    """`send_empty` on LeadId does not send a ticket without a lead."""
    text = LEADS.replace("{field: LeadId}", "{field: LeadId, send_empty: true}")
    checked = check(text, LEAD_COLUMNS, ["1", "", MAIL, "", "", "Help"], ["2", "", "", "", "", "Help"])
    assert checked.ticket(0).lead_id is None
    assert dict(checked.ticket(0).fields)["LeadDetail.EmailAddress"] == MAIL
    assert codes(checked, 1) == ["missing-lead"]
    assert checked.lead_identifiers() == ([MAIL, ""], ["", ""])


@pytest.mark.parametrize("blank", ["", " ", "\u00a0"])
def test_a_row_without_a_lead_is_a_problem(blank: str):
    """Blanks name no lead, and a first name alone doesn't either."""
    checked = check(LEADS, LEAD_COLUMNS, ["1", "", blank, blank, "Mina", "Help"])
    assert codes(checked) == ["missing-lead"]
    assert "LeadId, LeadDetail.EmailAddress, LeadDetail.Phone" in checked.problems[0][0].message


def test_a_lead_id_must_be_a_guid_for_every_rule_type():
    """A wrong ID is found before it is sent, also without `type: guid`."""
    assert codes(check(LEADS, LEAD_COLUMNS, ["1", "4711", "", "", "", ""])) == ["not-a-guid"]


def test_constants_can_name_the_lead():
    """A constant gives one lead for all tickets."""
    text = f"{HEAD}columns: {{Subject: Title}}\nconstants: {{LeadId: {GUID}}}\nignore: [ID]\n"
    checked = check(text, ["ID", "Subject"], ["1", "Help"])
    assert (checked.ticket(0).lead_id, codes(checked)) == (GUID, [])


def test_lead_identifiers_are_normalised():
    """Rows that could create one lead twice share an identifier: case, blanks and punctuation don't matter."""
    rows = [
        ["1", "", "Mina@Example.COM ", "+91-98 765/43210", "", ""],
        ["2", "", "mina@example.com", "(91) 9876543210", "", ""],
        ["3", GUID, "mina@example.com", "9876543210", "", ""],
        ["4", "no-guid", "mina@example.com", "", "", ""],
    ]
    emails, phones = check(LEADS, LEAD_COLUMNS, *rows).lead_identifiers()
    assert emails == [MAIL, MAIL, "", ""]
    assert phones == ["919876543210", "919876543210", "", ""]


MANY = (
    f"{HEAD}columns:\n  Subject: {{field: Title, required: true}}\n  Mail: {{field: LeadDetail.EmailAddress, type: email}}\n"
    "  Due: {field: DueDate, type: datetime}\n  Count: {field: CustomData.Count, type: integer}\n"
    "  State: {field: Status, one_of: [Open], max_length: 4}\nignore: [ID]\n"
)
MANY_COLUMNS = ("ID", "Subject", "Mail", "Due", "Count", "State")


def test_all_problems_of_a_row_are_reported_at_once():
    """The user corrects each row once."""
    checked = check(MANY, MANY_COLUMNS, ["1", "", "nobody", "soon", "many", "Closed"])
    assert codes(checked) == [
        "missing-value", "not-an-email", "not-a-datetime", "not-an-integer", "not-allowed", "too-long",
    ]  # fmt: skip


def test_a_problem_says_where_it_is_and_what_to_do():
    """It has the spreadsheet's row number, sheet, column, value, and the catalogue's advice."""
    rows = [["1", "Help", MAIL, "", "1", "Open"], ["2", "Help", MAIL, "", "many", "Open"]]
    checked = check(MANY, MANY_COLUMNS, *rows, sheet="Tickets")
    assert dict(checked.problems) == {
        1: [
            Problem(
                code="not-an-integer",
                row=FIRST_ROW + 1,
                message="Count: 'many' is not a whole number",
                hint=ERROR_CODES["not-an-integer"].advice,
                sheet="Tickets",
                column="Count",
                value="many",
            )
        ]
    }


def test_long_values_are_shortened_in_messages():
    """A message stays one line, for any cell."""
    checked = check(MANY, MANY_COLUMNS, ["1", "Help", MAIL, "", "x" * 5_000, "Open"])
    assert len(checked.problems[0][0].value or "") == 80
    assert len(checked.problems[0][0].message) < 150


def test_invalid_rows_do_not_affect_valid_ones():
    """An invalid cell changes neither the other cells of its column nor their order."""
    rows = [
        [str(number), f"Help {number}", MAIL, "", cell, "Open"] for number, cell in enumerate(["07", "x", "+9", ""])
    ]
    checked = check(MANY, MANY_COLUMNS, *rows)
    counts = [dict(checked.ticket(position).fields).get("CustomData.Count") for position in range(4)]
    assert counts == ["7", "x", "9", None]
    assert list(checked.problems) == [1]


def test_no_rows_have_no_problems():
    """A header alone is valid."""
    checked = check(MANY, MANY_COLUMNS)
    assert (checked.size, dict(checked.problems), checked.lead_identifiers()) == (0, {}, ([], []))


def test_the_mappings_of_this_module_have_no_findings():
    """Warnings in these tests are therefore caused by the test's own change."""
    assert mapping_of(MANY).warnings == ()
