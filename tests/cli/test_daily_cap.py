"""`--daily-cap` limits the calls of 24 hours, counted in the ledger; the same command continues a day later."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable

import pytest

from tests.cli.shop import Account, Shop

A_DAY_MIN = 24 * 60


def a_day_passes(shop: Shop) -> None:
    """Move the times of all calls into the past, by up to a day and a minute."""
    with contextlib.closing(sqlite3.connect(shop.path("ledger.sqlite"), isolation_level=None)) as ledger:
        ledger.execute("update calls set minute = minute - ?", (A_DAY_MIN + 1,))


def test_rows_beyond_the_daily_cap_are_pending_until_the_next_day(shop: Shop, account: Account) -> None:
    """Each day makes exactly as many calls as the cap allows; the exit code is 1 until the last day; no row is sent twice."""
    shop.manifest(23)
    for made in (10, 20):
        ended = shop.run("--yes", "--daily-cap", "10")
        assert ended.code == 1
        assert account.calls == made
        assert shop.statuses()["pending"] == 23 - made
        assert f"had {10} calls in the last 24 hours" in ended.err
        assert "run the same command again" in ended.err
        assert shop.run("--yes", "--daily-cap", "10").code == 1, "the same day"
        assert account.calls == made
        a_day_passes(shop)
    assert shop.run("--yes", "--daily-cap", "10").code == 0
    assert shop.statuses() == Counter(skipped=20, created=3)
    assert sorted(account.keys) == [row["ID"] for row in shop.results()]


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (23, "daily cap    10 calls, 10 of them left in these 24 hours: 3 days, run the same command on each"),
        (10, "daily cap    10 calls, 10 of them left in these 24 hours"),
    ],
)
def test_the_plan_shows_how_many_days_a_cap_takes(rows: int, line: str, shop: Shop, account: Account) -> None:
    """Before anything is sent, and nothing of days where one is enough."""
    shop.manifest(rows)
    ended = shop.run("--dry-run", "--daily-cap", "10")
    assert line in ended.err.splitlines() + ended.out.splitlines()
    assert account.calls == 0


def test_the_plan_counts_the_calls_of_the_last_24_hours(shop: Shop, account: Account) -> None:
    """Calls of other runs of the account, whatever their manifest was."""
    shop.manifest(4)
    assert shop.run("--yes").code == 0
    shop.manifest((f"N{number}", "Ticket", "Open", f"n{number}@example.com") for number in range(8))
    ended = shop.run("--yes", "--daily-cap", "10")
    assert ended.code == 1
    assert "10 calls, 6 of them left in these 24 hours: 2 days, run the same command on each\n" in ended.err
    assert account.calls == 10
    assert shop.statuses() == Counter(created=6, pending=2)


def test_json_says_that_the_cap_was_reached(shop: Shop, account: Account) -> None:
    """The exit code and `stopped` say that the cap was reached; pending rows are counted."""
    shop.manifest(5)
    ended = shop.run("--yes", "--json", "--daily-cap", "3")
    assert ended.code == ended.summary["exit_code"] == 1
    assert (ended.summary["created"], ended.summary["pending"], ended.summary["calls"]) == (3, 2, 3)
    assert "--daily-cap" in str(ended.summary["stopped"])
    assert account.calls == 3


def test_calls_without_a_ticket_count_for_the_cap(shop: Shop, open_account: Callable[..., Account]) -> None:
    """A refused row and a 429 are calls of the day as well; the rest of the rows is pending."""
    account = open_account([{"calls": [2], "fault": "429", "retry_after": 0}, {"calls": [3], "fault": "400"}])
    shop.manifest(6)
    assert shop.run("--yes", "--daily-cap", "4", "--concurrency", "1").code == 1
    assert account.calls == 4
    assert shop.statuses() == Counter(created=2, failed=1, pending=3)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_an_invalid_cap_is_a_usage_error(value: str, shop: Shop, account: Account) -> None:
    """Wrong usage, before anything is read or sent."""
    shop.manifest(1)
    ended = shop.run("--yes", "--daily-cap", value)
    assert ended.code == 2
    assert "--daily-cap" in ended.err
    assert account.calls == 0
