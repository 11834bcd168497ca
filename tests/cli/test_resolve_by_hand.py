"""`resolve` besides the search: decisions of the user, rows of other runs, and errors that stop it."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing

import pytest

from importer.cli import invoke
from importer.models import Rate
from tests.cli.shop import KEY_FIELD, Account, Ended, Shop, ended
from tests.cli.terminal import Terminal
from tests.sandbox.account_client import MULTIPART, keys, multipart, ticket_part

Open = Callable[..., Account]
RESULTS = "tickets.results.csv"


def unanswered(key: str, fault: str = "500", **more: object) -> dict[str, object]:
    return {"match": {KEY_FIELD: key}, "fault": fault, **more}


def resolve(shop: Shop, *arguments: str) -> Ended:
    return shop.do("resolve", RESULTS, *arguments)


def states(shop: Shop) -> dict[str, str]:
    return {row["ID"]: row["import_status"] for row in shop.results()}


def call(account: Account, method: str, path: str, body: bytes, content_type: str = "application/json") -> None:
    sandbox = account.sandbox
    url = f"{sandbox.url}/api/tenants/{sandbox.tenant_id}{path}"
    headers = {**keys(sandbox), "Content-Type": content_type}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method)):
        pass


@pytest.fixture
def two_unknown(shop: Shop, open_account: Open) -> Account:
    """Rows 3 and 5 of five tickets (import_row 4 and 6) are unknown; only the first of these is a ticket."""
    account = open_account([unanswered("00003", "500-after"), unanswered("00005", times=1)])
    shop.manifest(5)
    assert shop.run("--concurrency", "1").code == 1
    assert states(shop)["00003"] == states(shop)["00005"] == "unknown"
    return account


def test_a_found_row_is_created_and_other_rows_do_not_change(shop: Shop, two_unknown: Account):
    """The row has the ticket's IDs; a row that is not found says what was looked up; nothing else has changed."""
    before = shop.results()
    done = resolve(shop)
    after = shop.results()
    assert done.code == 1
    (ticket,) = [each for each in two_unknown.tickets if each.value(KEY_FIELD) == "00003"]
    assert after[2]["import_status"] == "created"
    assert (after[2]["import_ticket_number"], after[2]["import_ticket_id"]) == (ticket.number, ticket.ticket_id)
    assert after[2]["import_error"] == after[2]["import_error_code"] == ""
    assert after[4]["import_error_code"] == "not-found"
    assert "asked for 25 ticket numbers from" in after[4]["import_error"]
    assert before[4]["import_error"] in after[4]["import_error"]
    assert [after[0], after[1], after[3]] == [before[0], before[1], before[3]]
    assert shop.results("tickets.results.1.csv") == before
    assert "1 found" in done.out
    assert shop.run().code == 1
    assert [row["import_ticket_number"] for row in shop.results()][2] == ticket.number
    assert len(two_unknown.keys) == 4


def test_a_second_search_does_not_lengthen_its_report(shop: Shop, two_unknown: Account):
    """Each search replaces what the last one has said, and asks again: a ticket may have been made meanwhile."""
    resolve(shop)
    first, calls = shop.results()[4], two_unknown.calls
    assert resolve(shop).code == 1
    second = shop.results()[4]
    assert two_unknown.calls > calls
    assert second["import_error"].count("resolve asked") == first["import_error"].count("resolve asked") == 1


def test_decisions_of_the_user_are_followed(shop: Shop, two_unknown: Account):
    """`created` takes the ticket's IDs from the account, `pending` lets the next run send the row; both are on record."""
    (ticket,) = [each for each in two_unknown.tickets if each.value(KEY_FIELD) == "00003"]
    done = resolve(shop, "--set", f"4=created:#{ticket.number}", "--set", "6=pending", "--json")
    assert done.code == 1
    assert (done.summary["set_created"], done.summary["set_pending"], done.summary["found"]) == (1, 1, 0)
    rows = shop.results()
    assert (rows[2]["import_status"], rows[2]["import_ticket_id"]) == ("created", ticket.ticket_id)
    assert (rows[4]["import_status"], rows[4]["import_error_code"]) == ("pending", "set-pending")
    assert "by hand at 20" in rows[4]["import_error"]
    assert shop.run().code == 0
    assert sorted(two_unknown.keys) == ["00001", "00002", "00003", "00004", "00005"]


def test_all_rows_not_found_can_be_set_to_pending(shop: Shop, two_unknown: Account):
    """`not-found=pending` lets go of the row that was not found, and keeps the one that was."""
    assert resolve(shop, "--set", "not-found=pending").code == 1
    assert (states(shop)["00003"], states(shop)["00005"]) == ("created", "pending")
    assert shop.rerun().code == 0
    assert sorted(two_unknown.keys) == ["00001", "00002", "00003", "00004", "00005"]


