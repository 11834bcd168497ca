"""The changes of the mapping that would solve a kind of problem: each is tried by checking the manifest with it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from importer import validate
from importer.account_fields import AccountField, AccountFields
from importer.errors import MappingError
from importer.mapping import load_mapping
from importer.models import Problem
from importer.reports import ProblemTally
from importer.reports.mapping_fixes import with_fixes
from importer.reports.problem_tally import MappingFix, ProblemKind
from importer.reports.summary import Validation
from importer.runtime.events import ProblemsFound

HEADER = "version: 1\nsource: s\nkey: ID\ncolumns:\n  ID: CustomData.Id\n  Mail: {field: LeadDetail.EmailAddress, type: email}\n"


class Desk:
    """A folder with a manifest of the columns ID, Mail and X, and mappings for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, rule: str, cells: Sequence[str], *, more: str = "", mails: Sequence[str] = ()) -> None:
        """Write a mapping with a rule of the column X, and a manifest with its cells."""
        (self.folder / "mapping.yaml").write_text(f"{HEADER}  X: {rule}\n{more}", encoding="utf-8")
        with (self.folder / "tickets.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["ID", "Mail", "X"])
            for number, cell in enumerate(cells):
                writer.writerow([number, mails[number] if mails else f"a{number}@example.com", cell])

    def check(self, mapping: str = "mapping.yaml") -> Validation:
        """Check the manifest with a mapping."""
        return validate(self.folder / "tickets.csv", self.folder / mapping)

    def kind(self, code: str) -> ProblemKind:
        """The problems of one code, of which there is one kind."""
        (kind,) = (kind for kind in self.check().kinds if kind.code == code)
        return kind

    def check_with(self, fix: MappingFix, *words: str) -> Validation:
        """Check with a mapping that includes the present one and has the lines of a fix; ``words`` fill its gaps."""
        lines, left = [], list(words)
        for line in fix.lines:
            name, colon, remark = line.partition(":  # ")
            is_gap = colon and name.strip() != "values"
            lines.append(f"{name}: {left.pop(0)}  # {remark}" if is_gap else line)
        assert len(words) == fix.gaps
        assert not left
        text = "\n".join(["version: 1", "include: mapping.yaml", *lines, ""])
        (self.folder / "fixed.yaml").write_text(text, encoding="utf-8")
        return self.check("fixed.yaml")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("rule", "cells", "code", "expected"),
    [
        ("{field: CustomData.N, type: number}", ["1,5", "1.234,50", "7"], "not-a-number", ('decimal: ","', 'thousands: "."')),
        ("{field: CustomData.N, type: integer}", ["1'234", "12", "-"], "not-an-integer", ("thousands: \"'\"", '"-": ""')),
        ("{field: CustomData.D, type: date}", ["29/08/2024", "2024-08-29", "n/a", ""], "not-a-date",
         ('format: ["%Y-%m-%d", "%d/%m/%Y"]', 'n/a: ""')),
        ('{field: DueDate, type: datetime, format: "%d.%m.%Y %H:%M"}', ["29.08.2024 10:36", "2024-08-29T10:36:23"],
         "not-a-datetime", ('format: ["%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%S"]',)),
        ("{field: CustomData.B, type: boolean}", ["ja", "nein", "yes"], "not-a-boolean", ("ja: true", "nein: false")),
        ("{field: CustomData.Mail, type: email}", ["Ann <ann@example.com>", "b@example.com"], "not-an-email", ("extract: email",)),
        ("{field: CustomData.Tel, type: phone}", ["unknown", "0301234567"], "not-a-phone", ('unknown: ""',)),
        ("{field: Title, max_length: 3, type: text}", ["abcd", "abc"], "too-long", ("on_too_long: truncate",)),
        ("{field: Status, one_of: [Open, Resolved], values: {wip: Open}}", ["Solved", "open ", "wip", "Open"], "not-allowed",
         ("wip: Open", "Solved: Resolved", '"open ": Open', "one_of: [Open, Resolved]")),
    ],
)  # fmt: skip
def test_a_complete_change_solves_all_problems(
    desk: Desk, rule: str, cells: list[str], code: str, expected: tuple[str, ...]
) -> None:
    """With the lines of the change, no row has a problem; the rest of the rule is as before."""
    desk.write(rule, cells)
    fix = desk.kind(code).fix
    assert fix is not None
    assert fix.where == "replace the rule of 'X' in mapping.yaml, line 7"
    for text in expected:
        assert any(line.strip().startswith(text) for line in fix.lines), fix.lines
    assert desk.check_with(fix).rejected == 0


