"""The mapping of a helpdesk, adapted to an export: its rows, and what the cells and the account contradict."""

from __future__ import annotations

import csv
from pathlib import Path

from importer.account_fields import AccountField
from importer.mapping import load_mapping
from importer.suggest import Suggestion, suggest
from importer.suggest.presets import Preset, adapted
from tests.suggest.making import known

MAPPING = """\
version: 1
source: helpdesk
key: ID
columns:
  ID: CustomData.LegacyId
  Email: LeadDetail.EmailAddress

rows:
  only: {Kind: [ticket, "1"]}
  # Rows that are no tickets
  skip:
    Spam: "true"
    Resolution: [Duplicate, Moved away]

ignore: [Kind, Spam, Resolution]
"""


def test_rules_for_rows_are_kept_for_the_columns_that_are_there(tmp_path: Path):
    """One missing column removes its own condition, not all conditions; without any column the section is left out."""
    path = tmp_path / "helpdesk.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    preset = Preset(name="helpdesk", text=MAPPING, mapping=load_mapping(path))
    for columns, only, skip in (
        (["Kind", "Spam", "Resolution"], {"Kind"}, {"Spam", "Resolution"}),
        (["Kind", "Resolution"], {"Kind"}, {"Resolution"}),
        (["Spam"], set(), {"Spam"}),
        ([], set(), set()),
    ):
        text = adapted(preset, ["ID", "Email", *columns], [])
        path.write_text(text, encoding="utf-8")
        rows = load_mapping(path).rows
        assert (set(rows.only), set(rows.skip)) == (only, skip)
        for found, original in ((rows.only, preset.mapping.rows.only), (rows.skip, preset.mapping.rows.skip)):
            assert dict(found) == {column: original[column] for column in found}
        assert ("rows:" in text) is bool(columns)


def _jira(
    folder: Path,
    key: str = "A-{n}",
    reporter: str = "mina{n}@example.com",
    fields: tuple[AccountField, ...] = (),
) -> Suggestion:
    rows = [(key.format(n=n), n, f"It is {n}", reporter.format(n=n), "Done") for n in range(20)]
    with (folder / "jira.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("Issue key", "Issue id", "Summary", "Reporter", "Status"), *rows])
    return suggest(folder / "jira.csv", known(*fields) if fields else None)


def test_a_preset_says_what_the_cells_contradict(tmp_path: Path):
    """Repeated keys, and a lead that is the same in all rows, are named in the head."""
    assert "TODO" not in _jira(tmp_path).text.partition("version:")[0]
    assert (
        "# TODO: key: 'Issue key' does not identify every row: 1 of 20 values are different"
        in _jira(tmp_path, "A").text
    )
    same = _jira(tmp_path, reporter="all@example.com")
    assert (
        "# TODO: columns > Reporter: it is LeadDetail.EmailAddress, but all its e-mail addresses are the same"
        in same.text
    )


def test_a_preset_says_what_the_account_would_refuse(tmp_path: Path):
    """With the account's fields its errors are in the head; without them, that they are missing."""
    assert "# - a check against the account: whether it has the values of Status" in _jira(tmp_path).text
    title = AccountField(schema_name="Title", data_type="Text")
    status = AccountField(schema_name="Status", data_type="Select", values=("Open", "Closed"))
    head = _jira(tmp_path, fields=(title, status)).text.partition("version:")[0]
    assert "# TODO: columns > Status: values: 'In Progress' is not a value of Status in the account" in head
    assert "the account has no field 'CustomData.LegacyId'" in head
    assert "check against the account" not in head
