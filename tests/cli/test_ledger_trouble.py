"""Ledgers that can't be used before or during a run; and flags that cause warnings in the plan."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from importer.models import Rate
from tests.cli.shop import Account, Shop, ended

Open = Callable[..., Account]
ROWS = 40
SLOW = {"rate": Rate(1000, 1), "latency_s": 0.2}
RUN = ("run", "tickets.csv", "-m", "mapping.yaml", "--concurrency", "4")


def change(shop: Shop, sql: str) -> None:
    with closing(sqlite3.connect(shop.path("ledger.sqlite"), isolation_level=None)) as ledger:
        ledger.execute(sql)


def scribble(shop: Shop) -> None:
    path = shop.path("ledger.sqlite")
    path.write_bytes(path.read_bytes()[:8192] + b"\xa5" * 20_000)


def only_readers(shop: Shop) -> None:
    with shop.path("ledger.sqlite").open("r+b") as file:
        file.seek(18)
        file.write(b"\x03")  # the version that a writer must know: read-only, even for root


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda shop: change(shop, "update ledger_meta set value = '99'"), "schema version 99"),
        (lambda shop: change(shop, "delete from ledger_meta"), "has no valid schema version"),
        (scribble, "backup"),
        (only_readers, "permission to write to it"),
        (lambda shop: shop.path("ledger.sqlite").write_bytes(b""), "no ledger found"),
        (lambda shop: shop.path("ledger.sqlite").unlink(), "no ledger found"),
    ],
    ids=["newer", "nameless", "damaged", "read-only", "empty", "gone"],
)
def test_an_unusable_ledger_is_found_before_the_first_call(
    shop: Shop, account: Account, spoil: Callable[[Shop], object], said: str
):
    """A usage error with a hint: no call, no results, and the ledger is unchanged."""
    shop.manifest(3)
    change(shop, "pragma wal_checkpoint(truncate)")
    spoil(shop)
    refused = shop.run()
    assert refused.code == 2
    assert said in refused.err
    assert "hint: " in refused.err
    assert account.calls == 0
    assert not shop.path("tickets.results.csv").exists()
    assert not list(shop.folder.glob("*.lock"))


def test_a_ledger_locked_during_a_run_stops_it(shop: Shop, open_account: Open):
    """Another program locks it: exit 3, unrecorded outcomes are unknown, and the same command continues."""
    shop.set(LSQ_LEDGER=f"sqlite:///{shop.path('ledger.sqlite')}?timeout=0.3")
    account = open_account(**SLOW)
    shop.manifest(ROWS)
    process = shop.start(*RUN)
    account.until(lambda sandbox: len(sandbox.tickets) >= 8)
    with closing(sqlite3.connect(shop.path("ledger.sqlite"), isolation_level=None, timeout=20)) as holder:
        holder.execute("begin immediate")
        stopped = ended(process)
        holder.execute("rollback")
    assert stopped.code == 3, stopped.err
    assert "another program keeps it locked" in stopped.err
    assert "the end of this run could not be recorded" in stopped.err
    made, statuses = len(account.tickets), shop.statuses()
    assert statuses["created"] + statuses["unknown"] >= made
    assert statuses["unknown"] <= 4
    again = shop.run()
    assert again.code == (1 if statuses["unknown"] else 0), again.err
    assert len(set(account.keys)) == len(account.keys)
    assert len(account.keys) >= ROWS - statuses["unknown"]


def test_a_ledger_removed_during_a_run_stops_it(shop: Shop, open_account: Open):
    """Requests in it would be forgotten, so nothing more is sent; after its return the same command continues."""
    account = open_account(**SLOW)
    shop.manifest(ROWS)
    process = shop.start(*RUN)
    account.until(lambda sandbox: len(sandbox.tickets) >= 8)
    shop.path("ledger.sqlite").rename(shop.path("elsewhere.sqlite"))
    stopped = ended(process)
    assert stopped.code == 3, stopped.err
    assert "moved, removed or replaced" in stopped.err
    assert len(account.tickets) < ROWS
    for ending in ("", "-wal", "-shm"):
        if shop.path(f"elsewhere.sqlite{ending}").exists():
            shop.path(f"elsewhere.sqlite{ending}").rename(shop.path(f"ledger.sqlite{ending}"))
    assert shop.statuses() == {"created": len(account.tickets), "pending": ROWS - len(account.tickets)}
    again = shop.run()
    assert again.code == 0, again.err
    assert "recorded" in again.err  # the answers that the ledger could not take
    assert len(set(account.keys)) == len(account.keys) == ROWS


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--on-unknown", "retry"), "--on-unknown retry"),
        (("--retry-status", "503,500"), "--retry-status 500,503"),
        (("--on-unknown", "retry", "--retry-status", "503"), "--on-unknown retry and --retry-status 503"),
    ],
    ids=["unknown", "status", "both"],
)
def test_flags_that_may_create_duplicates_cause_warnings(
    shop: Shop, open_account: Open, flags: tuple[str, ...], named: str
):
    """In the plan and in a dry run; the summary counts the repeated rows."""
    account = open_account([{"calls": "2-3", "fault": "500-after"}])
    shop.manifest(4)
    warning = f"{named}: rows that may already be tickets are sent again, and may become duplicates"
    assert warning in shop.run("--dry-run", *flags).out
    done = shop.run(*flags)
    assert done.code == 0
    assert warning in done.err
    assert "2 rows were sent again although the first request may have created a ticket" in done.out
    assert len(account.tickets) == 6
    with closing(sqlite3.connect(shop.path("ledger.sqlite"))) as ledger:
        waits = ledger.execute("select outcome, wait_s is not null from attempts order by id").fetchall()
    assert sorted(waits) == [("created", 0)] * 4 + [("unclear", 1)] * 2


def test_without_such_flags_there_is_no_warning(shop: Shop, account: Account):
    """JSON has the number 0."""
    shop.manifest(2)
    done = shop.run("--json")
    assert done.summary["repeated"] == 0
    assert "may become duplicates" not in done.err
