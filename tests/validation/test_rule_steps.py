"""The order in which a rule's keys are applied, and which value of a cell reaches the ticket."""

from __future__ import annotations

import dataclasses
import importlib

import pytest

from importer import mapping
from importer.errors import MappingError
from importer.mapping import RULE_KEYS, Rule
from importer.validation import check_mapping_values, rule_steps
from tests.validation.checking import HEAD, MAIL, check, codes, mapping_of, one_rule, sent

GUID = "8eee83bb-0462-4d6b-b396-6afb9a4608f2"


@pytest.mark.parametrize(
    ("rule", "cell", "value", "problems"),
    [
        ("{field: Title, strip: true}", " \t\u00a0a b\r\n", "a b", []),
        ("{field: Title, strip: true}", " \n", None, []),
        ("{field: Title, strip: true, send_empty: true}", " ", "", []),
        ("{field: Title, strip: true, required: true}", " ", None, ["missing-value"]),
        ("{field: Title, strip: true, default: none}", " ", "none", []),
        ("{field: Title, strip: true, required: true, default: none}", " ", "none", []),
        ("{field: CustomData.N, type: integer, strip: true}", " ", None, []),
        ("{field: Status, strip: true, values: {new: Open}}", " new ", "Open", []),
        ("{field: Title, strip: true, max_length: 3}", " abc ", "abc", []),
    ],
)
def test_strip_is_applied_first(rule: str, cell: str, value: str | None, problems: list[str]):
    """After it a blank cell is empty, for `required`, `default` and the ticket."""
    assert sent(rule, cell) == (value, problems)


@pytest.mark.parametrize(
    ("rule", "cell", "value", "problems"),
    [
        ("{field: Title, extract: email}", '"Müller, Mina" <mina@example.com>', "mina@example.com", []),
        ("{field: Title, extract: email}", "Otto Ö (otto@example.com)", "otto@example.com", []),
        ("{field: Title, extract: email}", "mailto:a.b+c@example.com, d@example.com.", "a.b+c@example.com", []),
        ("{field: Title, extract: email}", "mina@example.com.", "mina@example.com", []),
        ("{field: Title, extract: email}", "Mina", None, ["no-match"]),
        ("{field: Title, extract: email}", "", None, []),
        ("{field: Title, extract: email, required: true}", "", None, ["missing-value"]),
        ("{field: Title, extract: email, default: none}", "Mina", "none", []),
        ("{field: Title, extract: '^(.+?) <'}", "Ünal\nÖz <a@example.com>", "Ünal\nÖz", []),
        ("{field: Title, extract: '([\\w-]+)'}", "…Jan-Åke!", "Jan-Åke", []),
        ("{field: Title, extract: '^(\\S+)\\s\\W*'}", "Ö\u00a0x", "Ö", []),
        ("{field: Title, extract: 'x|(y)'}", "x", None, []),
        ("{field: Title, extract: '^\\S+(?: (.+))?$', required: true}", "Mina", None, ["missing-value"]),
        ("{field: Title, extract: '^(a)', required: true}", "b", None, ["no-match"]),
        ("{field: Title, extract: '(a)'}", " \n", None, []),
        ("{field: Title, join: '; '}", '["a", "", null, 1.10, 12345678901234567890, true, "b"]', "a; 1.10; 12345678901234567890; true; b", []),
        ("{field: Title, join: '; '}", "[not JSON]", "[not JSON]", []),
        ("{field: Title, join: '; '}", "[]", None, []),
        ("{field: Title, join: '; '}", "[[1]]", None, ["nested-value"]),
        ("{field: Title, pick: first}", '["", "a", "b"]', "a", []),
        ("{field: Title, pick: last, upper: true}", '["a", "b"]', "B", []),
        ("{field: Title, pick: last}", "plain", "plain", []),
        ("{field: Title, join: ', ', extract: email}", '["A <a@example.com>", "b@example.com"]', "a@example.com, b@example.com", []),
        ("{field: Title, join: ', ', extract: email}", '["A <a@example.com>", "b"]', "a@example.com", ["no-match"]),
        ("{field: Title}", '["a"]', '["a"]', []),
    ],
)  # fmt: skip
def test_parts_and_lists_are_taken_first(rule: str, cell: str, value: str | None, problems: list[str]):
    """`extract` finds a part of each value; `join` and `pick` take the values of a list."""
    assert (None if problems else value, problems) == (None if problems else sent(rule, cell)[0], sent(rule, cell)[1])


