"""Mappings that are tables, that include others, that find files: through the real commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.cli.shop import KEY_FIELD, MAPPING, Account, Shop, good_row, next_command

TABLE = f"column;SchemaName\r\nID;{KEY_FIELD}\r\nSubject;Title\r\nState;\r\nEmail;LeadDetail.EmailAddress\r\n"
FLAGS = ("--source", "shop", "--key", "ID")


@pytest.fixture
def table(shop: Shop) -> tuple[str, ...]:
    """A mapping that is a table, as a spreadsheet saves it, and the flags that go with it."""
    shop.path("fields.csv").write_bytes(TABLE.encode("utf-8-sig"))
    return ("-m", "fields.csv", *FLAGS)


def test_a_table_is_imported(shop: Shop, account: Account, table: tuple[str, ...]):
    """`validate`, `run` and `rerun` take a table with its two flags, and know each other's tickets."""
    shop.manifest(3)
    assert shop.do("validate", "tickets.csv", *table).code == 0
    assert shop.do("run", "tickets.csv", *table, "--limit", "1").code == 1
    assert shop.do("rerun", "tickets.results.csv", *table).code == 0
    assert shop.do("run", "tickets.csv", *table).code == 0
    assert sorted(account.keys) == ["00001", "00002", "00003"]
    assert account.tickets[0].value("Title") == "Ticket 1"


def test_the_next_command_has_the_flags_of_the_mapping(shop: Shop, account: Account, table: tuple[str, ...]):
    """The command in the summary works when it is copied."""
    shop.manifest(2)
    arguments = next_command(shop.do("run", "tickets.csv", *table, "--limit", "1").out)
    assert shop.do(*arguments).code == 0
    assert len(account.tickets) == 2


@pytest.mark.parametrize("command", ["run", "validate", "rerun"])
def test_missing_flags_are_named(shop: Shop, account: Account, table: tuple[str, ...], command: str):
    """Exit 2, what to add, and no call."""
    shop.manifest(1)
    if command == "rerun":
        assert shop.run().code == 0
    calls = account.calls
    file = "tickets.results.csv" if command == "rerun" else "tickets.csv"
    refused = shop.do(command, file, "-m", "fields.csv")
    assert refused.code == 2
    assert "needs --source NAME and --key COLUMN" in refused.err
    refused = shop.do(command, file, "-m", "mapping.yaml", *FLAGS)
    assert refused.code == 2
    assert "--source and --key can't be used with the YAML mapping mapping.yaml" in refused.err
    assert account.calls == calls


def test_a_key_column_that_the_manifest_lacks(shop: Shop, table: tuple[str, ...]):
    """The flag is wrong, not a line of the file."""
    shop.manifest(1)
    refused = shop.do("validate", "tickets.csv", *table[:-1], "Id")
    assert refused.code == 2
    assert "fields.csv: key: the manifest has no column 'Id'" in refused.err


@pytest.mark.parametrize("name", ["mapping.yaml", "base.yaml", "states.csv"])
def test_no_file_of_the_mapping_is_overwritten(shop: Shop, account: Account, name: str):
    """Results don't take the place of what they were made by, wherever it stands."""
    shop.path("base.yaml").write_text(MAPPING, encoding="utf-8")
    shop.path("states.csv").write_text("old,new\nwip,Open\n", encoding="utf-8")
    rule = "{field: Status, values_from: states.csv, one_of: [Open, Closed]}"
    shop.path("mapping.yaml").write_text(f"include: base.yaml\ncolumns:\n  State: {rule}\n", encoding="utf-8")
    before = shop.path(name).read_bytes()
    shop.manifest([("00001", "a", "wip", "a@example.com")])
    refused = shop.run("-o", name)
    assert refused.code == 2
    assert shop.path(name).read_bytes() == before
    assert shop.run().code == 0
    assert account.tickets[0].value("Status") == "Open"


def test_errors_name_the_included_file(shop: Shop):
    """Whoever reads the screen opens the right file at the right line."""
    shop.path("base.yaml").write_text(MAPPING.replace("one_of", "oneof"), encoding="utf-8")
    shop.path("mapping.yaml").write_text("version: 1\ninclude: base.yaml\n", encoding="utf-8")
    shop.manifest(1)
    refused = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert refused.code == 2
    assert "base.yaml:8: columns > State: unknown key 'oneof' (did you mean 'one_of'?)" in refused.err


def test_the_schema_is_printed_completely(shop: Shop):
    """Standard output is the schema and nothing else, and the mapping that is used is right by it."""
    printed = shop.do("schema")
    assert (printed.code, printed.err) == (0, "")
    schema = json.loads(printed.out)
    jsonschema.validate(yaml.safe_load(MAPPING), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(MAPPING.replace("required", "requird")), schema)


def put(folder: Path, *names: str) -> None:
    """Make files that hold their own names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


def test_files_of_all_kinds_reach_the_account(shop: Shop, open_account: Callable[..., Account]):
    """Named, by pattern, by URL and from the row's folder: each once, in order, with its bytes."""
    account = open_account()
    put(shop.folder, "a b.txt", "logs/1.log", "logs/2.log", "00001/shot.png", "00001/note.txt", "00002/x/y.txt")
    mapping = f"{MAPPING}attachments: {{columns: Files, glob: true, folder: '{{ID}}/**'}}\n"
    shop.path("mapping.yaml").write_text(mapping, encoding="utf-8")
    rows = [
        (*good_row(1), "logs/*.log; file:a%20b.txt;00001/shot.png"),
        (*good_row(2), ""),
        (*good_row(3), "logs/2.log"),
    ]
    text = "ID,Subject,State,Email,Files\n" + "".join(",".join(row) + "\n" for row in rows)
    shop.path("tickets.csv").write_text(text, encoding="utf-8")
    assert shop.run().code == 0
    sent = {ticket.value(KEY_FIELD): [file.name for file in ticket.files] for ticket in account.tickets}
    assert sent == {
        "00001": ["1.log", "2.log", "a b.txt", "shot.png", "note.txt"],
        "00002": ["y.txt"],
        "00003": ["2.log"],
    }


def test_web_addresses_and_missing_files_are_reported_with_their_rows(shop: Shop):
    """What can't be attached is found by `validate`, with what to do."""
    mapping = f"{MAPPING}attachments: {{columns: Files, glob: true, required: true}}\n"
    shop.path("mapping.yaml").write_text(mapping, encoding="utf-8")
    rows = [(*good_row(1), "https://example.com/a.png"), (*good_row(2), "*.png"), (*good_row(3), "")]
    text = "ID,Subject,State,Email,Files\n" + "".join(",".join(row) + "\n" for row in rows)
    shop.path("tickets.csv").write_text(text, encoding="utf-8")
    outcome = shop.do("validate", "tickets.csv", "-m", "mapping.yaml", "--report", "report.json")
    assert outcome.code == 1
    problems = json.loads(shop.path("report.json").read_text(encoding="utf-8"))
    assert [(each["row"], each["code"]) for each in problems] == [
        (2, "attachment-url"),
        (3, "attachment-missing"),
        (4, "attachment-required"),
    ]
    assert "run `ticket-importer fetch`" in problems[0]["hint"]