@pytest.mark.parametrize(
    ("rule", "cells", "code", "words"),
    [
        ("{field: Status, one_of: [Open, Closed]}", ["wip", "??", "Open"], "not-allowed", ["Open", "Closed"]),
        ("{field: CustomData.B, type: boolean}", ["x", "no"], "not-a-boolean", ['"true"']),
        ("{field: Title, required: true}", ["", "a"], "missing-value", ["No subject"]),
        ("{field: Title, extract: '^(a+)'}", ["b", "aa"], "no-match", ["nothing"]),
        ("{field: CustomData.D, type: date}", ["01/02/2024", "03/04/2024"], "not-a-date", ['"%d/%m/%Y"']),
    ],
)
def test_a_change_with_gaps_solves_all_problems_once_they_are_filled(
    desk: Desk, rule: str, cells: list[str], code: str, words: list[str]
) -> None:
    """What only the user can know is a gap with a remark that says what to write."""
    desk.write(rule, cells)
    fix = desk.kind(code).fix
    assert fix is not None
    assert any("# write " in line for line in fix.lines)
    assert desk.check_with(fix, *words).rejected == 0


def test_words_of_any_characters_are_read_back(desk: Desk) -> None:
    """Whatever a cell has, its line in the block means exactly this cell."""
    words = ["a: b", "- x", "# y", "'q'", '"d"', "null", "~", "*a", "&b", "{c}", "[d", "e\tf", " g", "h\u200b", "i\x1b", "j\nk",
             "\u2028", "? l", "%m", "@n", "yes", "1", "\\", "ж"]  # fmt: skip
    desk.write("{field: Status, one_of: [Open]}", words)
    fix = desk.kind("not-allowed").fix
    assert fix is not None
    assert desk.check_with(fix, *["Open"] * fix.gaps).rejected == 0


def test_a_gap_that_is_not_filled_changes_nothing(desk: Desk) -> None:
    """A word without its new value is an error of the mapping, so that a forgotten one is never sent or dropped."""
    desk.write("{field: Status, one_of: [Open]}", ["wip"])
    fix = desk.kind("not-allowed").fix
    assert fix is not None
    with pytest.raises(MappingError) as error:
        desk.check_with(replace(fix, gaps=0, lines=tuple(line.replace("#", " #") for line in fix.lines)))
    assert "columns > X > values > wip must be a text, not nothing" in error.value.details[0]


def test_all_rules_of_a_column_are_in_one_block(desk: Desk) -> None:
    """A block replaces all rules of its column, so it has those without a problem, and solves all kinds of problems."""
    rules = "[{field: CustomData.Mail, type: email, required: true}, {field: CustomData.Name, one_of: [x]}]"
    desk.write(rules, ["", "Ann <a@example.com>", "x"])
    kinds = desk.check().kinds
    assert {kind.code for kind in kinds} == {"missing-value", "not-an-email", "not-allowed"}
    (fix,) = {kind.fix for kind in kinds}
    assert fix is not None
    assert fix.lines == (
        "columns:",
        "  X:",
        "    - field: CustomData.Mail",
        "      type: email",
        "      required: true",
        "      default:  # write the value of an empty cell",
        "      extract: email  # guess, solves 1 of 2 problems",
        "    - field: CustomData.Name",
        "      values:  # write the new values: x",
        '        "Ann <a@example.com>":  # 1 row',
        "      one_of: x",
    )