@pytest.mark.parametrize(
    ("rule", "cell", "value", "problems"),
    [
        ("{field: Title, lower: true}", "ÄB", "äb", []),
        ("{field: Title, upper: true}", "aß", "ASS", []),
        ("{field: Status, lower: true, values: {new: Open}, one_of: [Open]}", "NEW", "Open", []),
        ("{field: Status, lower: true, one_of: [open]}", "Open", "open", []),
        ("{field: Title, lower: true, default: None}", "", "None", []),
        ("{field: Title, upper: true, max_length: 2}", "aß", "ASS", ["too-long"]),
        ("{field: LeadDetail.LastName, type: email, lower: true}", "A@Example.COM", "a@example.com", []),
        ("{field: DueDate, type: date, format: '%d %b %Y', upper: true, one_of: [1 MAY 2024]}", "1 May 2024", "2024-05-01", []),
    ],
)  # fmt: skip
def test_case_is_applied_before_comparisons(rule: str, cell: str, value: str, problems: list[str]):
    """`values` and `one_of` see the changed cell; a default and a new value are sent as written."""
    assert sent(rule, cell) == (value, problems)


NOTHING = "values: {N/A: '', '-': '', new: Open}"


@pytest.mark.parametrize(
    ("rule", "cell", "value", "problems"),
    [
        (f"{{field: Status, {NOTHING}}}", "N/A", None, []),
        (f"{{field: Status, {NOTHING}, one_of: [Open]}}", "-", None, []),
        (f"{{field: Status, {NOTHING}, one_of: [Open]}}", "new", "Open", []),
        (f"{{field: Status, {NOTHING}, default: Closed}}", "-", "Closed", []),
        (f"{{field: Status, {NOTHING}, send_empty: true}}", "-", "", []),
        (f"{{field: Status, {NOTHING}, required: true}}", "-", None, ["missing-value"]),
        (f"{{field: Status, {NOTHING}, required: true}}", "", None, ["missing-value"]),
        (f"{{field: Status, {NOTHING}, required: true, default: Closed}}", "-", "Closed", []),
        ("{field: DueDate, type: date, values: {0000-00-00: ''}}", "0000-00-00", None, []),
        ("{field: DueDate, type: date, values: {0000-00-00: ''}, max_length: 10}", "2024-08-29", "2024-08-29", []),
    ],
)
def test_a_cell_that_values_maps_to_an_empty_text_is_empty(
    rule: str, cell: str, value: str | None, problems: list[str]
):
    """It is treated as an empty cell; no type is checked."""
    mapping = mapping_of(one_rule(rule))
    check_mapping_values(mapping)
    assert sent(rule, cell) == (value, problems)


def test_a_lead_that_values_maps_to_an_empty_text_is_missing():
    """The row names no lead, as if its cell were empty."""
    text = (
        f"{HEAD}columns:\n  Mail: {{field: LeadDetail.EmailAddress, type: email, values: {{none: ''}}}}\nignore: [ID]\n"
    )
    assert codes(check(text, ["ID", "Mail"], ["1", "none"])) == ["missing-lead"]


@pytest.mark.parametrize(
    ("rule", "cell", "value", "problems"),
    [
        ("{field: Title, html: to_text}", "<p>a</p><p>b</p>", "a\n\nb", []),
        ("{field: Title, html: to_text, required: true}", "<p>&nbsp;</p>", None, ["missing-value"]),
        ("{field: Title, html: to_text, default: none}", "<br>", "none", []),
        ("{field: Title, html: to_text, max_length: 3}", "<b>abc</b>", "abc", []),
        ("{field: Title, html: to_text, max_length: 3, on_too_long: truncate}", "<b>abcd</b>", "abc", []),
        ("{field: Title, html: to_text, upper: true}", "a&nbsp;&lt;b", "A <B", []),
        ("{field: Title, html: to_text, values: {a: b}}", "<i>a</i>", "b", []),
        ("{field: Title, html: to_text}", "<b>a\x00</b>", "<b>a\x00</b>", ["bad-text"]),
        ("{field: Title, html: to_text}", "<b>\ud800</b>", "<b>\ud800</b>", ["bad-text"]),
        ("{field: Title, html: from_text}", "a & b\nc", "<p>a &amp; b<br>c</p>", []),
        ("{field: Title, html: from_text, upper: true}", "a  b", "<p>A&nbsp; B</p>", []),
        ("{field: Title, html: from_text, values: {a: '<'}, one_of: ['<']}", "a", "<p>&lt;</p>", []),
        ("{field: Title, html: from_text, default: '1 < 2'}", "", "<p>1 &lt; 2</p>", []),
        ("{field: Title, html: from_text, max_length: 8}", "a", "<p>a</p>", []),
        ("{field: Title, html: from_text, max_length: 7}", "a", "<p>a</p>", ["too-long"]),
    ],
)
def test_html_is_converted_to_text_first_and_from_text_last(
    rule: str, cell: str, value: str | None, problems: list[str]
):
    """Other keys see the text; the length is that of the sent value, and unsendable characters are found."""
    assert sent(rule, cell) == (value, problems)


