"""All errors of a mapping are reported in one round, and nothing that only follows from another error."""

from __future__ import annotations

import re

import pytest

from tests.cli.shop import MAPPING, Account, Shop

STATE = "{field: Status, one_of: [Open, Closed]}"

# What is written into MAPPING instead of what, and what each line of the error has.
WRONG = {
    "key, column and field": (
        [(STATE, "{field: Statsu, type: datetme, timezone: Asia/Kolkatta}"), ("Subject:", "Subjct:"), ("field: Title", "field: Titel")],
        [
            r":8: columns > State > type must be .* not 'datetme' \(did you mean 'datetime'",
            r":8: columns > State: 'Asia/Kolkatta' is not a time zone",
            r"column 'Subject' is neither mapped nor ignored \(did you mean 'Subjct'",
            r":7: columns: the manifest has no column 'Subjct' \(did you mean 'Subject'",
            r":7: columns: 'Titel' is not a documented field \(did you mean 'Title'",
            r":8: columns: 'Statsu' is not a documented field \(did you mean 'Status'",
        ],
    ),
    "rule without a field": (
        [(STATE, "{type: text}"), ("ID: Custom", "Id: Custom"), ("{field: Title, required: true}", "Title\n  Stat: Type")],
        [
            r":9: columns > State > field is missing",
            r":6: columns: the manifest has no column 'Id' \(did you mean 'ID'",
            r":8: columns: the manifest has no column 'Stat'",
        ],
    ),
    "wrong name of a field": ([("field: Title", "field: title"), ("field: Status", "field: Stauts")], [r":7: columns: 'title' has the wrong", r":8: columns: 'Stauts' is not"]),
    "wrong key": ([("key: ID", "key: {ID: x}"), ("  State", "  Sate")], [r":3: key must be a text or a list", r":8: columns: the manifest has no column 'Sate'"]),
    "misspelled section": ([("  State: " + STATE + "\n", ""), ("version: 1\n", "version: 1\nignor: State\n")], [r":2: unknown key 'ignor' \(did you mean 'ignore'"]),
    "wrong manifest section": ([("version: 1\n", "version: 1\nmanifest: {delimter: ;}\n"), ("  State", "  Sate")], [r":2: manifest: unknown key 'delimter'"]),
    "rule that contradicts itself": ([(STATE, "{field: Status, format: '%d', default: x}"), ("Email:", "Mail:")], [r":8: columns > State: `format` works only", r"column 'Email' is neither", r"no column 'Mail'"]),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_all_errors_of_a_mapping_are_reported_in_one_round(shop: Shop, account: Account, case: str):
    """An error in the form of the mapping hides neither wrong columns nor wrong fields."""
    text = MAPPING
    for old, new in WRONG[case][0]:
        assert old in text
        text = text.replace(old, new)
    shop.path("mapping.yaml").write_text(text, encoding="utf-8")
    shop.manifest(1)
    told = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert told.code == 2
    details = re.findall(r"^  (mapping\.yaml:.*)$", told.err, re.MULTILINE)
    expected = WRONG[case][1]
    assert len(details) == len(expected), told.err
    for detail, pattern in zip(details, expected, strict=True):
        assert re.search(pattern, detail), (detail, pattern)
    assert account.calls == 0


@pytest.mark.parametrize("command", ["run", "validate", "rerun"])
def test_with_the_fields_of_the_account(shop: Shop, account: Account, command: str):
    """Fields that the account lacks are reported with the other errors; a field that may be filled is not required."""
    shop.do("fields")
    shop.manifest(1)
    if command == "rerun":
        assert shop.run().code == 0
    wrong = MAPPING.replace(STATE, "{field: CustomData.Regoin, one_of: [Clozed], typ: text}").replace(
        "field: Title", "feld: Title"
    )
    shop.path("mapping.yaml").write_text(wrong, encoding="utf-8")
    told = shop.do(command, "tickets.csv" if command != "rerun" else "tickets.results.csv", "-m", "mapping.yaml")
    assert told.code == 2
    for wrong in ("field is missing", "unknown key 'typ'", "the account has no field 'CustomData.Regoin'"):
        assert wrong in told.err
    assert "mandatory" not in told.err
    assert "neither mapped" not in told.err


def test_errors_of_the_mapping_come_before_those_of_the_manifest(shop: Shop):
    """Without a manifest the mapping's own errors are reported, and then that it is missing."""
    shop.path("mapping.yaml").write_text(MAPPING.replace("required", "requird"), encoding="utf-8")
    told = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert told.code == 2
    assert told.err.index("unknown key 'requird'") < told.err.index("also: there is no file tickets.csv")


def test_settings_mapping_and_manifest_are_reported_in_one_round(shop: Shop):
    """None of them hides that another is missing or wrong."""
    shop.path("mapping.yaml").write_text(MAPPING.replace("field: Status", "field: Status, ofset: 1"), encoding="utf-8")
    told = shop.do("run", "none.csv", "-m", "mapping.yaml")
    assert told.code == 2
    for text in ("LSQ_HOST is not set", "ofset", "there is no file none.csv"):
        assert told.err.count(text) == 1, told.err
    told = shop.do("validate", "none.csv", "-m", "no.yaml")
    assert (told.code, "no.yaml" in told.err, told.err.count("none.csv")) == (2, True, 1), told.err
