"""The account's fields: read, cached, and used by the checks of every other command."""

from __future__ import annotations

import contextlib
import csv
import json
import signal
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from importer.sandbox import Field, FieldKind, default_account
from tests.cli.shop import Account, Shop, ended, good_row


def cache_of(shop: Shop) -> Path:
    """The one file in which fields are kept."""
    (path,) = shop.path("cache").rglob("*.json")
    return path


def grow_older(shop: Shop, days: int) -> None:
    """Make the cached fields this many days older."""
    path = cache_of(shop)
    data = json.loads(path.read_text("utf-8"))
    data["read_at"] = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    path.write_text(json.dumps(data), "utf-8")


def test_fields_are_shown_as_a_table(shop: Shop, account: Account):
    """Each field is a line: its name, SchemaName, type, whether it is needed, and its values."""
    told = shop.do("fields")
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[0].split() == ["name", "SchemaName", "type", "mandatory", "values"]
    assert "Title                Title                    Text        yes        up to 255 characters" in lines
    assert any(line.endswith("Low, Medium, High, Urgent") for line in lines)
    assert any("Text (off)" in line for line in lines)
    assert f"19 fields of {account.sandbox.tenant_id}@" in lines[-5]
    assert lines[-3].strip() == "ticket-importer suggest MANIFEST -o mapping.yaml"
    assert lines[-1].strip() == "ticket-importer validate MANIFEST -m MAPPING"
    assert account.calls == 7


def test_pages_and_long_lists(shop: Shop, open_account: Callable[..., Account]):
    """More fields than a page holds are read to the last, and a line shows only as many values as it takes."""
    many = [Field(schema_name=f"CustomData.F{number}") for number in range(60)]
    line = Field(schema_name="CustomData.Line", kind=FieldKind.SELECT, values=tuple(f"value {n}" for n in range(40)))
    open_account(account=default_account().with_fields([*many, line]))
    told = shop.do("fields", "-o", "fields.json")
    assert "80 fields" in told.out
    assert "value 5, … and 34 more" in told.out
    fields = json.loads(shop.path("fields.json").read_text("utf-8"))["fields"]
    assert [len(field["values"]) for field in fields if field["schema_name"] == "CustomData.Line"] == [40]


