"""`history`: what the ledger remembers of runs, and of the rows of one."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable

from tests.cli.shop import KEY_FIELD, Account, Shop, ended
from tests.ledger.ledgers import query

Open = Callable[..., Account]


def test_runs_come_newest_first_with_how_they_ended(shop: Shop, open_account: Open):
    """Each run has its command, files, exit code, what it did, and the states that its rows are in now.

    The tickets that the runs created add up to those of the account, however the rows went on.
    """
    account = open_account(
        [
            {"match": {KEY_FIELD: "00002"}, "fault": "refused-200", "times": 1},
            {"match": {KEY_FIELD: "00003"}, "fault": "500-after"},
        ]
    )
    shop.manifest(4)
    assert shop.run().code == 1
    assert shop.rerun().code == 1
    assert shop.do("resolve", "tickets.results.csv").code == 0
    output = shop.do("history", "--json")
    assert output.code == 0
    newest, middle, oldest = output.summary["runs"]
    assert [run["command"] for run in (newest, middle, oldest)] == ["resolve", "rerun", "run"]
    assert [run["exit_code"] for run in (newest, middle, oldest)] == [0, 1, 1]
    assert (newest["states"], middle["states"], oldest["states"]) == ({"created": 1}, {"created": 1}, {"created": 4})
    did = [run["did"] for run in (newest, middle, oldest)]
    assert did == [{"created": 1}, {"created": 1}, {"created": 2, "failed": 1, "unknown": 1}]
    assert sum(each["created"] for each in did) == len(account.tickets) == 4
    assert {run["results"] for run in (newest, middle, oldest)} == {str(shop.path("tickets.results.csv"))}
    assert oldest["manifest"] == str(shop.path("tickets.csv"))
    assert newest["account"] == oldest["account"] == shop.results()[0]["import_account"]
    lines = shop.do("history").out.splitlines()
    assert [run["id"] for run in (newest, middle, oldest)] == [line.split()[0] for line in lines if line[0] != " "]
    assert "exit code 1, some rows are not tickets" in lines[-6]
    assert f"results: {shop.path('tickets.results.csv')}" in lines[-3]
    assert [line.strip() for line in lines[-2:]] == ["at its end: 2 created, 1 failed, 1 unknown", "now: 4 created"]
    assert [line.strip() for line in (lines[4], lines[9])] == ["1 created", "1 created"]


def test_a_stop_has_its_reason_and_unknown_rows_their_age(shop: Shop, open_account: Open):
    """The reason is the message of the run; an unknown row is as old as its unclear answer, also after `resolve`."""
    account = open_account([{"calls": 2, "fault": "reset-before"}, {"calls": [3, 4, 5], "fault": "401"}])
    shop.manifest(5)
    assert shop.run("--concurrency", "1").code == 3
    (run,) = shop.do("history", "--json").summary["runs"]
    assert run["stopped"].startswith("the account refuses the keys")
    assert (run["did"], run["states"]) == ({"created": 1, "pending": 3, "unknown": 1}, run["states"] | {"unknown": 1})
    query(shop.folder, "update tickets set finished_at = '2026-01-02T09:35:47Z' where state = 'unknown'")
    (run,) = shop.do("history", "--json").summary["runs"]
    assert run["unknown_since"] == "2026-01-02T09:35:47Z"
    text = shop.do("history").out
    assert "stopped early: the account refuses the keys" in text
    assert re.search(r"^    1 created, 3 pending, 1 unknown for \d+ d \d+ h$", text, re.MULTILINE)
    again = shop.run("--json")  # the keys are still refused
    assert again.summary["unknown_since"] == "2026-01-02T09:35:47Z"
    assert re.search(r"1 unknown for \d+ d", shop.run().out)
    rows = shop.do("history", run["id"], "--json").summary["rows"]
    assert [row["unknown_since"] for row in rows if row["state"] == "unknown"] == ["2026-01-02T09:35:47Z"]
    assert len(account.tickets) == 1


def test_a_run_lists_its_rows(shop: Shop, open_account: Open):
    """Every row that was sent or rejected, with key, state, number, the outcome in that run, and how often it was sent."""
    open_account([{"match": {KEY_FIELD: "00002"}, "fault": "400"}])
    bad = ("00004", "", "Open", "lead4@example.com")
    shop.manifest([*((f"{n:05}", f"Ticket {n}", "Open", f"lead{n}@example.com") for n in (1, 2, 3)), bad])
    run = shop.run("--skip-invalid", "--json").summary["run"]
    output = shop.do("history", run[-6:], "--json").summary
    assert output["run"]["id"] == run
    assert output["run"]["states"] == {"created": 2, "failed": 1, "rejected": 1}
    rows = output["rows"]
    assert [(row["row"], row["key"], row["state"], row["attempts"]) for row in rows] == [
        (2, "00001", "created", 1),
        (3, "00002", "failed", 1),
        (4, "00003", "created", 1),
        (5, "00004", "rejected", 0),
    ]
    numbers = [row["import_ticket_number"] for row in shop.results()]
    assert [row["number"] for row in rows] == numbers
    assert [row["outcome"] for row in rows] == ["created", "refused", "created", ""]
    assert [row["error_code"] for row in rows] == ["", "refused", "", "missing-value"]
    text = shop.do("history", run).out.splitlines()
    assert [line.split("\t")[1] for line in text[-4:]] == ["00001", "00002", "00003", "00004"]


def test_a_name_must_identify_one_run(shop: Shop, account: Account):
    """A part that several runs have, or none, is a usage error that says what there is."""
    shop.manifest(1)
    shop.run()
    shop.run()
    several = shop.do("history", "shop.")
    assert several.code == 2
    assert "2 runs" in several.err
    assert shop.do("history", "no-such-run").code == 2
    assert account.calls == 1


def test_a_killed_run_and_a_live_one_are_told_apart(shop: Shop, open_account: Open):
    """A live run is running. A killed run has ended without an exit code, and the next run makes its row unknown."""
    account = open_account([{"calls": 1, "fault": "hang-after"}])
    shop.manifest(1)
    process = shop.start("run", "tickets.csv", "-m", "mapping.yaml")
    account.until(lambda sandbox: len(sandbox.tickets) == 1)
    (live,) = shop.do("history", "--json").summary["runs"]
    assert (live["live"], live["ending"], live["states"]) == (True, "running", {"sending": 1})
    process.send_signal(signal.SIGKILL)
    ended(process)
    (killed,) = shop.do("history", "--json").summary["runs"]
    assert killed["live"] is False
    assert killed["ending"] == "crashed or was killed; 1 request unconfirmed"
    assert killed["did"] == killed["states"] == {"unknown": 1}
    assert shop.run().code == 1
    after = shop.do("history", "--json").summary["runs"][1]
    assert (after["states"], after["did"], after["unconfirmed"]) == ({"unknown": 1}, {"unknown": 1}, 1)
    assert shop.do("resolve", "tickets.results.csv", "--json").summary["unknown"] == 1


def test_history_creates_no_ledger(shop: Shop):
    """Without a ledger there is no history: exit 2, and none is there afterwards."""
    assert shop.do("history").code == 2
    assert not shop.path("ledger.sqlite").exists()


def test_an_empty_ledger_has_no_runs(shop: Shop, account: Account):
    """No run is no mistake."""
    assert json.loads(shop.do("history", "--json").out)["runs"] == []
    assert (shop.do("history").code, account.calls) == (0, 0)
