"""`--keep-results`: the oldest results of former runs are removed, and never one that somebody works with."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.cli.shop import KEY_FIELD, Account, Shop
from tests.cli.spreadsheets import column

Open = Callable[..., Account]
RESULTS, BOOK = "tickets.results.csv", "tickets.results.xlsx"


def numbers(shop: Shop, ending: str = ".csv") -> list[int]:
    """Return the numbers of the former results."""
    names = [path.name.split(".") for path in shop.folder.glob(f"tickets.results.*{ending}")]
    return sorted(int(parts[2]) for parts in names if parts[2].isdigit())


@pytest.fixture
def six_runs(shop: Shop, open_account: Open) -> None:
    """Results of six runs: five of them have numbers."""
    open_account()
    shop.manifest(2)
    for _ in range(6):
        assert shop.run().code == 0


@pytest.mark.usefixtures("six_runs")
def test_the_oldest_results_are_removed(shop: Shop):
    """Those with the lowest numbers; numbers go on. The log says which."""
    assert numbers(shop) == [1, 2, 3, 4, 5], "up to ten are kept"
    done = shop.run("--keep-results", "2")
    assert numbers(shop) == [5, 6]
    assert "removed tickets.results.1.csv" in done.err
    assert shop.run("--keep-results", "2").code == 0
    assert numbers(shop) == [6, 7]
    assert shop.run("--keep-results", "0").code == 0
    assert numbers(shop) == []
    assert len(shop.results()) == 2


@pytest.mark.usefixtures("six_runs")
def test_results_that_somebody_works_with_stay(shop: Shop):
    """An edited file, files that are open in LibreOffice or Excel, and a file that no run wrote."""
    edited, copied = shop.path("tickets.results.1.csv"), shop.path("tickets.results.2024.csv")
    edited.write_bytes(edited.read_bytes().replace(b"Open", b"Closed", 1))
    shop.path(".~lock.tickets.results.2.csv#").touch()
    shop.path("~$tickets.results.3.csv").touch()
    copied.write_text("a,b\n1,2\n", "utf-8")
    shop.path("tickets.results.0.csv").symlink_to(shop.path("tickets.csv"))
    shop.path("other.results.1.csv").write_bytes(shop.path(RESULTS).read_bytes())
    assert shop.run("--keep-results", "0").code == 0
    assert numbers(shop) == [0, 1, 2, 3, 2024]
    assert shop.path("other.results.1.csv").exists()
    assert shop.path("tickets.csv").exists()


def test_corrections_of_a_user_are_never_removed(shop: Shop, open_account: Open):
    """`rerun` keeps the file that the user corrected; in a workbook, too, and whatever becomes of the CSV beside it."""
    open_account([{"match": {KEY_FIELD: "00002"}, "fault": "refused-200"}])
    shop.manifest(3)
    shop.run("-o", BOOK, "--open-only")
    shop.path(BOOK).write_bytes(shop.path(BOOK).read_bytes() + b"\n")  # as if it had been saved again
    for _ in range(3):
        assert shop.do("rerun", BOOK, "-m", "mapping.yaml", "--keep-results", "1").code == 1
    assert numbers(shop, ".xlsx") == [1, 3]
    assert column(shop.path("tickets.results.1.xlsx"), "import_key") == ["00002"]
    assert numbers(shop) == [3]


def test_a_ledger_that_does_not_know_a_file_keeps_it(shop: Shop, open_account: Open):
    """Results of another ledger or of the sandbox may be the only record of a run."""
    open_account()
    shop.manifest(1)
    for _ in range(3):
        assert shop.run("--sandbox", "-o", RESULTS, "--keep-results", "0").code == 0
    assert numbers(shop) == [1, 2]
    shutil.move(shop.path(RESULTS), shop.path("sandbox.csv"))
    assert shop.run("--keep-results", "0").code == 0
    assert numbers(shop) == [1, 2]
