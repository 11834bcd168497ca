"""`ledger acknowledge`: known bad rows don't decide the exit code, and are not sent, until their cells change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.shop import KEY_FIELD, Account, Shop, good_row

Open = Callable[..., Account]
NO_TITLE = ("00002", "", "Open", "lead2@example.com")
NO_KEY = ("", "Ticket 3", "Open", "lead3@example.com")
ACKNOWLEDGE = ("ledger", "acknowledge", "tickets.results.csv", "--reason", "known since May", "--rows")


def test_a_night_with_known_bad_rows_ends_with_0(shop: Shop, open_account: Open):
    """Rejected and failed rows are counted apart, sent no more, and don't block the others, until they are corrected."""
    account = open_account([{"match": {KEY_FIELD: "00004"}, "fault": "400", "times": 1}])
    rows = [good_row(1), NO_TITLE, NO_KEY, good_row(4)]
    shop.manifest(rows)
    first = shop.run("--skip-invalid", "--json")
    assert (first.code, first.summary["rejected"], first.summary["failed"]) == (1, 2, 1)
    done = shop.do(*ACKNOWLEDGE, "2-5")
    assert (done.code, done.out.splitlines()[0]) == (0, "acknowledged 3 rows of tickets.results.csv: 3, 4, 5")
    assert "row 2 is created" in done.out
    calls = account.calls
    plan = shop.run("--dry-run", "--json")
    assert (plan.code, plan.summary["acknowledged"], plan.summary["rejected"], plan.summary["to_send"]) == (0, 3, 0, 0)
    shop.manifest([*rows, good_row(5)])
    night = shop.run("--json")  # without --skip-invalid: nothing unknown is wrong
    assert night.code == 0
    counts = {
        name: night.summary[name] for name in ("rows", "created", "skipped", "rejected", "failed", "acknowledged")
    }
    assert counts == {"rows": 5, "created": 1, "skipped": 1, "rejected": 0, "failed": 0, "acknowledged": 3}
    assert account.calls == calls + 1
    assert [row["import_status"] for row in shop.results()] == ["skipped", "rejected", "rejected", "failed", "created"]
    assert all("known since May" in row["import_hint"] for row in shop.results()[1:4])
    assert "3 acknowledged" in shop.run().out
    assert "exit code 0, every row is a ticket, or known to be bad" in shop.do("history").out
    assert shop.do("validate", "tickets.csv", "-m", "mapping.yaml").code == 0
    assert shop.rerun("--only", "pending").code == 0  # also where the rows keep their former results
    shop.manifest([good_row(1), good_row(2), NO_KEY, ("00004", "Ticket 4", "Closed", "lead4@example.com"), good_row(5)])
    corrected = shop.run("--json").summary
    assert (corrected["created"], corrected["acknowledged"], corrected["exit_code"]) == (2, 1, 0)


def test_other_rows_still_decide_the_exit_code(shop: Shop, account: Account):
    """A new bad row, and a bad row whose cells changed and are still bad, end with 1."""
    shop.manifest([good_row(1), NO_TITLE])
    assert shop.run("--skip-invalid").code == 1
    assert shop.do(*ACKNOWLEDGE, "3").code == 0
    assert shop.run().code == 0
    shop.manifest([good_row(1), NO_TITLE, ("00006", "", "Open", "lead6@example.com")])
    assert shop.run("--skip-invalid").code == 1
    shop.manifest([good_row(1), ("00002", "", "Closed", "lead2@example.com")])
    changed = shop.run("--skip-invalid", "--json").summary
    assert (changed["exit_code"], changed["rejected"], changed["acknowledged"]) == (1, 1, 0)
    assert account.keys == ["00001"]


def test_a_row_that_a_changed_mapping_accepts_is_still_not_sent(shop: Shop, account: Account):
    """It is pending and acknowledged: only its cells end the acknowledgement."""
    shop.manifest([good_row(1), NO_TITLE])
    shop.run("--skip-invalid")
    shop.do(*ACKNOWLEDGE, "3")
    mapping = shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text("utf-8").replace("required: true", "default: untitled"), "utf-8")
    assert shop.run("--json").summary["acknowledged"] == 1
    assert [row["import_status"] for row in shop.results()] == ["skipped", "pending"]
    assert account.keys == ["00001"]


def test_resolve_counts_acknowledged_rows_apart_too(shop: Shop, open_account: Open):
    """It ends with 0 if it settles all unknown rows, and the others are tickets or acknowledged."""
    open_account([{"match": {KEY_FIELD: "00003"}, "fault": "reset-after"}])
    shop.manifest([good_row(1), NO_TITLE, good_row(3), good_row(4)])
    shop.run("--skip-invalid")
    shop.do(*ACKNOWLEDGE, "3")
    resolved = shop.do("resolve", "tickets.results.csv", "--json").summary
    assert (resolved["exit_code"], resolved["found"], resolved["acknowledged"]) == (0, 1, 1)
    assert [row["import_status"] for row in shop.results()] == ["created", "rejected", "created", "created"]


def test_a_results_file_that_a_spreadsheet_saved_names_the_right_rows(shop: Shop, account: Account):
    """The ledger knows the cells as the run read them, so a damaged copy acknowledges the row of the manifest."""
    shop.manifest([good_row(1), NO_TITLE])
    shop.run("--skip-invalid")
    results = shop.path("tickets.results.csv")
    results.write_bytes(results.read_bytes().replace(b"\r\n00002,", b"\r\n2,").replace(b",Open,lead2", b",open,lead2"))
    assert shop.do(*ACKNOWLEDGE, "3").code == 0
    assert shop.run().code == 0
    assert account.keys == ["00001"]


def test_what_can_not_be_acknowledged(shop: Shop, account: Account, tmp_path: Path):
    """Created rows, rows of a ledger that does not know them, an empty reason: exit 2, with what to do."""
    shop.manifest([good_row(1), NO_TITLE])
    shop.run("--skip-invalid")
    created = shop.do(*ACKNOWLEDGE, "2,7")
    assert created.code == 2
    assert "row 2 is created" in created.err
    assert shop.do(*ACKNOWLEDGE[:-2], " ", "--rows", "3").code == 2
    shop.set(LSQ_LEDGER=str(tmp_path / "other.sqlite"))
    shop.do("ledger", "init")
    other = shop.do(*ACKNOWLEDGE, "3")
    assert (other.code, "does not know" in other.err) == (2, True)
    assert account.keys == ["00001"]
