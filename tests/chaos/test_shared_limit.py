"""Two simultaneous runs of one account share its limit, even if one is killed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from importer.models import Rate
from tests.chaos.children import Command, ended, start
from tests.chaos.place import Place
from tests.cli.shop import KEY_FIELD, Account, quick

LIMIT = Rate(10, 1.0)
FEW, MANY = 25, 300


def account() -> Account:
    return Account(quick(rate=LIMIT, algorithm="sliding"))


def keys_of(name: str, rows: int) -> list[str]:
    return [f"{name}{number:03}" for number in range(rows)]


def place_with(folder: Path, account: Account, **rows: int) -> Place:
    """Return a folder with a manifest for each name. No key is in two of them."""
    place = Place(folder, account)
    for name, number in rows.items():
        place.write_manifest((key, f"Ticket {key}") for key in keys_of(name, number))
        (folder / "manifest.csv").rename(folder / f"{name}.csv")
    return place


def sends(place: Place, name: str) -> Command:
    return place.command("run", f"{name}.csv", "-m", "mapping.yaml", "--yes", "--rate", "10/1")


def until_made(account: Account, name: str, tickets: int) -> None:
    """Wait until a run has created so many tickets."""
    account.until(lambda now: sum(str(each.value(KEY_FIELD))[0] == name for each in now.tickets) >= tickets)


def refused(account: Account) -> int:
    return sum(call.status == 429 for call in account.sandbox.calls)


def test_two_runs_share_the_limit(tmp_path: Path) -> None:
    """Both finish without a 429, and every row is one ticket."""
    with account() as here:
        place = place_with(tmp_path, here, A=FEW, B=FEW)
        children = [start(sends(place, name)) for name in "AB"]
        assert [ended(child) for child in children] == [0, 0]
        assert refused(here) == 0
        assert here.calls == 2 * FEW
        assert sorted(here.keys) == keys_of("A", FEW) + keys_of("B", FEW)


@pytest.mark.parametrize("made", [1, 15])
def test_second_run_takes_over_the_limit_of_a_killed_run(made: int, tmp_path: Path) -> None:
    """Before that it has its share. There is no 429 and no standstill."""
    with account() as here:
        place = place_with(tmp_path, here, A=MANY, B=FEW)
        first = start(sends(place, "A"))
        until_made(here, "A", 1)
        second = start(sends(place, "B"))
        until_made(here, "B", made)
        first.kill()
        assert ended(first) == -signal.SIGKILL
        before = [key[0] for key in here.keys]
        assert ended(second) == 0
        assert refused(here) == 0
        keys = here.keys
        assert len(set(keys)) == len(keys)
        assert sorted(key for key in keys if key[0] == "B") == keys_of("B", FEW)
    beside = before[before.index("B") :]
    assert beside.count("B") >= 0.35 * len(beside) - LIMIT.calls / 2, "a burst of the other's may have come first"