def test_an_ambiguous_date_is_a_problem_of_its_own():
    """It has its own error code, and other cells are not affected."""
    rule = "{field: DueDate, type: date, format: ['%Y%m%d', '%d%m%Y']}"
    checked = check(
        one_rule(rule), ["ID", "Mail", "Cell"], *(["1", MAIL, cell] for cell in ("20120110", "x", "20240829"))
    )
    assert [codes(checked, position) for position in range(3)] == [["ambiguous-date"], ["not-a-date"], []]
    assert dict(checked.ticket(2).fields)["DueDate"] == "2024-08-29"


@pytest.mark.parametrize(
    ("rule", "cell", "message"),
    [
        ("html: to_text, required: true", "<br>", "Cell: CustomData.N is required, and '<br>' contains no visible text"),
        ("type: number, decimal: ',', thousands: '.'", "1.23.4", "Cell: '1.23.4' is not a number such as 12,5, or grouped such as 1.234.567"),
        ("type: boolean, true_words: [ja], false_words: [nein]", "yes", "Cell: 'yes' is not a word for true (ja) or false (nein)"),
        ("type: phone, region: DE", "112", "Cell: '112' is not a phone number of DE, or a number that starts with + and a country code"),
        ("type: datetime, format: '%d.%m.%Y %H:%M %z'", "x", "Cell: 'x' is not a date such as 29.08.2024 10:36 +0000"),
        ("type: datetime, format: '%d.%m.%Y %H:%M', timezone: Europe/Berlin", "x", "Cell: 'x' is not a date such as 29.08.2024 10:36"),
        ("type: datetime, timezone: Europe/Berlin", "2024-03-31T02:30", "Cell: '2024-03-31T02:30' does not exist exactly once in Europe/Berlin"),
        ("values: {new: Open}, one_of: [Open]", "NEW ", "Cell: 'NEW ' is not one of Open; did you mean 'new'?"),
        ("type: date, format: ['%d.%m.%Y', '%Y%m%d']", "x", "Cell: 'x' is not a date such as 29.08.2024 or 20240829"),
    ],
)  # fmt: skip
def test_messages_name_what_the_rule_expects(rule: str, cell: str, message: str):
    """In the rule's own signs, words and formats."""
    checked = check(one_rule(f"{{field: CustomData.N, {rule}}}"), ["ID", "Mail", "Cell"], ["1", MAIL, cell])
    assert [problem.message for problem in checked.problems[0]] == [message]


# -- templates

TEMPLATES = (
    f"{HEAD}columns: {{Mail: LeadDetail.EmailAddress, Cell: {{field: Title, lower: true}}}}\n"
    "templates:\n  Tags: '{ID}/{Cell}'\n  CustomData.Place: 'Room {Room}'\n"
)
COLUMNS = ("ID", "Mail", "Cell", "Room")


def test_templates_use_raw_cells():
    """No rule of a column is applied to them, and they come after the columns' fields."""
    checked = check(TEMPLATES, COLUMNS, ["007", MAIL, " A", "{ID}"])
    expected = (("Title", " a"), ("Tags", "007/ A"), ("CustomData.Place", "Room {ID}"))
    assert (checked.ticket(0).fields[1:], codes(checked)) == (expected, [])


@pytest.mark.parametrize(("room", "place"), [("", None), (" ", "Room  "), ("0", "Room 0")])
def test_a_template_of_empty_cells_is_left_out(room: str, place: str | None):
    """The template's own words alone carry no information about the row."""
    checked = check(TEMPLATES, COLUMNS, ["1", MAIL, "", room])
    fields = dict(checked.ticket(0).fields)
    assert (fields["Tags"], fields.get("CustomData.Place")) == ("1/", place)