def test_fields_are_written_as_json_and_csv(shop: Shop, account: Account):
    """Standard output is one JSON object with --json; a CSV opens in a spreadsheet, and no file is left beside it."""
    told = shop.do("fields", "--json", "-o", "fields.csv")
    assert len(told.summary["fields"]) == 19
    with shop.path("fields.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["SchemaName"]: row for row in csv.DictReader(file)}
    assert rows["Priority"]["values"].splitlines() == ["Low", "Medium", "High", "Urgent"]
    assert (rows["Title"]["mandatory"], rows["Title"]["max_length"]) == ("yes", "255")
    assert not [path for path in shop.folder.iterdir() if path.name.endswith(".tmp")]


def test_an_invalid_output_file_is_refused_before_the_first_call(shop: Shop, account: Account):
    """A file of another kind, or one that can't be written, is refused before anything is asked."""
    assert shop.do("fields", "-o", "fields.txt").code == 2
    for name in ("not/there.csv", f"{'a' * 300}.csv"):
        told = shop.do("fields", "-o", name)
        assert told.code == 2
        assert "choose another file or folder for -o" in told.err
    assert account.calls == 0


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_only_a_former_list_of_fields_is_written_over(shop: Shop, account: Account, ending: str):
    """A manifest that is named by mistake stays as it is, and costs no call; the list of yesterday is replaced."""
    other = shop.path(f"other.{ending}")
    other.write_text("ID,Subject\r\n1,Printer\r\n")
    refused = shop.do("fields", "-o", other.name)
    assert (refused.code, account.calls) == (2, 0)
    assert f"other.{ending} exists and is not a list of fields" in refused.err
    assert other.read_text() == "ID,Subject\n1,Printer\n"
    assert [shop.do("fields", "-o", f"fields.{ending}").code for _ in range(2)] == [0, 0]


def test_keys_that_may_not_read_fields_are_an_error(shop: Shop, open_account: Callable[..., Account]):
    """Without an administrator's keys one call is made, and the exit code is 3."""
    account = open_account(admin=False)
    told = shop.do("fields")
    assert told.code == 3
    assert "the account does not show its fields to these keys: 403" in told.err
    assert account.calls == 1
    assert not shop.path("cache").exists()


def test_fields_of_the_sandbox_are_not_cached(shop: Shop):
    """The fields of the sandbox are shown without settings, and none of a real account are used."""
    told = shop.do("fields", "--sandbox")
    assert told.code == 0
    assert "CustomData.LegacyId" in told.out
    assert not shop.path("cache").exists()


def test_cached_fields_are_used_without_a_call(shop: Shop, account: Account):
    """Once the fields are cached, `validate` and `run` check mapping and rows with them, without a call."""
    shop.do("fields")
    calls = account.calls
    shop.manifest([good_row(1), ("2", "x" * 256, "Open", "a@example.com"), ("3", "", "Open", "a@example.com")])
    shop.path("mapping.yaml").write_text(
        shop.path("mapping.yaml").read_text("utf-8").replace(", one_of: [Open, Closed]", "")
    )
    told = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert told.code == 1
    assert "in row 3: too long for the account's field (too-long-for-field)" in told.out
    assert "fields: 19 of the account, read just now" in told.err
    assert shop.run("--yes").code == 1
    assert account.calls == calls
    assert [row["import_error_code"] for row in shop.results()] == [
        "not-reached",
        "too-long-for-field",
        "missing-value",
    ]


def test_a_mapping_that_does_not_fit_sends_nothing(shop: Shop, account: Account):
    """What the account would refuse in every ticket is an error of the mapping, with its line and the right name."""
    shop.do("fields")
    shop.manifest(2)
    text = shop.path("mapping.yaml").read_text("utf-8").replace("[Open, Closed]", "[Open, Clozed]")
    shop.path("mapping.yaml").write_text(text.replace("ID: CustomData.LegacyId", "ID: CustomData.LegacyIds"), "utf-8")
    shop.path("mapping.yaml").write_text(shop.path("mapping.yaml").read_text("utf-8").replace("key_field: CustomData.LegacyId\n", ""))  # fmt: skip
    calls = account.calls
    told = shop.run("--yes")
    assert told.code == 2
    assert "did you mean 'CustomData.LegacyId'?" in told.err
    assert "'Clozed' is not a value of Status in the account; did you mean 'Closed'?" in told.err
    assert "read them again with `ticket-importer fields`" in told.err
    assert account.calls == calls


def test_all_errors_of_a_mapping_are_reported_at_once(shop: Shop, account: Account):
    """Texts that their own rule refuses, missing columns, and fields that the account lacks are one message."""
    shop.do("fields")
    shop.manifest(1)
    text = shop.path("mapping.yaml").read_text("utf-8").replace("[Open, Closed]", "[Open, Clozed]")
    shop.path("mapping.yaml").write_text(f"{text}constants: {{DueDate: tomorrow}}\nignore: [Notes]\n", "utf-8")
    told = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert told.code == 2
    assert "the mapping mapping.yaml" in told.err
    for wrong in ("'tomorrow' is not a date", "no column 'Notes'", "'Clozed' is not a value"):
        assert wrong in told.err
    for advice in ("correct the mapping", "names are compared letter by letter", "read them again"):
        assert advice in told.err
    assert not account.tickets


def test_only_read_fields_reads_fields(shop: Shop, account: Account):
    """Without cached fields a run's calls are its tickets, and the plan says that less was checked."""
    shop.manifest(2)
    told = shop.run("--yes")
    assert told.code == 0
    assert account.calls == 2
    assert "fields: not known, so less is checked: `ticket-importer fields` reads them" in told.err
    assert shop.run("--dry-run", "--json").summary["knows_fields"] is False
    assert not shop.path("cache").exists()


@pytest.mark.parametrize("command", ["run", "validate"])
def test_read_fields_reads_first(command: str, shop: Shop, account: Account):
    """With --read-fields the fields are read before the first row is checked, and cached."""
    shop.manifest([good_row(1), ("2", "x" * 256, "Open", "a@example.com")])
    told = shop.do(command, "tickets.csv", "-m", "mapping.yaml", "--read-fields")
    assert told.code == 1
    assert "too-long-for-field" in told.out + told.err
    assert account.calls == 7
    assert cache_of(shop).is_file()


def test_a_run_goes_on_without_fields_if_the_keys_may_not_read_them(shop: Shop, open_account: Callable[..., Account]):
    """One warning says that the fields can not be read, and the tickets are created."""
    account = open_account(admin=False)
    shop.manifest(2)
    told = shop.run("--yes", "--read-fields")
    assert told.code == 0
    assert told.err.count("does not show its fields") == 1
    assert "rows are checked without them" in told.err
    assert len(account.tickets) == 2


def test_a_check_fails_if_the_fields_can_not_be_read(shop: Shop, open_account: Callable[..., Account]):
    """`validate` has no exit code for an account that is down: it is a usage error, and no row was checked."""
    open_account()
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        shop.set(LSQ_HOST=f"http://127.0.0.1:{nobody.getsockname()[1]}")
    shop.manifest(1)
    done = shop.do("validate", "tickets.csv", "-m", "mapping.yaml", "--read-fields", "--give-up-after", "1s")
    assert done.code == 2
    assert "for 1 s" in done.err
    assert "without --read-fields" in done.err
    assert "trying again" in done.err, "nobody waits in silence"


def test_a_dry_run_refuses_to_read_fields(shop: Shop, account: Account):
    """--dry-run and --read-fields contradict each other; with cached fields a dry run checks rows with them."""
    shop.manifest(1)
    assert shop.run("--dry-run", "--read-fields").code == 2
    assert account.calls == 0
    shop.do("fields")
    assert "fields: 19 of the account" in shop.run("--dry-run").err


def test_old_fields_cause_a_warning(shop: Shop, account: Account):
    """Fields that were read more than a week ago are still used, with a warning that names the command."""
    shop.do("fields")
    shop.manifest(1)
    grow_older(shop, 9)
    told = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert told.code == 0
    assert "read 9 days ago: read them again with `ticket-importer fields`" in told.err


def test_an_interruption_ends_the_command(shop: Shop, open_account: Callable[..., Account]):
    """A Ctrl-C while the account is silent ends the command at once, and nothing is kept."""
    account = open_account(latency_s=600.0)
    process = shop.start("fields")
    account.until(lambda sandbox: len(sandbox.calls) == 1)
    process.send_signal(signal.SIGINT)
    assert ended(process).code == 130
    assert not shop.path("cache").exists()


def test_an_unwritable_cache_causes_a_warning(shop: Shop, account: Account):
    """Where nothing can be kept, as in a container, the fields are shown all the same."""
    shop.path("cache").write_text("not a folder")
    told = shop.do("fields")
    assert told.code == 0
    assert "can't cache the fields" in told.err


def test_a_rehearsal_is_as_strict_as_the_account(shop: Shop, account: Account):
    """With cached fields `--sandbox` refuses a field and a value that the account lacks; without them the plan says so."""
    shop.manifest([good_row(1), ("00002", "Two", "Nope", "a@example.com")])
    text = shop.path("mapping.yaml").read_text("utf-8").replace(", one_of: [Open, Closed]", "")
    shop.path("mapping.yaml").write_text(f"{text}constants: {{CustomData.Due: soon}}\n", "utf-8")
    told = shop.run("--sandbox", "--limit", "1")
    assert (told.code, "fields: not known, so less is checked" in told.err) == (1, True)
    shop.do("fields")
    told = shop.run("--sandbox")
    assert (told.code, "CustomData.Due" in told.err) == (2, True)
    shop.path("mapping.yaml").write_text(text, "utf-8")
    told = shop.run("--sandbox", "--skip-invalid")
    assert told.code == 1
    rows = shop.results("tickets.sandbox.results.csv")
    assert [row["import_error_code"] for row in rows] == ["", "not-configured"]
    assert not account.tickets


def test_the_sandbox_can_be_checked_against_itself(shop: Shop):
    """In a sandbox run the account's fields are those of the mapping and the default ones."""
    shop.manifest([good_row(1), ("2", "x" * 256, "Open", "a@example.com")])
    told = shop.run("--sandbox", "--read-fields", "--skip-invalid")
    assert [row["import_error_code"] for row in shop.results("tickets.sandbox.results.csv")] == [
        "",
        "too-long-for-field",
    ]
    assert told.code == 1


def test_no_key_is_cached_or_shown(shop: Shop, account: Account):
    """Neither the file nor the output contains a key."""
    told = shop.do("fields", "-v", "--json")
    for key in (account.variables["LSQ_ACCESS_KEY"], account.variables["LSQ_SECRET_KEY"]):
        assert key not in told.out + told.err + cache_of(shop).read_text("utf-8")
