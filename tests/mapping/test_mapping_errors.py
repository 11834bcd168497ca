from __future__ import annotations

import pytest

from tests.mapping.conftest import BASE, Problems

RULE = [  # the rule of column X in line 7, and what is wrong with it
    ("{}", "columns > X > field is missing; name the field that the column fills, such as `field: Title`"),
    ("", "columns > X must be a SchemaName or a rule such as `{field: Title}`, not nothing; to skip this column, list it under `ignore`"),
    ("[]", "columns > X must not be empty; write a value"),
    ("[[Tags]]", "columns > X > 1 must be a SchemaName or a rule such as `{field: Title}`, not a list"),
    ("[Tags, {field: Type, typ: text}]", "columns > X > 2: unknown key 'typ' (did you mean 'type'?)"),
    ("[Tags, Tags]", "columns: 'Tags' is filled already by columns > X in line 7; remove one of them"),
    ("{field: Tags, extract: abc}", "columns > X > extract: 'abc' has no group; put the part to send in brackets, or write `email`"),
    ("{field: Tags, extract: '(abc'}", "columns > X > extract: '(abc' is not a regular expression of RE2: missing ): (abc"),
    ("{field: Tags, join: ', ', pick: first}", "columns > X: `pick` sends one value and `join` sends all of them; remove one of the two keys"),
    ("''", "columns > X > field must not be empty; write a value"),
    ("{field: [Tags]}", "columns > X > field must be a text, not a list"),
    ("{field: {a: b}}", "columns > X > field must be a text, not `name: value` pairs"),
    ("{field: Tags, typ: text}", "columns > X: unknown key 'typ' (did you mean 'type'?)"),
    ("{field: Tags, zzzz: text}", "columns > X: unknown key 'zzzz'; the keys are field, type, required, default, extract, join, pick, values, values_from, one_of, max_length, on_too_long, send_empty, strip, lower, upper, html, format, locale, timezone, decimal, thousands, true_words, false_words, region"),
    ("{field: Tags, Required: true}", "columns > X: unknown key 'Required' (did you mean 'required'?)"),
    ("{field: Tags, type: strng}", "columns > X > type must be text, integer, number, boolean, date, datetime, email, phone or guid, not 'strng'"),
    ("{field: Tags, type: Text}", "columns > X > type must be text, integer, number, boolean, date, datetime, email, phone or guid, not 'Text' (did you mean 'text'?)"),
    ("{field: Tags, required: maybe}", "columns > X > required must be true or false, not 'maybe'"),
    ("{field: Tags, required: []}", "columns > X > required must be true or false, not a list"),
    ("{field: Tags, max_length: ten}", "columns > X > max_length must be a whole number, not 'ten'"),
    ("{field: Tags, max_length: 1.5}", "columns > X > max_length must be a whole number, not '1.5'"),
    ("{field: Tags, max_length: 0}", "columns > X > max_length must be at least 1, not '0'"),
    ("{field: Tags, max_length: 9999999999}", "columns > X > max_length must be at most 1000000000, not '9999999999'"),
    ("{field: Tags, max_length: {a: 1}}", "columns > X > max_length must be a whole number, not `name: value` pairs"),
    (f"{{field: Tags, max_length: {'9' * 5000}}}", f"columns > X > max_length must be a smaller whole number, not '{'9' * 57}…'"),
    ("{field: Tags, max_length: 5, on_too_long: cut}", "columns > X > on_too_long must be reject or truncate, not 'cut'"),
    ("{field: Tags, on_too_long: truncate}", "columns > X: `on_too_long` has no effect without `max_length`; add it"),
    ("{field: CustomData.N, type: integer, max_length: 5, on_too_long: truncate}", "columns > X: only texts can be truncated, not values of `type: integer`; remove `on_too_long` or `type`"),
    ("{field: Tags, send_empty: true, required: true}", "columns > X: `send_empty` sends empty cells and `required` rejects them; remove one of the two keys"),
    ("{field: Tags, send_empty: true, default: a}", "columns > X: `send_empty` has no effect, as `default` fills empty cells; remove one of the two keys"),
    ("{field: Tags, default: abc, max_length: 2}", "columns > X: 'abc' has 3 characters, more than `max_length: 2`"),
    ("{field: Tags, default: ''}", "columns > X > default must not be empty; write a value"),
    ("{field: Tags, default: [a]}", "columns > X > default must be a text, not a list"),
    ("{field: Tags, values: [a]}", "columns > X > values must hold `name: text` pairs, not a list"),
    ("{field: Tags, values: {}}", "columns > X > values must not be empty; write a value"),
    ("{field: Tags, values: {a: }}", "columns > X > values > a must be a text, not nothing; to write the word null, put it in quotes"),
    ("{field: Tags, values: {a: '', b: 'x'}, one_of: [y]}", "columns > X: 'x' is not in `one_of`"),
    ("{field: Tags, values: {'': a}}", "columns > X > values: a name must not be empty"),
    ("{field: Tags, values: {a: [b]}}", "columns > X > values > a must be a text, not a list"),
    ("{field: Tags, values: {a: b, a: c}}", "'a' is written twice, first in line 7; remove one of them"),
    ("{field: Tags, values: {a: Opn}, one_of: [Open]}", "columns > X: 'Opn' is not in `one_of` (did you mean 'Open'?)"),
    ("{field: Tags, default: open, one_of: [Open]}", "columns > X: 'open' is not in `one_of` (did you mean 'Open'?)"),
    ("{field: Tags, default: new, values: {new: Open}, one_of: [Open]}", "columns > X: 'new' is not in `one_of`"),
    ("{field: Tags, one_of: []}", "columns > X > one_of must not be empty; write a value"),
    ("{field: Tags, one_of: {a: b}}", "columns > X > one_of must be a text or a list of texts, not `name: value` pairs"),
    ("{field: Tags, one_of: [a, [b]]}", "columns > X > one_of > 2 must be a text, not a list"),
    ("{field: Tags, one_of: [a, b, a]}", "columns > X: `one_of` lists 'a' more than once"),
    ("{field: Tags, format: '%Y-%m-%d'}", "columns > X: `format` works only with `type: date` and `type: datetime`, not with `type: text`"),
    ("{field: DueDate, type: date, timezone: UTC}", "columns > X: `timezone` works only with `type: datetime`, not with `type: date`"),
    ("{field: DueDate, type: datetime, timezone: Asia/Kolkatta}", "columns > X: 'Asia/Kolkatta' is not a time zone (did you mean 'Asia/Kolkata'?)"),
    ("{field: DueDate, type: datetime, timezone: new york}", "columns > X: 'new york' is not a time zone (did you mean 'America/New_York'?)"),
    ("{field: DueDate, type: datetime, timezone: India}", "columns > X: 'India' is not a time zone; write it as Asia/Kolkata or UTC"),
    ("{field: DueDate, type: datetime, timezone: Asia/Bangalore}", "columns > X: 'Asia/Bangalore' is not a time zone; write it as Asia/Kolkata or UTC"),
    ("{field: DueDate, type: datetime, timezone: IST}", "columns > X: 'IST' is not a time zone; abbreviations and offsets are ambiguous, so write it as `Area/City`, such as Asia/Kolkata, or UTC"),
    ("{field: DueDate, type: datetime, timezone: UTC+5}", "columns > X: 'UTC+5' is not a time zone; abbreviations and offsets are ambiguous, so write it as `Area/City`, such as Asia/Kolkata, or UTC"),
    ("{field: DueDate, type: datetime, timezone: ../etc/passwd}", "columns > X: '../etc/passwd' is not a time zone; write it as Asia/Kolkata or UTC"),
    ("{field: DueDate, type: date, format: dd/mm/yyyy}", "columns > X: 'dd/mm/yyyy' is not a strptime format; write it like %d/%m/%Y or %Y-%m-%d %H:%M"),
    ("{field: DueDate, type: datetime, format: '%Y-%m-%d %H:%M %Z'}", "columns > X: '%Y-%m-%d %H:%M %Z' reads the name of a time zone (%Z), which is ambiguous; write the name as text, and set `timezone`"),
    ("{field: DueDate, type: date, format: '%d/%m'}", "columns > X: '%d/%m' has no year; add %Y or %y"),
    ("{field: DueDate, type: date, format: '%m/%Y'}", "columns > X: '%m/%Y' does not read a whole date; it needs year, month and day"),
    ("{field: DueDate, type: date, format: '%d/%m/%Q%Y'}", "columns > X: '%d/%m/%Q%Y' is not a format that strptime knows; write it like %d/%m/%Y"),
    ("{field: DueDate, type: date, format: '%d/%m/%Y%'}", "columns > X: '%d/%m/%Y%' is not a format that strptime knows; write it like %d/%m/%Y"),
    ("{field: DueDate, type: date, format: '%d/%d/%m/%Y'}", "columns > X: '%d/%d/%m/%Y' is not a format that strptime knows; write it like %d/%m/%Y"),
    ("{field: DueDate, type: datetime, format: '%d/%m/%Y %I:%M'}", "columns > X: '%d/%m/%Y %I:%M' reads only a part of the time: %I needs %p, and %M needs an hour"),
    ("title", "columns: 'title' has the wrong capital letters (did you mean 'Title'?)"),
    ("LEADID", "columns: 'LEADID' has the wrong capital letters (did you mean 'LeadId'?)"),
    ("LeadDetail.phone", "columns: 'LeadDetail.phone' has the wrong capital letters (did you mean 'LeadDetail.Phone'?)"),
    ("customdata.Region", "columns: 'customdata.Region': the prefix of a SchemaName must be `CustomData` or `LeadDetail`, not 'customdata' (did you mean 'CustomData.Region'?)"),
    ("Xyz.Region", "columns: 'Xyz.Region': the prefix of a SchemaName must be `CustomData` or `LeadDetail`, not 'Xyz'"),
    ("Due Date", "columns: 'Due Date' is not a SchemaName; write `Name`, `CustomData.Name` or `LeadDetail.Name` (did you mean 'DueDate'?)"),
    ("CustomData.", "columns: 'CustomData.' is not a SchemaName; write `Name`, `CustomData.Name` or `LeadDetail.Name`"),
    ("Title", "columns: 'Title' is filled already by columns > Subject in line 5; remove one of them"),
    ("!important", "the YAML tag '!important' is not part of the mapping language; put a text that starts with '!' in quotes"),
    ("!!python/object/apply:os.system [x]", "the YAML tag 'tag:yaml.org,2002:python/object/apply:os.system' is not part of the mapping language; put a text that starts with '!' in quotes"),
]  # fmt: skip

