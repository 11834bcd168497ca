"""A real disk, small enough to be filled, where this user may mount one."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_FILLER = "filler"


class SmallDisk:
    """A mounted memory disk of a given size in bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, but: int = 0) -> None:
        """Leave so many bytes free, rounded down to a page, in one step: other processes may be freeing space."""
        with (self.folder / _FILLER).open("ab") as file:
            while (left := self.free - but) > 0:
                try:
                    os.posix_fallocate(file.fileno(), 0, left)
                except OSError:  # another process has used some of the space
                    continue
                return

    def empty(self) -> None:
        """Free the disk's space again."""
        (self.folder / _FILLER).unlink()

    @property
    def free(self) -> int:
        """Return how many bytes can still be written."""
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def forbid_writing(self) -> None:
        """Make the disk read-only."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[SmallDisk]:
    """Mount a disk at a new folder; skip the test without the permission to mount."""
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