def test_all_invalid_decisions_are_reported_at_once(shop: Shop, two_unknown: Account):
    """Every wrong --set is named in one error: exit 2, no call, and nothing is settled, not even by the right ones."""
    before, calls = shop.path(RESULTS).read_bytes(), two_unknown.calls
    taken = shop.results()[0]["import_ticket_number"]
    wrong = [
        "4",
        "4=gone",
        "x=pending",
        "99=pending",
        "2=pending",
        f"4=created:{taken}",
        "6=created:",
        "not-found=created:1",
    ]
    done = resolve(shop, *(part for text in [*wrong, "6=pending", "6=pending"] for part in ("--set", text)))
    assert (done.code, two_unknown.calls) == (2, calls)
    assert all(f"'{text}'" in done.err for text in wrong)
    assert "row 6 is set twice" in done.err
    assert "there is no row 99" in done.err
    assert shop.path(RESULTS).read_bytes() == before
    assert resolve(shop, "--set", "6=created:90001").code == 2
    assert (shop.path(RESULTS).read_bytes(), states(shop)["00003"]) == (before, "unknown")


def test_results_get_the_ledgers_newest_states(shop: Shop, two_unknown: Account):
    """An older copy of the results is brought up to date without a call; deciding on such a row is refused."""
    shutil.copy(shop.path(RESULTS), shop.path("old.csv"))
    resolve(shop, "--set", "not-found=pending")
    assert shop.run().code == 0
    calls = two_unknown.calls
    assert shop.do("resolve", "old.csv", "--set", "4=pending").code == 2
    assert shop.do("resolve", "old.csv").code == 0
    assert two_unknown.calls == calls
    assert shop.statuses("old.csv") == {"created": 3, "skipped": 2}
    assert all(row["import_ticket_number"] for row in shop.results("old.csv"))


def test_two_tickets_with_one_key_settle_nothing(shop: Shop, two_unknown: Account):
    """Somebody has made a ticket with the key of an unknown row as well: the row names both, and stays unknown."""
    fields = {KEY_FIELD: "00003", "Title": "A copy", "Status": "Open", "LeadDetail.EmailAddress": "copy@example.com"}
    entries = [{"SchemaName": name, "Value": value} for name, value in fields.items()]
    document = {"TypeId": "1", "Fields": entries, "RelatedTicketTypeId": 1}
    with pytest.raises(urllib.error.HTTPError):  # the fault of this key: made, and answered with 500
        call(two_unknown, "POST", "/tickets", multipart(ticket_part(document)), MULTIPART)
    assert resolve(shop, "--set", "not-found=pending").code == 1
    row = shop.results()[2]
    numbers = [each.number for each in two_unknown.tickets if each.value(KEY_FIELD) == "00003"]
    assert (row["import_status"], row["import_error_code"]) == ("unknown", "ambiguous")
    assert ", ".join(numbers) in row["import_error"]
    assert states(shop)["00005"] == "pending"


def test_rows_of_a_live_run_are_refused(shop: Shop, open_account: Open):
    """While a run sends an unknown row again, the row can not be settled: exit 4, without a call."""
    slow = unanswered("00002", "slow", delay_s=4)
    account = open_account([unanswered("00002", times=1), slow])
    shop.manifest(3)
    shop.run()
    shutil.copy(shop.path(RESULTS), shop.path("copy.csv"))
    again = ["rerun", RESULTS, "-m", "mapping.yaml", "--only", "unknown", "--on-unknown", "retry"]
    live = shop.start(*again)
    account.until(lambda sandbox: len(sandbox.calls) >= 4)
    done = shop.do("resolve", "copy.csv", "--set", "3=pending")
    assert (done.code, account.calls) == (4, 4), done.err
    assert ended(live).code == 0
    assert sorted(account.keys) == ["00001", "00002", "00003"]


def test_wrong_keys_cost_one_call(shop: Shop, two_unknown: Account):
    """Refused keys: exit 3 after one call, and nothing is settled, not even what was set by hand."""
    before, calls = shop.path(RESULTS).read_bytes(), two_unknown.calls
    shop.set(LSQ_SECRET_KEY="wrong")
    done = resolve(shop, "--set", "6=pending")
    assert (done.code, two_unknown.calls - calls) == (3, 1)
    assert "refuses the keys" in done.err
    assert shop.path(RESULTS).read_bytes() == before


def test_an_account_that_hides_its_tickets_proves_nothing(shop: Shop, two_unknown: Account):
    """Where not even the ledger's own tickets are shown, rows are not let go as not found: exit 3."""
    before = shop.path(RESULTS).read_bytes()
    numbers = [ticket.number for ticket in two_unknown.tickets]
    call(two_unknown, "PUT", "/tickets/trash", json.dumps({"TicketIds": numbers}).encode())
    done = resolve(shop, "--set", "not-found=pending")
    assert done.code == 3
    assert "does not show ticket" in done.err
    assert shop.path(RESULTS).read_bytes() == before