@pytest.mark.parametrize("character", ["\x00", "\ud800"])
def test_unsendable_characters_are_found_in_templates(character: str):
    """A cell that only a template uses is checked too; the problem names its column."""
    checked = check(TEMPLATES, COLUMNS, ["1", MAIL, "", character])
    ((problem,),) = checked.problems.values()
    assert (problem.code, problem.column) == ("bad-text", "Room")


def test_a_template_can_name_the_lead():
    """By an address made of cells; without cells the row names no lead."""
    text = f"{HEAD}columns: {{Cell: Title}}\ntemplates: {{LeadDetail.EmailAddress: '{{User}}@Example.com'}}\nignore: [ID]\n"
    checked = check(text, ["ID", "Cell", "User"], ["1", "a", "mina"], ["2", "b", ""])
    assert checked.lead_identifiers() == ([MAIL, ""], ["", ""])
    assert codes(checked, 1) == ["missing-lead"]


def test_a_lead_id_from_a_template_must_be_a_guid():
    """As one from a column."""
    text = f"{HEAD}columns: {{Cell: Title}}\ntemplates: {{LeadId: '{{A}}-{{B}}'}}\nignore: [ID]\n"
    first, _, rest = GUID.partition("-")
    checked = check(text, ["ID", "Cell", "A", "B"], ["1", "", first.upper(), rest], ["2", "", "1", "2"])
    assert (checked.ticket(0).lead_id, codes(checked, 1)) == (GUID, ["not-a-guid"])


# -- values in rules


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("{field: CustomData.N, type: integer, default: none}", "`default`: 'none' is not a whole number"),
        ("{field: CustomData.N, type: boolean, true_words: [ja], false_words: [nein], default: no}", "`default`: 'no' is not a word for true (ja) or false (nein)"),
        ("{field: CustomData.N, type: number, decimal: ',', values: {x: 1.5}}", "`values`: '1.5' is not a number such as 12,5"),
        ("{field: DueDate, type: date, format: '%d.%m.%Y', one_of: [01.01.2024, 2024-01-02]}", "`one_of`: '2024-01-02' is not a date such as 29.08.2024"),
        ("{field: LeadId, default: me}", "`default`: 'me' is not a GUID"),
        ('{field: Title, default: "a\\0b"}', r"`default`: 'a\x00b' contains a character that can't be sent"),
        ("{field: CustomData.N, type: phone, region: UK}", "'UK' is not a country code with phone numbers, such as IN, DE or GB"),
    ],
)  # fmt: skip
def test_invalid_values_of_a_rule_are_reported_before_any_row(rule: str, problem: str):
    """Its default, its new values and its choices must be valid for its type; the error names the line."""
    mapping = mapping_of(one_rule(rule))
    with pytest.raises(MappingError) as caught:
        check_mapping_values(mapping)
    (detail,) = caught.value.details
    assert detail.startswith(f"{mapping.path}:6: columns > Cell: {problem}")


@pytest.mark.parametrize(
    "rule",
    [
        "{field: CustomData.N, type: integer, default: '007', values: {x: '1'}, one_of: ['1', '007']}",
        "{field: CustomData.N, type: boolean, true_words: [ja], default: JA}",
        "{field: CustomData.N, type: phone, region: GB, default: 020 7946 0000}",
        "{field: Title, default: x, values: {a: b}}",
    ],
)
def test_valid_values_of_a_rule_are_accepted(rule: str):
    """In any form that a cell might have."""
    check_mapping_values(mapping_of(one_rule(rule)))


def test_an_invalid_value_is_reported_with_its_own_line():
    """Not with the line of its rule."""
    rule = "\n    field: CustomData.N\n    type: integer\n    values:\n      x: '1'\n      y: one\n    default: none"
    mapping = mapping_of(one_rule(rule))
    with pytest.raises(MappingError) as caught:
        check_mapping_values(mapping)
    lines = [detail.removeprefix(f"{mapping.path}:").partition(":")[0] for detail in caught.value.details]
    assert lines == ["11", "12"]


# -- constants