def test_one_odd_number_does_not_change_a_column(desk: Desk) -> None:
    """A separator that would read one wrong cell, but none of a hundred others, is no solution."""
    desk.write("{field: CustomData.N, type: number}", ["1,5", *["1.5"] * 99])
    assert desk.kind("not-a-number").fix is None


def test_two_kinds_with_the_same_change_have_one_block(desk: Desk) -> None:
    """A row without its required address has two problems, which one default solves."""
    desk.write("Title", ["a"], mails=[""])
    text = HEADER.replace("type: email}", "type: email, required: true}")
    (desk.folder / "mapping.yaml").write_text(f"{text}  X: Title\n", encoding="utf-8")
    first, second = desk.check().kinds
    assert {first.code, second.code} == {"missing-value", "missing-lead"}
    assert first.fix == second.fix
    assert first.fix is not None
    assert first.fix.gaps == 1
    assert desk.check_with(first.fix, "inbox@example.com").rejected == 0


def test_words_of_a_file_stay_in_their_file(desk: Desk) -> None:
    """Of a rule with `values_from`, the block has the name of the file and only the values of the rule itself."""
    (desk.folder / "states.csv").write_text("old,new\nwip,Open\nshut,Closed\n", encoding="utf-8")
    desk.write(
        "{field: Status, values_from: states.csv, values: {new: Open}, one_of: [Open, Closed]}", ["wip", "done?"]
    )
    fix = desk.kind("not-allowed").fix
    assert fix is not None
    assert fix.lines[2:] == (
        "    field: Status",
        "    values:  # write the new values: Open, Closed",
        "      new: Open",
        '      "done?":  # 1 row',
        "    values_from: states.csv",
        "    one_of: [Open, Closed]",
    )
    assert desk.check_with(fix, "Closed").rejected == 0


def test_a_rule_of_an_included_file_is_named_with_its_file(desk: Desk) -> None:
    """The place to change is where the rule is written."""
    desk.write("{field: Status, one_of: [Open]}", ["wip"])
    (desk.folder / "own.yaml").write_text("version: 1\ninclude: mapping.yaml\n", encoding="utf-8")
    (kind,) = desk.check("own.yaml").kinds
    assert kind.fix is not None
    assert kind.fix.where == "replace the rule of 'X' in mapping.yaml, line 7"


def test_missing_leads_and_repeated_keys_have_changes(desk: Desk) -> None:
    """A lead for tickets that name none is the default of the column that names leads; repeated keys are one setting."""
    desk.write("{field: Title}", ["a", "b"], mails=["", "b@example.com"])
    fix = desk.kind("missing-lead").fix
    assert fix is not None
    assert fix.lines[-1] == "    default:  # write the lead of tickets that name none"
    assert desk.check_with(fix, "inbox@example.com").rejected == 0
    (desk.folder / "tickets.csv").write_text("ID,Mail,X\n1,a@example.com,a\n1,b@example.com,b\n", encoding="utf-8")
    repeated = desk.kind("duplicate-key").fix
    assert repeated is not None
    assert repeated.where == "add to mapping.yaml"
    assert desk.check_with(repeated).rejected == 0


def test_limits_of_attachments_have_changes(desk: Desk) -> None:
    """Files that are too many, too large, missing or of another type: one line under `attachments`."""
    limits = "max_files: 1, max_file_size: 2 B, extensions: [txt], required: true"
    desk.write("Title", ["a"] * 4)
    (desk.folder / "mapping.yaml").write_text(f"{HEADER}attachments: {{columns: X, {limits}}}\n", encoding="utf-8")
    for name in ("a.txt", "b.txt", "c.pdf"):
        (desk.folder / name).write_text("xxx" if name == "b.txt" else "x", encoding="utf-8")
    text = "ID,Mail,X\n1,a@example.com,a.txt; a.txt;a.pdf\n2,b@example.com,b.txt\n3,c@example.com,c.pdf\n4,d@example.com,\n"
    (desk.folder / "tickets.csv").write_text(text, encoding="utf-8")
    fixes = {kind.code: kind.fix.lines for kind in desk.check().kinds if kind.fix is not None}
    assert fixes == {
        "attachment-too-many": ("attachments:", "  max_files:  # write what the account accepts"),
        "attachment-too-large": ("attachments:", "  max_file_size:  # write what the account accepts"),
        "attachment-type": ("attachments:", "  extensions: [txt, pdf]  # if the account accepts them"),
        "attachment-required": ("attachments:", "  required: false  # rows without a file are accepted"),
    }