SECTION = [  # line 7 and on of a mapping, and its one problem
    ("colums: {}", "7: unknown key 'colums' (did you mean 'columns'?)"),
    ("include: other.yaml", "7: include: 'other.yaml': there is no such file; check its name and folder"),
    ("source: again", "7: 'source' is written twice, first in line 2; remove one of them"),
    ("<<: {duplicates: first}", "7: merging (<<) is not part of the mapping language; write the keys out"),
    ("? [a, b]\n: c", "7: a list or `name: value` pairs can't be a name; write one text before the colon"),
    ("duplicates: frist", "7: duplicates must be reject or first, not 'frist' (did you mean 'first'?)"),
    ("duplicates: [first]", "7: duplicates must be reject or first, not a list"),
    ("constants: {Subject line: a}", "7: constants: 'Subject line' is not a SchemaName; write `Name`, `CustomData.Name` or `LeadDetail.Name`"),
    ("constants: {Title: a}", "7: constants: 'Title' is filled already by columns > Subject in line 5; remove one of them"),
    ("constants: {channel: a}", "7: constants: 'channel' has the wrong capital letters (did you mean 'Channel'?)"),
    ("constants: {Channel: }", "7: constants > Channel must be a text, not nothing; to write the word null, put it in quotes"),
    ("constants: [Channel]", "7: constants must hold `name: text` pairs, not a list"),
    ("key_field: CustomData.LegacyID", "7: key_field: no column, constant or template fills 'CustomData.LegacyID'; map the key column to it"),
    ("key_field: Titel", "7: key_field: no column, constant or template fills 'Titel' (did you mean 'Title'?)"),
    ("ignore: [Subject]", "7: ignore: 'Subject' is used by `columns` in line 5, so it can't be ignored; remove one of them"),
    ("ignore:\n- A\n- B\n- A", "10: ignore: 'A' is listed twice, first in line 8; remove one of them"),
    ("ignore: {A: B}", "7: ignore must be a text or a list of texts, not `name: value` pairs"),
    ("attachments: {columns: [Subject]}", "7: attachments: 'Subject' is used by `columns` in line 5, and names of files can't fill a field; remove one of them"),
    ("attachments: {columns: [F]}\nignore: [F]", "8: ignore: 'F' is used by `attachments` in line 7, so it can't be ignored; remove one of them"),
    ("attachments: {max_files: 2}", "7: attachments: add `columns` whose cells name files, or the `folder` of each row's files"),
    ("attachments: {folder: files, glob: true}", "7: attachments > folder: 'files' names no column in braces, so all tickets would have the same files; add one such as `{ID}`"),
    ("attachments: {folder: '../{ID}'}", "7: attachments > folder: '../{ID}' must not lead upwards with `..`; set `root` to the folder above"),
    ("attachments: {folder: '{ID'}", "7: attachments > folder: '{ID' has a single '{'; close the braces, or write a literal brace twice"),
    ("attachments: {folder: '{ID}', glob: true}", "7: attachments: `glob` has no effect without `columns` whose cells name files; remove it"),
    ("attachments: {folder: '{ID}', separator: ','}", "7: attachments: `separator` has no effect without `columns` whose cells name files; remove it"),
    ("attachments: Files", "7: attachments must hold `name: value` pairs, not 'Files'"),
    ("attachments: {columns: []}", "7: attachments > columns must not be empty; write a value"),
    ("attachments: {columns: F, max_size: 1 MB}", "7: attachments: unknown key 'max_size' (did you mean 'max_file_size'?)"),
    ("attachments: {columns: F, max_file_size: 20 MiB}", "7: attachments > max_file_size: '20 MiB' is not a size; write it like `20 MB`, `500 KB` or `1 GB`"),
    ("attachments: {columns: F, max_file_size: 0}", "7: attachments > max_file_size: '0' is not a size; write it like `20 MB`, `500 KB` or `1 GB`"),
    ("attachments: {columns: F, max_file_size: [1]}", "7: attachments > max_file_size: a list is not a size; write it like `20 MB`, `500 KB` or `1 GB`"),
    ("attachments: {columns: F, max_files: 0}", "7: attachments > max_files must be at least 1, not '0'"),
    ("attachments: {columns: F, extensions: ['*.pdf']}", "7: attachments > extensions > 1: '*.pdf' is not a file extension; write only its letters and digits, such as `pdf`"),
    ("attachments: {columns: F, separator: ''}", "7: attachments > separator must not be empty; write a value"),
    ('attachments: {columns: F, root: "a\\nb"}', "7: attachments > root: 'a\\nb' must not hold control characters or line breaks"),
    (
        "manifest: {dialect: postgres-copy, quote: '#'}",
        "7: manifest: `quote` can't be set with `dialect: postgres-copy`, which has its own; remove one",
    ),
    ("manifest: {delimiter: '||', comment: '|'}", "7: manifest: `delimiter` and `comment` can't begin with the same character"),
    ("manifest: {quote: ab}", "7: manifest > quote: 'ab' must be one character that is neither a letter, a digit nor a blank"),
    ("manifest: {dialect: excel}", "7: manifest > dialect must be 'postgres-copy', not 'excel'"),
    ("manifest: {delimiter: ab}", "7: manifest > delimiter: 'ab' is not a delimiter; write characters such as `;` or `||`, `\\x01`, or `tab`"),
    ("manifest: {delimiter: '\"'}", "7: manifest > delimiter: '\"' is not a delimiter; write characters such as `;` or `||`, `\\x01`, or `tab`"),
    ("manifest: {encoding: utf-88}", "7: manifest > encoding: 'utf-88' is not a known encoding; write it like `utf-8` or `cp1252`"),
    ("manifest: {encoding: hex}", "7: manifest > encoding: 'hex' is not a known encoding; write it like `utf-8` or `cp1252`"),
    ("manifest: {header_row: 0}", "7: manifest > header_row must be at least 1, not '0'"),
    ("manifest: {shet: A}", "7: manifest: unknown key 'shet' (did you mean 'sheet'?)"),
]  # fmt: skip

