"""Checks before the first call that the disks have enough space for an import."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from importer.errors import UsageError
from importer.runtime.display_text import size_text

# Measured, and rounded down: who is refused would not have come to the end. What the rows hold comes on top.
LEDGER_ROW_BYTES = 400
RESULTS_ROW_BYTES = 130
LEDGER_LEAST_BYTES = 1_000_000  # its write-ahead log, which is written before the tables


@dataclass(frozen=True, kw_only=True)
class SpaceNeed:
    """The bytes that one file needs in one folder. ``what``: the file's name in messages."""

    what: str
    folder: Path
    size_bytes: int


def free_bytes(folder: Path) -> int:
    """Return how many bytes this user may still write in a folder."""
    return shutil.disk_usage(folder).free


def check_space(needs: Iterable[SpaceNeed], free: Callable[[Path], int] = free_bytes) -> None:
    """Raise UsageError if a disk has less free space than all files on it need."""
    disks: dict[int, list[SpaceNeed]] = {}
    for need in needs:
        disks.setdefault(need.folder.stat().st_dev, []).append(need)
    for on_disk in disks.values():
        needed, there = sum(need.size_bytes for need in on_disk), free(on_disk[0].folder)
        if there < needed:
            what = " and ".join(need.what for need in on_disk)
            raise UsageError(
                f"the disk of {on_disk[0].folder} is nearly full: {size_text(there)} are free, and at least "
                f"{size_text(needed)} are needed for {what}",
                hint="nothing was sent; free some space, or choose another disk with -o and --ledger",
            )
