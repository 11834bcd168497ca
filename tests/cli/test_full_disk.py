"""Real disks that are full, nearly full or read-only, before and during a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from importer.errors import UsageError
from importer.models import Rate
from importer.runtime.disk_space import SpaceNeed, check_space, free_bytes
from tests.cli.limits import start_with
from tests.cli.shop import Account, Shop, ended
from tests.ledger.disks import SmallDisk, small_disk

Open = Callable[..., Account]
ROWS = 60
SLOW = {"rate": Rate(1000, 1), "latency_s": 0.2}
RUN = ("run", "tickets.csv", "-m", "mapping.yaml", "--concurrency", "4")
"""About 20 rows a second, four of them in flight."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 12_000_000) as disk:
        yield disk


def ledger_on(shop: Shop, disk: SmallDisk) -> None:
    shop.set(LSQ_LEDGER=str(disk.folder / "ledger.sqlite"))


def test_a_full_disk_of_the_ledger_stops_the_run(shop: Shop, open_account: Open, disk: SmallDisk):
    """The ledger's reserve records every ticket; with space again, the same command sends the rest."""
    ledger_on(shop, disk)
    account = open_account(**SLOW)
    shop.manifest(ROWS)
    process = shop.start(*RUN)
    account.until(lambda sandbox: len(sandbox.tickets) >= 8)
    disk.fill()
    stopped = ended(process)
    assert stopped.code == 3, stopped.err
    assert "free space on the disk" in stopped.err or "check whether the disk is full" in stopped.err
    assert "Traceback" not in stopped.err
    made = len(account.tickets)
    assert made < ROWS
    assert shop.statuses() == {"created": made, "pending": ROWS - made}
    disk.empty()
    assert shop.run().code == 0
    assert len(set(account.keys)) == len(account.keys) == ROWS
    assert shop.statuses() == {"skipped": made, "created": ROWS - made}


def test_a_full_disk_of_the_results_stops_the_run(shop: Shop, open_account: Open, disk: SmallDisk):
    """No row is sent if its result can't be written, and nothing is sent twice afterwards."""
    account = open_account(**SLOW)
    shop.manifest(ROWS)
    out = ("-o", str(disk.folder / "out.csv"))
    process = shop.start(*RUN, *out, "--json")
    account.until(lambda sandbox: len(sandbox.tickets) >= 4)
    disk.fill()
    stopped = ended(process)
    assert stopped.code == stopped.summary["exit_code"] == 3, stopped.err
    assert "can't be written: No space left on device" in stopped.err
    assert "before that, sending stopped" in stopped.err
    assert stopped.summary["calls"] == account.calls, "a job that reads JSON alone knows that something was sent"
    made = len(account.tickets)
    assert made < ROWS
    assert [path.name for path in disk.folder.iterdir() if path.suffix == ".tmp" or path.name == "out.csv"] == []
    disk.empty()
    assert shop.run(*out).code == 0
    assert len(set(account.keys)) == len(account.keys) == ROWS
    assert shop.statuses("disk/out.csv") == {"skipped": made, "created": ROWS - made}


@pytest.mark.parametrize("what", ["the ledger", "the results"])
def test_a_disk_that_is_nearly_full_is_found_before_the_first_call(
    shop: Shop, open_account: Open, disk: SmallDisk, what: str
):
    """A usage error with the needed and the free space."""
    out = ("-o", str(disk.folder / "out.csv")) if what == "the results" else ()
    if not out:
        ledger_on(shop, disk)
    account = open_account()
    shop.manifest(ROWS)
    disk.fill(but=8_192 if out else 4_194_304 + 400_000)
    refused = shop.run(*out)
    assert refused.code == 2
    assert f"the disk of {disk.folder} is nearly full" in refused.err
    assert what in refused.err
    assert "free some space" in refused.err
    assert account.calls == 0
    disk.empty()
    assert shop.run(*out).code == 0


def test_a_full_temporary_folder_stops_the_run_before_the_first_call(shop: Shop, open_account: Open, disk: SmallDisk):
    """The manifest's copy fits, but not the checked rows: nothing is sent, and no row stays claimed."""
    account = open_account()
    shop.manifest(4 * ROWS)
    copy_bytes = shop.path("tickets.csv").stat().st_size
    disk.fill(but=copy_bytes + 16_384)
    shop.set(TMPDIR=str(disk.folder))
    refused = ended(shop.start(*RUN))
    assert refused.code == 2, refused.err
    assert "the checked rows can't be written to" in refused.err
    assert "set TMPDIR to a folder on another disk" in refused.err
    assert account.calls == 0
    disk.empty()
    assert ended(shop.start(*RUN)).code == 0
    assert len(account.keys) == 4 * ROWS
    assert list(disk.folder.glob("ticket-importer-run-*")) == []


def test_new_files_on_a_full_disk_are_named_and_leave_nothing(shop: Shop, disk: SmallDisk):
    """A draft or a backup that was cut off would be in the way of the next one."""
    shop.manifest(3)
    assert shop.do("ledger", "init").code == 0
    draft, backup = disk.folder / "draft.yaml", disk.folder / "backup.sqlite"
    disk.fill()
    for words, path in ((("suggest", "tickets.csv", "-o"), draft), (("ledger", "backup"), backup)):
        refused = shop.do(*words, str(path))
        assert refused.code == 2, refused.err
        assert f"{path} can't be written" in refused.err
        assert not path.exists()
    disk.empty()
    assert shop.do("suggest", "tickets.csv", "-o", str(draft)).code == 0


def test_a_read_only_place_for_the_results_is_found_before_the_first_call(
    shop: Shop, open_account: Open, disk: SmallDisk
):
    """The results could not be written at the end."""
    account = open_account()
    shop.manifest(3)
    disk.forbid_writing()
    refused = shop.run("-o", str(disk.folder / "out.csv"))
    assert refused.code == 2
    assert "can't be written: Read-only file system" in refused.err
    assert account.calls == 0


def test_a_file_size_limit_stops_the_run_and_loses_nothing(shop: Shop, open_account: Open):
    """As of quotas: rows in flight are unknown."""
    account = open_account(**SLOW)
    shop.manifest(1, "first.csv")
    assert shop.do("run", "first.csv", "-m", "mapping.yaml").code == 0  # now the reserve is there
    shop.manifest(ROWS)
    stopped = ended(start_with({"RLIMIT_FSIZE": 300 << 10}, *RUN))
    assert stopped.code == 3, stopped.err
    assert "check whether the disk is full or a quota is used up" in stopped.err
    statuses, made = shop.statuses(), len(account.tickets)
    assert made < ROWS
    known = statuses["created"] + statuses["skipped"]
    # An intent that was on the disk when the disk took no more is unknown, though its request may never have left.
    assert known <= made <= known + statuses["unknown"]
    assert statuses["unknown"] <= 4
    again = shop.run()
    assert again.code == (1 if statuses["unknown"] else 0), again.err
    assert len(set(account.keys)) == len(account.keys) == ROWS


def test_needs_on_one_disk_are_added_up(tmp_path: Path):
    """Ledger and results that fit one by one, but not together, are refused."""
    half = free_bytes(tmp_path) // 2
    needs = [
        SpaceNeed(what="the ledger", folder=tmp_path, size_bytes=half),
        SpaceNeed(what="the results", folder=tmp_path, size_bytes=half),
    ]
    check_space(needs, lambda _: 2 * half)
    with pytest.raises(UsageError, match="are needed for the ledger and the results"):
        check_space(needs, lambda _: 2 * half - 1)
    assert free_bytes(tmp_path) > 0