def test_addresses_of_attachments_are_allowed(desk: Desk) -> None:
    """Addresses as attachments get a `download` section with their hosts; then `fetch` can get the files."""
    desk.write("Title", ["a"])
    (desk.folder / "mapping.yaml").write_text(f"{HEADER}attachments: {{columns: X}}\n", encoding="utf-8")
    text = (
        "ID,Mail,X\n1,a@example.com,https://b.example.com/x.png\n2,b@example.com,http://a.example.com:81/y; http://[x\n"
    )
    (desk.folder / "tickets.csv").write_text(text, encoding="utf-8")
    fix = desk.kind("attachment-url").fix
    assert fix is not None
    assert fix.lines[-1] == '    hosts: ["a.example.com", "b.example.com"]'
    assert {kind.code for kind in desk.check_with(fix).kinds} == {"attachment-not-fetched"}


def test_a_template_of_a_column_is_not_its_rule(desk: Desk) -> None:
    """A problem of a template's text names its first column, whose rule for another field can't solve it."""
    desk.write("CustomData.X", ["wip"], more='templates: {Status: "{X}"}\n')
    mapping = load_mapping(desk.folder / "mapping.yaml")
    tally = ProblemTally()
    problem = Problem(
        code="not-configured", row=2, column="X", value="wip", message="X: 'wip' is not a value of Status"
    )
    tally.listen(ProblemsFound(rows=[2], problems=[problem], columns=(), cells=list))
    assert [kind.fix for kind in with_fixes(tally.kinds(), mapping, None, rows=1)] == [None]


def test_a_list_in_json_is_joined(desk: Desk) -> None:
    """A rule that takes one text gets `join` where the manifest has lists."""
    desk.write("{field: CustomData.Tags}", [])
    (desk.folder / "tickets.csv").write_text(
        '[{"ID": "1", "Mail": "a@example.com", "X": ["a", "b"]}, {"ID": "2", "Mail": "b@example.com", "X": "c"}]',
        encoding="utf-8",
    )
    fix = desk.kind("nested-value").fix
    assert fix is not None
    assert desk.check_with(fix).rejected == 0


def test_limits_of_the_account_are_used(desk: Desk) -> None:
    """The account's values and lengths say what to write where the mapping does not."""
    desk.write("{field: Status}", ["x"])
    fields = AccountFields(
        account="a",
        read_at=datetime(2024, 8, 29, tzinfo=UTC),
        fields=(AccountField(schema_name="Status", data_type="Select", values=("Open", "Closed"), max_length=3),),
    )
    mapping = load_mapping(desk.folder / "mapping.yaml")
    codes = {
        "not-configured": ("    values:  # write the new values: Open, Closed", "      wip:  # 1 row"),
        "too-long-for-field": (
            "    max_length: 3  # as the account's field",
            "    on_too_long: truncate  # cuts 1 value",
        ),
    }
    for code, lines in codes.items():
        tally = ProblemTally()
        problem = Problem(code=code, row=2, column="X", value="wip", message="X: 'wip' is not a value of Status")
        tally.listen(ProblemsFound(rows=[2], problems=[problem], columns=(), cells=list))
        (kind,) = with_fixes(tally.kinds(), mapping, fields, rows=1)
        assert kind.fix is not None
        assert kind.fix.lines[3:] == lines
