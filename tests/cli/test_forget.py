"""`ledger forget`: rows whose tickets were deleted in the account are new again; nothing else is forgotten."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable

import pytest

from tests.cli.shop import KEY_FIELD, Account, Shop, good_row
from tests.ledger.ledgers import query
from tests.sandbox.account_client import keys

Open = Callable[..., Account]


def delete(account: Account, *numbers: str) -> None:
    """Move tickets to the trash, as a user does in the account."""
    sandbox = account.sandbox
    request = urllib.request.Request(
        f"{sandbox.url}/api/tenants/{sandbox.tenant_id}/tickets/trash",
        data=json.dumps({"TicketIds": list(numbers)}).encode(),
        headers={**keys(sandbox), "Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(request) as answer:
        assert len(json.loads(answer.read())["SuccessfulIds"]) == len(numbers)


def test_a_deleted_trial_is_sent_again(shop: Shop, account: Account):
    """The whole trial is new: the same command sends it again, and `history` keeps the old numbers, who and when."""
    shop.manifest(12)
    trial = shop.run("--limit", "10", "--json").summary["run"]
    numbers = [row["import_ticket_number"] for row in shop.results()[:10]]
    delete(account, *numbers)
    done = shop.do("ledger", "forget", trial[-6:], "--yes", "--json")
    assert (done.code, done.summary["forgotten"], done.summary["existing"]) == (0, 10, 0)
    assert [(row["number"], row["result"]) for row in done.summary["rows"]] == [(n, "forgotten") for n in numbers]
    again = shop.run("--json").summary
    assert (again["exit_code"], again["created"], again["skipped"]) == (0, 12, 0)
    assert len(account.tickets) == 22
    assert not set(numbers) & {row["import_ticket_number"] for row in shop.results()}
    newest, forgot, oldest = shop.do("history", "--json").summary["runs"]
    assert (forgot["command"], forgot["did"], forgot["exit_code"]) == ("forget", {"forgotten": 10}, 0)
    assert (forgot["user"], bool(forgot["ended_at"])) == (oldest["user"], True)
    assert (oldest["did"]["created"], oldest["states"]) == (10, {"forgotten": 10})
    assert oldest["did"]["created"] + newest["did"]["created"] == len(account.tickets)
    for run in (trial, forgot["id"]):
        rows = shop.do("history", run, "--json").summary["rows"]
        assert [(row["state"], row["number"]) for row in rows] == [("forgotten", number) for number in numbers]
    assert "10 forgotten" in shop.do("history").out


def test_tickets_that_exist_and_unknown_rows_are_kept(shop: Shop, open_account: Open):
    """They stay as they are, exit 1 says so; --even-existing forgets them without looking."""
    account = open_account([{"match": {KEY_FIELD: "00003"}, "fault": "reset-after", "times": 1}])
    shop.manifest(4)
    run = shop.run("--json").summary["run"]
    numbers = {row["import_key"]: row["import_ticket_number"] for row in shop.results()}
    delete(account, numbers["00001"])
    calls = account.calls
    done = shop.do("ledger", "forget", run, "--yes", "--json")
    assert (done.code, {row["key"]: row["result"] for row in done.summary["rows"]}) == (
        1,
        {"00001": "forgotten", "00002": "exists", "00003": "unknown", "00004": "exists"},
    )
    assert account.calls == calls + 3
    states = query(shop.folder, "select state from tickets order by key")
    assert states == [("pending",), ("created",), ("unknown",), ("created",)]
    text = shop.do("ledger", "forget", run, "--yes")
    assert (text.code, "as the account has tickets" in text.out) == (1, True)
    calls = account.calls
    assert shop.do("ledger", "forget", "tickets.results.csv", "--rows", "3-4", "--even-existing", "--yes").code == 0
    assert account.calls == calls
    assert query(shop.folder, "select count(*) from attempts where request != ''") == [(0,)]
    assert shop.run("--json").summary["created"] == 3
    assert account.keys.count("00003") == 2  # as the user wanted


def test_an_old_results_file_does_not_bring_forgotten_tickets_back(shop: Shop, open_account: Open):
    """For `rerun` and `resolve` of the file, the rows are pending."""
    account = open_account([{"match": {KEY_FIELD: "00002"}, "fault": "reset-before", "times": 1}])
    shop.manifest(3)
    shop.run()
    shutil.copy(shop.path("tickets.results.csv"), shop.path("old.csv"))
    delete(account, shop.results()[0]["import_ticket_number"])
    assert shop.do("ledger", "forget", "tickets.results.csv", "--rows", "2", "--yes").code == 0
    assert shop.do("ledger", "forget", "tickets.results.csv", "--rows", "3", "--even-existing", "--yes").code == 0
    assert shop.do("resolve", "tickets.results.csv", "--yes").code in (0, 1)
    again = shop.do("rerun", "old.csv", "-m", "mapping.yaml", "--json").summary
    assert (again["exit_code"], again["created"], again["calls"]) == (0, 3, 2)
    assert sorted(account.keys) == ["00001", "00001", "00002", "00003"]


def test_nothing_is_forgotten_without_proof_and_consent(shop: Shop, account: Account, monkeypatch: pytest.MonkeyPatch):
    """Other settings, an account that shows no known ticket, nobody to ask, no such run: nothing changes."""
    shop.manifest(3)
    run = shop.run("--limit", "2", "--json").summary["run"]
    shop.run()
    assert shop.do("ledger", "forget", run).code == 2  # without a terminal and --yes
    delete(account, *[row["import_ticket_number"] for row in shop.results()])
    refused = shop.do("ledger", "forget", run, "--yes")
    assert (refused.code, "--even-existing" in refused.err) == (3, True)  # the third ticket is not shown, either
    shop.set(LSQ_TENANT_ID="other")
    assert shop.do("ledger", "forget", run, "--yes").code == 2
    shop.unset("LSQ_TENANT_ID")
    assert shop.do("ledger", "forget", run, "--yes").code == 2
    for name in ("no-such-run", "no-such-file.csv"):
        nothing = shop.do("ledger", "forget", name, "--yes")
        assert (nothing.code, name in nothing.err) == (2, True)
    monkeypatch.setattr("importer.cli.ledger_rows.can_ask", lambda: True)
    monkeypatch.setattr("importer.cli.ledger_rows.ask", lambda _: False)
    assert shop.do("ledger", "forget", run, "--even-existing").code == 1
    assert query(shop.folder, "select state, count(*) from tickets group by state") == [("created", 3)]
    assert query(shop.folder, "select count(*) from tickets where held_by is not null") == [(0,)]


@pytest.mark.parametrize(("rows", "words"), [(1, "ticket "), (3, "any of these 3 tickets")])
def test_an_account_that_shows_no_ticket_is_said_and_asked_about(
    shop: Shop, account: Account, monkeypatch: pytest.MonkeyPatch, rows: int, words: str
):
    """The warning names a ticket to look for, the question asks whether they are deleted, and the end is exit 0."""
    shop.manifest(rows)
    run = shop.run("--json").summary["run"]
    numbers = [row["import_ticket_number"] for row in shop.results()]
    delete(account, *numbers)
    asked: list[str] = []

    def agree(question: str) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr("importer.cli.ledger_rows.can_ask", lambda: True)
    monkeypatch.setattr("importer.cli.ledger_rows.ask", agree)
    done = shop.do("ledger", "forget", run, "--json")
    assert (done.code, done.summary["forgotten"]) == (0, rows)
    [warning] = done.summary["warnings"]
    assert f"does not show {words}" in warning
    assert "(it answered: 404 " in warning
    assert f"Look for ticket {numbers[0]} in the account" in warning
    assert asked[0].endswith("Answer no unless you know that the tickets are deleted.")


def test_a_workbook_of_open_rows_names_all_rows(shop: Shop, account: Account):
    """The other rows are in the CSV file beside it."""
    shop.manifest([good_row(1), ("00002", "", "Open", "lead2@example.com"), good_row(3)])
    shop.run("--skip-invalid", "-o", "work.xlsx", "--open-only")
    assert shop.do("ledger", "forget", "work.xlsx", "--rows", "2-3", "--even-existing", "--yes").code == 0
    assert shop.run("--skip-invalid", "--json").summary["created"] == 1
    assert account.keys == ["00001", "00003", "00001"]


def test_forgetting_ends_an_acknowledgement(shop: Shop, account: Account):
    """A row that was acknowledged by mistake decides the exit code again."""
    shop.manifest([good_row(1), ("00002", "", "Open", "lead2@example.com")])
    shop.run("--skip-invalid")
    shop.do("ledger", "acknowledge", "tickets.results.csv", "--rows", "3", "--reason", "a mistake")
    assert shop.run("--skip-invalid").code == 0
    assert shop.do("ledger", "forget", "tickets.results.csv", "--yes").code == 1  # the ticket of the other row exists
    assert shop.run("--skip-invalid").code == 0  # a row is not named by its file
    assert shop.do("ledger", "forget", "tickets.results.csv", "--rows", "3", "--yes").code == 0
    assert shop.run("--skip-invalid").code == 1
    assert account.keys == ["00001"]