def test_lookups_keep_the_limit_and_wait_after_a_429(shop: Shop, open_account: Open):
    """At the account's own limit no question is refused; where the limit is set too high, each is asked until answered."""
    account = open_account([unanswered("00003", "500-after")], rate=Rate(15, 0.5))
    shop.manifest(3)
    shop.set(LSQ_RATE="15/0.5")
    shop.run()
    shutil.copy(shop.path(RESULTS), shop.path("first.csv"))
    shutil.copy(shop.path("ledger.sqlite"), shop.path("first.sqlite"))
    kept = resolve(shop, "--json", "--rate", "12/0.5").summary  # the run before it has used three calls
    assert (kept["found"], kept["throttled"]) == (1, 0)
    shop.set(LSQ_LEDGER=str(shop.path("first.sqlite")), LSQ_RATE="1000/0.5")
    broken = shop.do("resolve", "first.csv", "--json").summary
    assert broken["found"] == 1
    assert broken["throttled"] > 0
    assert broken["calls"] == kept["calls"] + broken["throttled"]
    assert len(account.keys) == 3


def test_a_used_up_limit_ends_the_search(shop: Shop, open_account: Open):
    """Calls that the account refuses for longer than --give-up-after end the search: exit 3, and nothing is settled."""
    account = open_account([unanswered("00003", "500-after")], rate=Rate(3, 600))
    shop.manifest(3)
    shop.run()
    before = shop.path(RESULTS).read_bytes()
    done = resolve(shop, "--give-up-after", "300ms", "--set", "not-found=pending")
    assert done.code == 3, done.err
    assert "used up" in done.err
    assert (shop.path(RESULTS).read_bytes(), len(account.keys)) == (before, 3)


def test_an_interruption_settles_nothing(shop: Shop, two_unknown: Account):
    """SIGTERM while a question waits for its slot: exit 143 at once, and file and ledger are as they were."""
    before, calls = shop.path(RESULTS).read_bytes(), two_unknown.calls
    with closing(sqlite3.connect(shop.path("ledger.sqlite"), isolation_level=None)) as ledger:
        ledger.execute("delete from quotas")  # the calls of the run before would hold back the first question, too
    process = shop.start("resolve", RESULTS, "--rate", "1/600", "--set", "6=pending")
    two_unknown.until(lambda sandbox: len(sandbox.calls) > calls)
    process.send_signal(signal.SIGTERM)
    done = ended(process)
    assert done.code == 143, done.err
    assert shop.path(RESULTS).read_bytes() == before
    assert resolve(shop).code == 1
    assert states(shop)["00005"] == "unknown"


def test_the_user_is_asked_before_the_search(shop: Shop, two_unknown: Account):
    """On a terminal the number of calls is shown before the first one; after a no, none is made."""
    calls = two_unknown.calls
    with Terminal("resolve", RESULTS) as terminal:
        terminal.until("[y/N]")
        assert "27 calls" in terminal.seen
        terminal.type("n\n")
        assert terminal.end() == 1
    assert two_unknown.calls == calls


def test_results_of_another_ledger_are_settled_by_set(shop: Shop, two_unknown: Account):
    """Without the ledger of the run nothing is looked up, but the user can decide."""
    shop.set(LSQ_LEDGER=str(shop.path("new.sqlite")))
    assert invoke(["ledger", "init"]) == 0
    calls = two_unknown.calls
    assert resolve(shop, "--set", "6=pending").code == 1
    assert two_unknown.calls == calls
    assert "does not know what was sent" in shop.results()[2]["import_error"]
    assert (states(shop)["00003"], states(shop)["00005"]) == ("unknown", "pending")


def test_a_key_that_a_spreadsheet_changed_is_refused(shop: Shop, two_unknown: Account):
    """A key that the ledger does not know, of a run that it knows, was changed in the file: exit 2, nothing is entered."""
    text = shop.path(RESULTS).read_text(encoding="utf-8-sig")
    shop.path(RESULTS).write_text(text.replace(",00005,", ",5,"), encoding="utf-8-sig")
    done = resolve(shop)
    assert done.code == 2
    assert "import_row 6: '5'" in done.err


def test_the_sandbox_of_resolve_is_empty(shop: Shop, two_unknown: Account):
    """With --sandbox nothing is found and no call reaches the account."""
    text = shop.path(RESULTS).read_text(encoding="utf-8-sig")
    name = f"sandbox-tenant@{two_unknown.sandbox.url.removeprefix('http://')}"
    shop.path("s.csv").write_text(text.replace(name, "sandbox"), encoding="utf-8-sig")
    calls = two_unknown.calls
    assert shop.do("resolve", "s.csv", "--sandbox", "--set", "not-found=pending").code == 1
    assert shop.statuses("s.csv") == {"created": 3, "pending": 2}
    assert two_unknown.calls == calls