HEAD = [  # a part of BASE, what stands there instead, the problems
    ("version: 1\n", "", ["1: version is missing; write `version: 1`"]),
    ("version: 1", "version: 2", ["1: version must be 1, not '2'"]),
    ("source: old-helpdesk", "source:", ["2: source is missing; name the system that the tickets come from, such as `source: old-helpdesk`"]),
    ("old-helpdesk", "[a]", ["2: source must be a text, not a list"]),
    ("old-helpdesk", "'-a'", ["2: source: '-a' must start with a letter or a digit"]),
    ("old-helpdesk", '"a\\tb"', ["2: source: 'a\\tb' must not hold control characters or line breaks"]),
    ("old-helpdesk", "x" * 101, [f"2: source: '{'x' * 57}…' is longer than 100 characters; shorten it"]),
    ("key: ID", "key: []", ["3: key must not be empty; write a value"]),
    ("key: ID", "key: [ID, ID]", ["3: key: 'ID' is listed twice, first in line 3; remove one of them"]),
    ("key: ID", "key: {a: b}", ["3: key must be a text or a list of texts, not `name: value` pairs"]),
    ("key: ID", "keys: ID", ["1: key is missing; name the column that identifies a row, such as `key: Legacy ID`", "3: unknown key 'keys' (did you mean 'key'?)"]),
    ("LeadDetail.EmailAddress", "Tags", ["4: columns: every ticket needs a lead; map a column to LeadId, LeadDetail.EmailAddress or LeadDetail.Phone"]),
    ("  Mail:", "  Subject:", ["4: columns: every ticket needs a lead; map a column to LeadId, LeadDetail.EmailAddress or LeadDetail.Phone", "6: 'Subject' is written twice, first in line 5; remove one of them"]),
    ("  Subject", "  ''", ["5: columns: a name must not be empty"]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "problem"), RULE)
