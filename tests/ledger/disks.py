"""A real disk that is small enough to be filled, where this user may mount one."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_FILLER = "filler"


class SmallDisk:
    """A mounted memory disk of so many bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, but: int = 0) -> None:
        """Leave so many bytes free, rounded down to a page; in one step, as others may be making room meanwhile."""
        with (self.folder / _FILLER).open("ab") as file:
            while (left := self.free - but) > 0:
                try:
                    os.posix_fallocate(file.fileno(), 0, left)
                except OSError:  # someone else has taken some of it
                    continue
                return

    def empty(self) -> None:
        """Make room again."""
        (self.folder / _FILLER).unlink()

    @property
    def free(self) -> int:
        """How much can still be written."""
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def forbid_writing(self) -> None:
        """Make it a disk that can only be read."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[SmallDisk]:
    """Mount a disk at a new folder; skips the test where that takes rights that this user has not."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "none", str(folder)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no `mount` here")
    if mounted.returncode:
        pytest.skip(f"a disk to be filled can't be mounted here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
