"""The same command again, `rerun`, and who else is at it: nothing is made twice, nothing is forgotten."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from importer.cli import invoke
from tests.cli.shop import HEADER, KEY_FIELD, Account, Shop, ended, good_row, next_command

Open = Callable[..., Account]
MIXED = [
    {"match": {KEY_FIELD: "00002"}, "fault": "refused-200", "times": 1},
    {"match": {KEY_FIELD: "00003"}, "fault": "500-after"},
    {"match": {KEY_FIELD: "00004"}, "fault": "500"},
]
"""Row 3 of five fails, once; rows 4 and 5 are unknown, and only the first of these is a ticket."""


def edit(path: Path, key: str, **cells: str) -> None:
    """Change a row of a CSV file as a user does, and leave the other rows unchanged."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *records = csv.reader(file)
    for record in records:
        if record[0] == key:
            for name, value in cells.items():
                record[header.index(name)] = value
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, lineterminator="\r\n").writerows([header, *records])


def test_a_second_run_makes_no_calls(shop: Shop, account: Account):
    """Rows that are tickets are skipped: no call, exit 0, and the results are complete with every ID."""
    shop.manifest(12)
    assert shop.run().code == 0
    first = shop.results()
    calls = account.calls
    again = shop.run("--json")
    assert (again.code, account.calls) == (0, calls)
    assert (again.summary["skipped"], again.summary["calls"]) == (12, 0)
    ids = ("import_key", "import_ticket_id", "import_ticket_number", "import_ticket_key")
    assert [[row[name] for name in ids] for row in shop.results()] == [[row[name] for name in ids] for row in first]
    assert all(row["import_ticket_number"] for row in first)
    assert shop.results("tickets.results.1.csv") == first, "the former results are kept under a number"


def test_new_rows_of_a_grown_manifest_are_sent(shop: Shop, account: Account):
    """A nightly export that has grown sends the new rows, and an edited old row says in its hint that it was edited."""
    shop.manifest(3)
    shop.run()
    shop.manifest([good_row(1), ("00002", "Another subject", "Open", "lead2@example.com"), good_row(3), good_row(4)])
    assert shop.run().code == 0
    assert sorted(account.keys) == ["00001", "00002", "00003", "00004"]
    assert [row["import_status"] for row in shop.results()] == ["skipped", "skipped", "skipped", "created"]
    assert ["changed since" in row["import_hint"] for row in shop.results()] == [False, True, False, False]


def test_exports_without_rows_or_columns_are_no_errors(shop: Shop, account: Account):
    """A list in JSON may be empty, and a column that no object has is empty: the job ends well, and says so."""
    mapping = shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text(encoding="utf-8") + "  Note: Description\n", encoding="utf-8")
    first = dict(zip(HEADER, good_row(1), strict=True))
    nights = [
        ("[]", 0, []),
        (json.dumps([first]), 1, ["created"]),
        (json.dumps([first | {"Note": ""}]), 1, ["skipped"]),
    ]
    for content, calls, statuses in nights:
        shop.path("tickets.json").write_text(content, encoding="utf-8")
        done = shop.do("run", "tickets.json", "-m", "mapping.yaml")
        assert (done.code, account.calls) == (0, calls), done.err
        assert ("no object has 'Note'; these columns count as empty" in done.err) == (statuses == ["created"])
        assert [row["import_status"] for row in shop.results()] == statuses
    assert not shop.results()[0]["import_hint"], "nothing has changed"


def test_a_limit_is_a_trial(shop: Shop, account: Account):
    """--limit sends the first rows only; the others are pending, and the command that is shown sends them."""
    shop.manifest(9)
    trial = shop.run("--limit", "4")
    assert trial.code == 1
    assert sorted(account.keys) == ["00001", "00002", "00003", "00004"]
    assert shop.statuses() == {"created": 4, "pending": 5}
    assert shop.do(*next_command(trial.out)).code == 0
    assert len(set(account.keys)) == len(account.keys) == 9


def test_the_next_command_after_a_sandbox_run_is_a_rerun(shop: Shop):
    """The sandbox's ledger is gone, so the command that is shown names the manifest, and nothing is warned of."""
    shop.manifest(3)
    trial = shop.run("--sandbox", "--yes", "--limit", "1")
    command = next_command(trial.out)
    assert command[:2] == ["rerun", "tickets.sandbox.results.csv"]
    again = shop.do(*command)
    assert (again.code, "can't be compared with" in again.err) == (0, False)


