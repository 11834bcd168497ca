"""The changes of the mapping that would solve a kind of problem: each is tried by checking the manifest with it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from importer import validate
from importer.errors import MappingError
from importer.reports.problem_tally import MappingFix, ProblemKind
from importer.reports.summary import Validation

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


def test_a_gap_that_is_not_filled_changes_nothing(desk: Desk) -> None:
    """A word without its new value is an error of the mapping, so that a forgotten one is never sent or dropped."""
    desk.write("{field: Status, one_of: [Open]}", ["wip"])
    fix = desk.kind("not-allowed").fix
    assert fix is not None
    with pytest.raises(MappingError) as error:
        desk.check_with(replace(fix, gaps=0, lines=tuple(line.replace("#", " #") for line in fix.lines)))
    assert "columns > X > values > wip must be a text, not nothing" in error.value.details[0]