def test_error_in_a_rule_is_reported_once(problems: Problems, rule: str, problem: str):
    """With its line, and without problems that follow from it."""
    assert problems(f"{BASE}  X: {rule}\n") == [f"7: {problem}"]


@pytest.mark.parametrize(("section", "problem"), SECTION)
def test_error_outside_the_rules_is_reported_once(problems: Problems, section: str, problem: str):
    """With its line."""
    assert problems(f"{BASE}{section}\n") == [problem]


@pytest.mark.parametrize(("part", "instead", "expected"), HEAD)
def test_missing_required_keys_are_reported_together(problems: Problems, part: str, instead: str, expected: list[str]):
    """Version, source, key, columns and a lead."""
    assert problems(BASE.replace(part, instead)) == expected


@pytest.mark.parametrize("columns", ["", "columns:", "columns: {}", "columns: []", "columns: {A: }"])
def test_missing_columns_hide_problems_that_follow(problems: Problems, columns: str):
    (problem,) = problems(f"version: 1\nsource: a\nkey: ID\n{columns}\nkey_field: Tags\n")
    assert "columns" in problem


def test_all_problems_are_reported_in_the_order_of_the_file(problems: Problems):
    """Errors of form do not hide errors of meaning."""
    found = problems(
        """\
version: 3
source: ""
key: ID
colums: x
columns:
  Subject: {field: Title, max_length: abc}
  Subject: Title
  Again: title
  State: {field: Status, values: {new: Opn}, one_of: [Open]}
  Due: {field: DueDate, type: datetme, format: "dd/mm"}
  Due too: {field: DueDate}
  X:
attachments: {columns: [Subject], max_file_size: many}
ignore: [State]
key_field: CustomData.Gone
"""
    )
    assert [int(problem.split(":")[0]) for problem in found] == [1, 2, 4, 6, 7, 8, 9, 10, 10, 11, 12, 13, 13, 14]
    assert not any("lead" in problem or "key_field" in problem for problem in found), "a rule was lost: no conclusions"