@pytest.mark.parametrize("flags", [("--manifest", "tickets.csv"), ("--accept-edits",), ("--allow-missing",)])
def test_the_next_command_for_unknown_rows_is_resolve(shop: Shop, open_account: Open, flags: tuple[str, ...]):
    """After a rerun with special flags, the next command `resolve` has only the flags that it knows."""
    open_account([{"match": {KEY_FIELD: "00002"}, "fault": "500", "times": 1}])
    shop.manifest(2)
    assert shop.run("--limit", "1").code == 1
    first = shop.rerun(*flags)
    assert shop.statuses() == {"created": 1, "unknown": 1}
    assert next_command(first.out) == ["resolve", "tickets.results.csv"]


def test_a_failed_row_is_reported_and_sent_last(shop: Shop, open_account: Open):
    """A 200 with a failure is `failed` with the server's reason; run again, the row goes out after all new ones."""
    account = open_account([{"match": {KEY_FIELD: "00002"}, "fault": "refused-200", "times": 1}])
    shop.manifest(3)
    first = shop.run()
    assert first.code == 1
    row = shop.results()[1]
    assert (row["import_status"], row["import_error_code"]) == ("failed", "refused")
    assert row["import_error"]
    assert f"1 failed: refused: {row['import_error']}" in first.out
    shop.manifest(6)
    assert shop.run("--concurrency", "1").code == 0
    assert account.keys[2:] == ["00004", "00005", "00006", "00002"]


def test_rerun_until_nothing_is_left(shop: Shop, open_account: Open):
    """Mended rows are sent, created ones stay to the letter, unknown ones are kept, and a repeat has nothing to do."""
    account = open_account(MIXED)
    shop.manifest([*map(good_row, range(1, 5)), ("00005", "", "Open", "lead5@example.com")])
    assert shop.run("--skip-invalid").code == 1
    assert shop.statuses() == {"created": 1, "failed": 1, "unknown": 2, "rejected": 1}
    before = shop.results()
    edit(shop.path("tickets.results.csv"), "00005", Subject="Now it has one")
    second = shop.rerun()
    after = shop.results()
    assert second.code == 1
    assert [row["import_status"] for row in after] == ["created", "created", "unknown", "unknown", "created"]
    assert [after[0], after[2], after[3]] == [before[0], before[2], before[3]]
    assert after[4]["Subject"] == "Now it has one"
    calls = account.calls
    assert shop.rerun().code == 1
    assert account.calls == calls
    assert sorted(account.keys) == ["00001", "00002", "00003", "00005"]


def test_unknown_rows_are_sent_again_only_on_demand(shop: Shop, open_account: Open):
    """`--only unknown` alone is refused without a call; with --on-unknown retry the rows go out, and the rest stays."""
    account = open_account([{"match": {KEY_FIELD: "00002"}, "fault": "500", "times": 1}])
    shop.manifest(3)
    first = shop.run()
    assert shop.statuses() == {"created": 2, "unknown": 1}
    assert next_command(first.out) == ["resolve", "tickets.results.csv"]
    calls = account.calls
    assert shop.run().code == 1
    assert shop.rerun().code == 1
    refused = shop.rerun("--only", "unknown")
    assert (refused.code, account.calls) == (2, calls)
    assert "--on-unknown retry" in refused.err
    assert shop.rerun("--only", "unknown", "--on-unknown", "retry").code == 0
    assert sorted(account.keys) == ["00001", "00002", "00003"]


def test_results_are_enough_without_their_ledger(shop: Shop, open_account: Open):
    """With an empty ledger `rerun` takes the tickets from the file; neither it nor a later `run` creates one again."""
    account = open_account(MIXED)
    shop.manifest(5)
    shop.run()
    shop.set(LSQ_LEDGER=str(shop.path("new.sqlite")))
    assert invoke(["ledger", "init"]) == 0
    assert shop.rerun().code == 1
    assert shop.statuses() == {"created": 3, "unknown": 2}
    calls = account.calls
    assert shop.run().code == 1
    assert account.calls == calls
    assert sorted(account.keys) == ["00001", "00002", "00003", "00005"]


