"""The file of an SQLite ledger: checks of its file system and identity, and a reserve of disk space."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from pathlib import Path

from importer.errors import LedgerError
from importer.ledger import database
from importer.runtime.atomic_files import create_private

RESERVE_BYTES = 4 * 1024 * 1024  # several times the space that settling a thousand requests in flight needs
_PATIENCE_S = 0.2

_MOUNTS = Path("/proc/self/mountinfo")
# SQLite's log needs locks and shared memory, which work on one machine only.
_NETWORK = frozenset(
    {
        *("9p2000.L", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs"),
        *("nfs", "nfs4", "orangefs", "smb2", "smb3", "smbfs"),
    }
)
_NETWORK_FUSE = re.compile(
    r"fuse\.(.*ssh.*|.*s3.*|.*blob.*|rclone|gcsfuse|goofys|.*gluster.*|.*ceph.*|davfs.*|curlftpfs|juicefs|mfs|smbnetfs|"
    r"seaweedfs|httpdirfs|google-drive-ocamlfuse|onedriver)"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def file_system_type(path: Path, mounts: str) -> str:
    """Return the type of the file system of an absolute path, from the text of Linux' ``mountinfo``; or empty."""
    best, found = -1, ""
    for line in mounts.splitlines():
        mount, separator, source = line.partition(" - ")
        fields = mount.split(" ")
        if not separator or len(fields) < 5:  # noqa: PLR2004 - the mount point is the fifth field
            continue
        point = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields[4]))
        # Of two mounts at one place, the later one is visible.
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), source.partition(" ")[0]
    return found


def refuse_network_disk(path: Path, mounts: Path = _MOUNTS) -> None:
    """Raise LedgerError if the ledger's file is on a known network file system."""
    try:
        kind = file_system_type(path.resolve(), mounts.read_text("utf-8", errors="surrogateescape"))
    except OSError:  # not Linux
        return
    if kind in _NETWORK or _NETWORK_FUSE.fullmatch(kind):
        raise LedgerError(
            f"the ledger {path} is on a network file system ({kind}), where SQLite's locks are not reliable",
            hint="name a file on a local disk with LSQ_LEDGER or --ledger (move an existing ledger there first), "
            "or use a PostgreSQL server: LSQ_LEDGER=postgresql+psycopg://…",
        )


class LedgerFile:
    """The file of one open SQLite ledger, with its reserve file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reserve = path.with_name(f"{path.name}.reserve")
        self._identity = _identity(path)

    def check_same(self) -> None:
        """Raise LedgerError if the file was removed or replaced: further records would be lost."""
        if _identity(self._path) != self._identity:
            raise LedgerError(
                f"the ledger {self._path} was moved, removed or replaced while it was in use",
                hint="put the original file back, then run the same command again",
            )

    def take_reserve(self) -> None:
        """Reserve disk space with a file. Raises OSError if there is no space."""
        if self._reserve.exists() and self._reserve.stat().st_size == RESERVE_BYTES:
            return
        try:
            self._reserve.unlink(missing_ok=True)
            with os.fdopen(create_private(self._reserve), "wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
                else:
                    file.write(os.urandom(RESERVE_BYTES))  # random, so that no file system compresses it
        except FileExistsError:  # another run has just created it
            return
        except OSError:
            self.free_reserve()
            raise

    def checkpoint(self) -> None:
        """Move all committed data from the log beside the file into the file itself.

        Does nothing while other processes use the ledger; the last of them does it.
        """
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(database.sqlite3_connection(self._path, _PATIENCE_S)) as file,
        ):
            file.execute("pragma wal_checkpoint(truncate)")

    def free_reserve(self) -> None:
        """Free the reserved space, so that outcomes of sent requests can still be recorded."""
        with contextlib.suppress(OSError):
            self._reserve.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