HIDDEN = [
    (
        "  D: {field: DueDate, typ: x, type: datetime, format: 'dd.mm', timezone: Asia/Calcuta}\n",
        ["columns > D: 'Asia/Calcuta'", "columns > D: 'dd.mm'", "columns > D: unknown key 'typ'"],
    ),
    (
        "  D: {field: Tags, values: {a: ~}, one_of: [Opne], default: Open, max_length: 3, lower: true}\n",
        ["columns > D > values > a must", "columns > D: 'Open' has 4 characters", "columns > D: 'Open' is not in"],
    ),
    (
        "constants: {priority: High, Status: , 'Stat us': x}\n",
        ["constants > Status must", "constants: 'Stat us'", "constants: 'priority'"],
    ),
    (
        "templates: {priority: '{ID}', Status: x, 'Stat us': '{ID}'}\n",
        ["templates > Status: 'x'", "templates: 'Stat us'", "templates: 'priority'"],
    ),
    ("attachments: {columns: [F, ~, F]}\n", ["attachments > columns > 2 must", "attachments: 'F' is listed twice"]),
    ("ignore:\n- F\n-\n- Subject\n", ["ignore > 2 must", "ignore: 'Subject' is used by `columns`"]),
    (
        "attachments: {columns: [F, ~]}\nignore: [F, ~]\n",
        ["attachments > columns > 2 must", "ignore > 2 must", "ignore: 'F' is used by `attachments`"],
    ),
    ("manifest: {header_row: x, delimitr: y}\n", ["manifest > header_row must", "manifest: unknown key 'delimitr'"]),
    ("  X: !foo Title\n  Y: {feld: 3}\n", ["the YAML tag '!foo' is", "columns > Y: unknown key 'feld'"]),
]


