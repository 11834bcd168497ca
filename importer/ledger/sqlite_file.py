"""Where an SQLite ledger lies: on what kind of file system, with what reserve, and whether it is still there."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from pathlib import Path

from importer.errors import LedgerError
from importer.ledger import database, permissions

RESERVE_BYTES = 4 * 1024 * 1024  # what a thousand requests under way need to be settled, several times over
_PATIENCE_S = 0.2

_MOUNTS = Path("/proc/self/mountinfo")
# Locks and shared memory, which SQLite's log depends on, hold on one machine only.
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
    """The type of the file system that an absolute path lies on, by the text of Linux' ``mountinfo``; or nothing."""
    best, found = -1, ""
    for line in mounts.splitlines():
        mount, separator, source = line.partition(" - ")
        fields = mount.split(" ")
        if not separator or len(fields) < 5:  # noqa: PLR2004 - the mount point is the fifth field
            continue
        point = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields[4]))
        # Of two in one place, the later one covers the other.
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), source.partition(" ")[0]
    return found


def refuse_network_disk(path: Path, mounts: Path = _MOUNTS) -> None:
    """Raise LedgerError if the ledger would lie on a file system of a network, as far as the system tells."""
    try:
        kind = file_system_type(path.resolve(), mounts.read_text("utf-8", errors="surrogateescape"))
    except OSError:  # no Linux
        return
    if kind in _NETWORK or _NETWORK_FUSE.fullmatch(kind):
        raise LedgerError(
            f"the ledger {path} lies on a network file system ({kind}), where SQLite's locks can't be relied on",
            hint="name a file on a disk of this machine with LSQ_LEDGER or --ledger (and move the ledger there, if it "
            "is in use already), or take a PostgreSQL server: LSQ_LEDGER=postgresql+psycopg://…",
        )


class LedgerFile:
    """The file of one open ledger, with what lies beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reserve = path.with_name(f"{path.name}.reserve")
        self._identity = _identity(path)

    def check_same(self) -> None:
        """Raise LedgerError if the file has gone or is another one: what is written now would be lost with it."""
        if _identity(self._path) != self._identity:
            raise LedgerError(
                f"the ledger {self._path} was moved, removed or replaced while it was in use",
                hint="put the file back that was there, then run the same command again",
            )

    def take_reserve(self) -> None:
        """Hold room on the disk. Raises OSError if there is none."""
        if self._reserve.exists() and self._reserve.stat().st_size == RESERVE_BYTES:
            return
        try:
            self._reserve.unlink(missing_ok=True)
            with os.fdopen(permissions.create_private(self._reserve), "wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
                else:
                    file.write(os.urandom(RESERVE_BYTES))  # nothing that a file system could make small
        except FileExistsError:  # another run has just made it
            return
        except OSError:
            self.give_reserve_back()
            raise

    def checkpoint(self) -> None:
        """Bring all that was committed into the file itself, so that nothing of it lies only in the log beside it.

        Where others are at work with the ledger this is left to the last of them.
        """
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(database.sqlite3_connection(self._path, _PATIENCE_S)) as file,
        ):
            file.execute("pragma wal_checkpoint(truncate)")

    def give_reserve_back(self) -> None:
        """Let the ledger have the room, so that what was sent can be written down."""
        with contextlib.suppress(OSError):
            self._reserve.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