@pytest.mark.parametrize(
    ("constant", "problem"),
    [
        ('Status: "a\\0b"', r"Status: 'a\x00b' contains a character that can't be sent"),
        ("DueDate: tomorrow", "DueDate: 'tomorrow' is not a date and time such as 2024-08-29T10:36:23"),
        ("LeadId: nonsense", "LeadId: 'nonsense' is not a GUID"),
        ('LeadId: "  "', "LeadId: '  ' is not a GUID"),
        ("LeadDetail.Phone: x", "LeadDetail.Phone: 'x' is not a phone number of 6 to 15 digits"),
        ('LeadDetail.EmailAddress: " "', "LeadDetail.EmailAddress: ' ' is not an e-mail address"),
    ],
)
def test_invalid_constants_are_reported_before_any_row(constant: str, problem: str):
    """A constant must be valid for its field's documented type, and sendable."""
    mapping = mapping_of(
        f"{HEAD}columns: {{Phone: CustomData.Phone, Lead: LeadDetail.mx_Id}}\nconstants:\n"
        f"  LeadDetail.LastName: Meier\n  {constant}\n"
        + ("" if "Lead" in constant else "  LeadDetail.Phone: '123456'\n")
    )
    with pytest.raises(MappingError) as caught:
        check_mapping_values(mapping)
    assert caught.value.details == (f"{mapping.path}:7: constants > {problem}",)


def test_a_constant_is_sent_in_the_form_of_its_field():
    """In any form that a cell might have; a text stays as written."""
    text = (
        f"{HEAD}columns: {{Cell: Title}}\nconstants: {{DueDate: 2024-08-29 10:36, CustomData.Note: ' 1 ',"
        " LeadDetail.Phone: +49 (30) 123456}\nignore: [ID]\n"
    )
    check_mapping_values(mapping_of(text))
    assert check(text, ["ID", "Cell"], ["1", ""]).ticket(0).fields == (
        ("DueDate", "2024-08-29T10:36:00"),
        ("CustomData.Note", " 1 "),
        ("LeadDetail.Phone", "+4930123456"),
    )
    assert (
        check(
            f"{HEAD}columns: {{Cell: Title}}\nconstants: {{LeadId: '{{{GUID.upper()}}}'}}\nignore: [ID]\n",
            ["ID", "Cell"],
            ["1", ""],
        )
        .ticket(0)
        .lead_id
        == GUID
    )


def test_a_key_without_a_step_stops_the_program(monkeypatch: pytest.MonkeyPatch):
    """A new key of the mapping language can't be ignored: the package can't even be imported."""
    monkeypatch.setattr(mapping, "RULE_KEYS", RULE_KEYS | {"min_length"})
    with pytest.raises(NotImplementedError, match="no step of a rule applies the keys min_length"):
        importlib.reload(rule_steps)
    monkeypatch.undo()
    importlib.reload(rule_steps)


def test_a_rule_has_a_value_for_every_key():
    """`values_from` is a file whose pairs become part of `values`."""
    assert RULE_KEYS - {"values_from"} <= {field.name for field in dataclasses.fields(Rule)}


@pytest.mark.parametrize(
    ("cell", "text", "problems"),
    [
        ('["a", "", null, 1.10, true]', "<a, 1.10, true>", []),
        ("[]", None, []),
        ("[not JSON]", "<[not JSON]>", []),
        ('[{"a": 1}]', None, ["nested-value"]),
        ('{"a": 1}', '<{"a": 1}>', []),
    ],
)
def test_a_template_takes_all_values_of_a_list(cell: str, text: str | None, problems: list[str]):
    """They are separated by commas; a list without values counts as an empty cell."""
    mapping = f"{HEAD}columns:\n  Mail: LeadDetail.EmailAddress\ntemplates: {{Title: '<{{Cell}}>'}}\nignore: [ID]\n"
    checked = check(mapping, ["ID", "Mail", "Cell"], ["1", MAIL, cell])
    assert codes(checked) == problems
    assert problems or dict(checked.ticket(0).fields).get("Title") == text


def test_two_rules_of_a_column_report_their_own_problems():
    """A part that is missing is one problem, also if the field is required."""
    rules = "[{field: Title, extract: '#(.+)', required: true}, {field: CustomData.N, type: integer}]"
    checked = check(one_rule(rules), ["ID", "Mail", "Cell"], ["1", MAIL, "a"])
    assert codes(checked) == ["no-match", "not-an-integer"]