def test_results_of_another_account_are_refused(shop: Shop, account: Account):
    """The IDs of one account mean nothing in another: exit 2, no call, and the file is as it was."""
    shop.manifest(2)
    shop.run("--limit", "1")
    before = shop.path("tickets.results.csv").read_bytes()
    shop.set(LSQ_TENANT_ID="another")
    calls = account.calls
    for ended_so in (shop.rerun(), shop.run()):
        assert (ended_so.code, account.calls) == (2, calls)
        assert "account" in ended_so.err
    assert shop.path("tickets.results.csv").read_bytes() == before


@pytest.mark.parametrize("name", ["tickets.csv", "mapping.csv", "notes.csv"])
def test_no_input_and_no_other_results_are_overwritten(shop: Shop, account: Account, name: str):
    """-o onto the manifest, or onto a file that is not a results file, is refused before the first call."""
    shop.manifest(1)
    shop.path("notes.csv").write_text("my,notes\n1,2\n", encoding="utf-8")
    shop.path("mapping.csv").write_bytes(shop.path("mapping.yaml").read_bytes())
    before = shop.path(name).read_bytes()
    refused = shop.do("run", "tickets.csv", "-m", "mapping.yaml", "-o", name)
    assert (refused.code, account.calls) == (2, 0)
    assert shop.path(name).read_bytes() == before


def test_two_runs_at_once_send_each_row_once(shop: Shop, open_account: Open):
    """A second run of rows that a live one holds ends with exit 4 and sends nothing; the first is not disturbed."""
    account = open_account([{"calls": 2, "fault": "slow", "delay_s": 3}])
    shop.manifest(3)
    first = shop.start("run", "tickets.csv", "-m", "mapping.yaml", "-o", "first.csv")
    account.until(lambda sandbox: len(sandbox.calls) >= 2)
    second = shop.run("-o", "second.csv")
    assert second.code == 4, second.err
    assert ended(first).code == 0
    assert sorted(account.keys) == ["00001", "00002", "00003"]


def test_results_have_every_row_of_the_manifest(shop: Shop, open_account: Open):
    """Whatever becomes of the rows, each comes out once, in order, as the account's books and the summary have it."""
    account = open_account(
        [
            {"probability": 0.1, "fault": "400"},
            {"probability": 0.1, "fault": "500"},
            {"probability": 0.1, "fault": "reset-after"},
            {"probability": 0.05, "fault": "cut-json"},
            {"probability": 0.05, "fault": "reset-before"},
            {"probability": 0.05, "fault": "refused-200"},
        ],
        seed=3,
    )
    bad = [(f"{number:05}", "", "Open", "") for number in range(101, 111)]
    shop.manifest([*map(good_row, range(1, 101)), *bad, *map(good_row, range(111, 121))])
    flags = ("--skip-invalid", "--max-failures", "1000", "--give-up-after", "30s", "--json")
    summary = shop.run(*flags).summary
    results = shop.results()
    assert [row["ID"] for row in results] == [f"{number:05}" for number in range(1, 121)]
    assert [row["import_row"] for row in results] == [str(number) for number in range(2, 122)]
    assert summary["rows"] == 120
    assert {state: n for state, n in summary.items() if state in shop.statuses()} == shop.statuses()
    known = {row["ID"]: row["import_status"] for row in results}
    assert len(set(account.keys)) == len(account.keys)
    assert {known[key] for key in account.keys} <= {"created", "unknown"}
    assert {key for key, status in known.items() if status == "created"} <= set(account.keys)
    numbers = {ticket.value(KEY_FIELD): ticket.number for ticket in account.tickets}
    assert all(
        numbers[row["ID"]] == row["import_ticket_number"] for row in results if row["import_status"] == "created"
    )


def test_a_manifest_without_rows_ends_at_once(shop: Shop, account: Account):
    """No row is no mistake: exit 0, no call, and results that hold a header."""
    shop.manifest(0)
    nothing = shop.run()
    assert (nothing.code, account.calls) == (0, 0), nothing.err
    assert shop.results() == []
    assert shop.path("tickets.results.csv").read_text(encoding="utf-8-sig").startswith(",".join(HEADER))
