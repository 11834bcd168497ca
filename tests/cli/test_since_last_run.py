"""What a run tells of the rows since the last run of the same manifest."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cli.shop import KEY_FIELD, Account, Ended, Shop, good_row

Open = Callable[..., Account]
NAMES = ("new", "edited", "gone", "newly_failed", "still_failing")


def bad_row(number: int, title: str = "") -> tuple[str, ...]:
    """A row with a wrong state."""
    return (f"{number:05}", title or f"Ticket {number}", "Nope", "a@example.com")


def since(done: Ended) -> tuple[int | None, ...] | None:
    """The counts since the last run."""
    found = done.summary["since_last_run"]
    assert found is None or tuple(found) == NAMES
    return None if found is None else tuple(found.values())


def test_each_night_tells_what_is_new(shop: Shop, open_account: Open):
    """Rows that are new, edited or gone, and rows that fail newly or still; the same file again has nothing new."""
    open_account([{"match": {KEY_FIELD: key}, "fault": "400"} for key in ("00005", "00021")])
    flags = ("--skip-invalid", "--json")
    keyless = ("", "No key", "Open", "a@example.com")
    first = [*map(good_row, range(1, 13)), bad_row(13), keyless]
    shop.manifest(first)
    assert since(shop.run(*flags)) is None
    assert since(shop.run(*flags)) == (0, 0, 0, 0, 3)
    second = [
        *[row for row in first if row[0] not in ("00004", "00013")],
        *map(good_row, (20, 21)),
        bad_row(13, "Edited"),
        bad_row(22),
    ]
    second[1] = ("00002", "Another title", *second[1][2:])
    shop.manifest(second)
    done = shop.run(*flags, "--log-format", "json")
    assert since(done) == (3, 2, 1, 2, 3)
    assert json.loads(done.err.splitlines()[-1])["since_last_run"] == done.summary["since_last_run"]
    assert (
        "compared     with the last run: 0 new, 0 edited, 0 gone, 0 newly failed, 5 still failing"
        in shop.run("--skip-invalid").out
    )
    assert since(shop.rerun("--json")) is None
    assert since(shop.run(*flags)) == (0, 0, 0, 0, 5), "a rerun is no run of this manifest"


def test_an_export_with_the_date_in_its_name_is_compared_with_the_one_before(shop: Shop, account: Account):
    """A number that is no date makes another manifest."""
    found = []
    for night, name in enumerate(("t-2026-11-27.csv", "t-2026-11-28.csv", "t-20261129T0215.csv", "t-2.csv")):
        shop.manifest([*map(good_row, range(1, 3 + night)), bad_row(9)], name)
        found.append(since(shop.do("run", name, "-m", "mapping.yaml", "--skip-invalid", "--json")))
    assert found == [None, (1, 0, 0, 0, 1), (1, 0, 0, 0, 1), None]


@pytest.mark.parametrize("flags", [("--rows", "2-3"), ("--where", "State=Open"), ("--sample", "1"), ("--limit", "1")])
def test_a_row_that_a_run_left_out_still_fails(shop: Shop, account: Account, flags: tuple[str, ...]):
    """The run before has its state; a row that fails for the first time is new all the same."""
    shop.manifest([*map(good_row, (1, 2, 3)), bad_row(7)])
    shop.run("--skip-invalid", "--limit", "1")
    for _ in range(2):
        shop.run("--skip-invalid", *flags)
    shop.manifest([*map(good_row, (1, 2, 3)), bad_row(7), bad_row(8)])
    found = since(shop.run("--skip-invalid", "--json"))
    assert found is not None
    assert found[3:] == (1, 1)


def test_a_row_that_was_corrected_and_fails_again_is_new(shop: Shop, open_account: Open):
    """A row is compared with the last run, not with every run before."""
    open_account([{"match": {"Title": "Ticket 3"}, "fault": "400"}])
    nights: list[tuple[tuple[str, ...], tuple[int, int]]] = [
        (bad_row(2), (0, 1)),
        (("00002", "Ticket 3", "Open", "a@example.com"), (0, 1)),
        (("00002", "Ticket 4", "Open", "a@example.com"), (0, 0)),
    ]
    shop.manifest([good_row(1), bad_row(2)])
    shop.run("--skip-invalid")
    for row, failing in nights:
        shop.manifest([good_row(1), row])
        found = since(shop.run("--skip-invalid", "--json"))
        assert found is not None
        assert found[3:] == failing
    shop.manifest([good_row(1), good_row(2), bad_row(7)])
    assert since(shop.run("--skip-invalid", "--json")) == (1, 1, 0, 1, 0)


def test_a_run_that_was_blocked_counts_only_for_failing_rows(shop: Shop, account: Account):
    """Its file was not gone through, but its rejected rows are known."""
    shop.manifest([good_row(1), bad_row(2)])
    assert since(shop.run("--json")) is None
    shop.manifest([good_row(1), bad_row(2), bad_row(3)])
    assert since(shop.run("--json")) == (None, None, None, 1, 1)
    assert "with the last run: 0 newly failed, 2 still failing" in shop.run().out