@pytest.mark.parametrize(("text", "expected"), HIDDEN)
def test_error_hides_no_other_error(problems: Problems, text: str, expected: list[str]):
    """Only the wrong key, name or item is left out of further checks."""
    found = [problem.partition(": ")[2] for problem in problems(f"{BASE}{text}")]
    assert len(found) >= len(expected)
    assert not [each for each in found if "\\x00" in each], "what stands in for a mistake is none"
    assert not [start for start in expected if not any(each.startswith(start) for each in found)]


def test_error_in_a_list_keeps_the_lines_of_other_items(problems: Problems):
    found = problems(BASE.replace("key: ID", "key:\n- ID\n-\n- ID"))
    assert [int(problem.partition(":")[0]) for problem in found] == [5, 6]
    assert "in line 4" in found[1]


def test_rule_with_an_error_still_fills_its_field(problems: Problems):
    """Other rules are checked accordingly."""
    found = problems(f"{BASE}  X: {{field: Tags, type: no}}\nkey_field: Tag\n")
    assert len(found) == 2
    assert found[1] == "8: key_field: no column, constant or template fills 'Tag' (did you mean 'Tags'?)"


@pytest.mark.parametrize(
    "written",
    [
        "%Y-%m-%d",
        "%d.%m.%y",
        "%Y%m%d%H%M%S",
        "%b %d, %Y %I:%M %p",
        "%Y-%m-%dT%H:%M:%S%z",
        "%G-W%V-%u",
        "%d/%m/%Y %Hh",
        "%Y-%j",
        "100%% %Y-%m-%d",
    ],
)
def test_formats_of_whole_dates_are_accepted(problems: Problems, written: str):
    """As strptime reads them."""
    found = problems(f'{BASE}  X: {{field: DueDate, type: datetime, format: "{written}"}}\nzzz: only this is wrong\n')
    assert [each.partition(";")[0] for each in found] == ["8: unknown key 'zzz'"]


def test_section_without_a_required_key_is_checked_completely(problems: Problems):
    found = problems(f"{BASE}attachments: {{max_sise: 1, max_files: x}}\n")
    assert len(found) == 3
    assert {problem.split(":")[0] for problem in found} == {"7"}


def test_problem_is_one_line(problems: Problems):
    """Also if it quotes a line break."""
    assert problems(f'{BASE}  "Due\\ndate": {{field: DueDate, type: date, format: x}}\n') == [
        r"7: columns > Due\ndate: 'x' is not a strptime format; write it like %d/%m/%Y or %Y-%m-%d %H:%M"
    ]


def test_half_surrogate_is_an_error(problems: Problems):
    """As a name and as a value."""
    half = "must not hold half a character, such as \\ud83d without its second half; write the whole character"
    assert problems(f'{BASE}  "\\ud83d": Tags\n  Tags: "\\ud83d"\n') == [
        f"7: columns: a name {half}",
        f"8: columns > Tags > field {half}",
    ]
    assert problems(BASE.replace("key: ID", 'key: "\\ud83d"')) == [f"3: key > 1 {half}"]
    assert problems(f'{BASE}attachments: {{columns: "\\ud83d"}}\n') == [f"7: attachments > columns > 1 {half}"]
