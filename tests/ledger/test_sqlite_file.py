"""An SQLite ledger's file: on a local disk, with reserved space to record outcomes, and the same file to the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.errors import LedgerError
from importer.ledger.records import RunInfo
from importer.ledger.sqlite_file import RESERVE_BYTES, file_system_type, refuse_network_disk
from importer.ledger.store import Ledger
from tests.ledger.disks import SmallDisk, small_disk
from tests.ledger.ledgers import created, entry, intent, live_run, new_ledger, new_run, reopened, url_of

MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 27 0:22 / /sys rw,relatime shared:7 - sysfs sysfs rw
40 27 0:35 / /net rw,relatime shared:1 master:2 - nfs4 server.example.com:/net rw,vers=4.2
41 40 8:1 / /net/ann/local\\040disk rw - xfs /dev/sdb1 rw
42 27 0:36 / /share rw - cifs //server.example.com/share rw
43 27 0:37 / /ssh rw - fuse.sshfs ann@host.example.com: rw
44 27 0:38 / /win rw - fuseblk /dev/sdc1 rw
45 27 0:39 / /over rw - nfs server.example.com:/a rw
46 27 8:2 / /over rw - ext4 /dev/sdd1 rw
47 27 0:40 / /bucket rw - fuse.s3fs s3fs rw
nonsense
"""


def intend_all(ledger: Ledger, run: RunInfo, rows: int) -> None:
    for number in range(rows):
        ledger.commit(run, [intent(f"queued {number}")])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 8_000_000) as disk:
        yield disk


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/ledger.sqlite", "ext4"),
        ("/net/ann/ledger.sqlite", "nfs4"),
        ("/net/ann/local disk/ledger.sqlite", "xfs"),
        ("/nets/ledger.sqlite", "ext4"),
        ("/share/ledger.sqlite", "cifs"),
        ("/ssh/deep/down/ledger.sqlite", "fuse.sshfs"),
        ("/over/ledger.sqlite", "ext4"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_its_nearest_mount(path: str, kind: str) -> None:
    """Similar names, escaped blanks, and mounts over mounts are distinguished."""
    assert file_system_type(Path(path), MOUNTS) == kind


def test_without_a_list_of_mounts_the_ledger_is_used(tmp_path: Path) -> None:
    """Also with an unreadable list."""
    assert file_system_type(Path("/x"), "") == ""
    refuse_network_disk(tmp_path / "ledger.sqlite", tmp_path / "no such list")


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("/net/ann/l", True),
        ("/share/l", True),
        ("/ssh/l", True),
        ("/bucket/l", True),
        ("/win/l", False),
        ("/l", False),
    ],
)
def test_a_ledger_on_a_network_file_system_is_refused(tmp_path: Path, path: str, refused: bool) -> None:  # noqa: FBT001 - a table
    """SQLite's locks work on one machine: NFS, SMB and network FUSE are refused, with two alternatives."""
    (tmp_path / "mounts").write_text(MOUNTS, encoding="utf-8")
    if not refused:
        refuse_network_disk(Path(path), tmp_path / "mounts")
        return
    with pytest.raises(LedgerError, match="network file system") as caught:
        refuse_network_disk(Path(path), tmp_path / "mounts")
    assert caught.value.exit_code == 2
    assert "LSQ_LEDGER" in caught.value.hint
    assert "PostgreSQL" in caught.value.hint


def test_a_link_to_another_file_system_is_followed(tmp_path: Path) -> None:
    """The location of the file counts, not that of the link."""
    (tmp_path / "mounts").write_text(f"1 1 0:1 / / rw - ext4 a rw\n2 1 0:2 / {tmp_path}/far rw - nfs b rw\n", "utf-8")
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    with pytest.raises(LedgerError, match=r"\(nfs\)"):
        refuse_network_disk(tmp_path / "near" / "ledger.sqlite", tmp_path / "mounts")


def test_a_run_reserves_disk_space_for_requests_in_flight(tmp_path: Path) -> None:
    """The reserve exists when a run begins, and really occupies its bytes."""
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        live_run(ledger, "A")
        status = (tmp_path / "ledger.sqlite.reserve").stat()
        assert status.st_size == RESERVE_BYTES
        assert status.st_blocks * 512 >= RESERVE_BYTES


def test_a_full_disk_is_found_before_any_row_is_validated(disk: SmallDisk) -> None:
    """A full disk when the run begins is a usage error with a hint, and leaves no file."""
    with contextlib.closing(new_ledger(disk.folder)) as ledger:
        disk.fill(but=RESERVE_BYTES // 2)
        with pytest.raises(LedgerError, match="No space left") as caught:
            ledger.begin_run(new_run())
        assert "free space on the disk" in caught.value.hint
        assert not (disk.folder / "ledger.sqlite.reserve").exists()
        disk.empty()
    with contextlib.closing(reopened(disk.folder)) as ledger:
        live_run(ledger, "A")


def test_on_a_full_disk_the_reserve_allows_to_record_outcomes(disk: SmallDisk) -> None:
    """No intent can be written, so nothing is sent; the freed reserve has space for all outcomes and the run's end."""
    keys = [f"key {number}" for number in range(200)]
    with contextlib.closing(new_ledger(disk.folder)) as ledger:
        run = live_run(ledger, *keys, *(f"queued {number}" for number in range(5_000)))
        ledger.commit(run, [intent(key) for key in keys])
        disk.fill()
        with pytest.raises(LedgerError, match=r"full|disk I/O"):  # the database is full, or the index of its log
            intend_all(ledger, run, 5_000)
        ledger.free_reserve()
        for key in keys:
            ledger.commit(run, [created(key)])
        ledger.end_run(run.id, 3)
        assert {each.state for each in ledger.look_up(run.account, run.source, keys).values()} == {"created"}
    disk.empty()
    with contextlib.closing(reopened(disk.folder)) as ledger:
        again = live_run(ledger, *keys, "queued 4999")
        assert entry(ledger, again, keys[-1]).state == "created"
        assert entry(ledger, again, "queued 4999").state == "pending"


def test_a_read_only_disk_is_found_before_any_row_is_validated(disk: SmallDisk) -> None:
    """The error comes when the ledger is opened or the run begins, before any call."""
    new_ledger(disk.folder).close()
    disk.forbid_writing()
    with (
        pytest.raises(LedgerError) as caught,
        contextlib.closing(Ledger.open(url_of(disk.folder / "ledger.sqlite"))) as ledger,
    ):
        ledger.begin_run(new_run())
    assert caught.value.exit_code == 2
    assert "can't be used" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_removed_or_replaced_ledger_accepts_no_more_intents(tmp_path: Path, how: str) -> None:
    """Records written to the open file would be lost."""
    path = tmp_path / "ledger.sqlite"
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = live_run(ledger, "A")
        path.rename(tmp_path / "elsewhere.sqlite")
        if how == "replaced":
            path.write_bytes((tmp_path / "elsewhere.sqlite").read_bytes())
        with pytest.raises(LedgerError, match="moved, removed or replaced") as caught:
            ledger.commit(run, [intent("A")])
        assert "put the original file back" in caught.value.hint
        (tmp_path / "elsewhere.sqlite").replace(path)
        ledger.commit(run, [intent("A")])
        assert entry(ledger, run, "A").state == "sending"
