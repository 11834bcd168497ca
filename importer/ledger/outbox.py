"""The outbox of a run: a file beside its results with outcomes that the ledger has not taken yet.

While a ledger's server is away, answers go on coming. Here they outlive the process; `recovery` records them later. No
intent is committed while the file is there, so an outcome in it always belongs to its row's last request of this run.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from importer.ledger.records import Outcome, RunInfo
from importer.models import TicketIds
from importer.runtime.atomic_files import create_private, lock_open_file, open_own, open_to_append, sync_folder

_VERSION = 1


def outbox_path(results: str, run_id: str) -> Path | None:
    """Return the path of a run's outbox; ``None`` for a run without results."""
    return Path(f"{results}.{run_id.rsplit('.', 1)[-1]}.outbox") if results else None


class Outbox:
    """The outbox of a live run, which keeps the file locked. Threads may share it."""

    def __init__(self, run: RunInfo) -> None:
        self._path = outbox_path(run.results, run.id)
        self._run = run
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._size_bytes = 0

    @property
    def path(self) -> Path | None:
        """The file, whether it exists or not; ``None`` for a run without results."""
        return self._path

    def keep(self, outcomes: Sequence[Outcome]) -> None:
        """Append outcomes, and sync them to the disk. Raises OSError; then the file is as before."""
        self.append([{"outcome": asdict(each)} for each in outcomes])

    def clear(self) -> None:
        """Remove the file: the ledger has all of it."""
        with self._lock:
            if self._descriptor is not None and self._path is not None:
                self._path.unlink(missing_ok=True)
                sync_folder(self._path.parent)
                self._close()

    def close(self) -> None:
        """Close and unlock the file; it stays until the ledger has all of it."""
        with self._lock:
            self._close()

    def append(self, members: Sequence[dict[str, Any]]) -> None:
        """Append one line for each of the objects. Raises OSError."""
        with self._lock:
            if self._path is None:
                raise FileNotFoundError("a run without results has no outbox")
            if self._descriptor is None:
                self._open(self._path)
            descriptor, size_bytes = self._descriptor, self._size_bytes
            assert descriptor is not None
            header = [] if size_bytes else [{"outbox": _VERSION, "run": self._run.id}]
            data = "".join(f"{json.dumps(each)}\n" for each in (*header, *members)).encode()
            try:
                _write_all(descriptor, data)
                os.fsync(descriptor)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, size_bytes)
                    os.lseek(descriptor, size_bytes, os.SEEK_SET)
                if not size_bytes:
                    self._path.unlink(missing_ok=True)
                    self._close()
                raise
            self._size_bytes += len(data)
            if not size_bytes:
                sync_folder(self._path.parent)

    def _open(self, path: Path) -> None:
        try:
            self._descriptor = create_private(path)
        except FileExistsError:  # this run has closed it before
            self._descriptor = open_to_append(path)
        self._size_bytes = os.fstat(self._descriptor).st_size
        lock_open_file(self._descriptor)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def keep_ending(run: RunInfo, exit_code: int, stopped: str) -> None:
    """Append to a run's outbox how the run ended, if that is possible. Without it, its lease expires by itself."""
    with contextlib.suppress(OSError):
        outbox = Outbox(run)
        outbox.append([{"exit_code": exit_code, "stopped": stopped}])
        outbox.close()


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The content of an outbox. ``exit_code`` and ``stopped``: how the run ended, if that is known."""

    outcomes: list[Outcome]
    exit_code: int | None = None
    stopped: str = ""


@contextlib.contextmanager
def taken(path: Path) -> Iterator[Kept | None]:
    """Give the content of an outbox whose run has ended; ``None`` if its process is alive or the file is gone.

    Raises OSError, and ValueError for content that can't be read.
    """
    try:
        descriptor = open_own(path)
    except FileNotFoundError:
        yield None
        return
    with os.fdopen(descriptor, "rb") as file:
        is_free = lock_open_file(descriptor) or os.name != "posix"
        yield _read(file.read()) if is_free and os.fstat(descriptor).st_nlink else None


def _read(data: bytes) -> Kept:
    """Read what an outbox contains. Raises ValueError."""
    lines = data.split(b"\n")[:-1]  # a last line without an end was never complete
    if not lines:
        return Kept(outcomes=[])
    try:
        header, *members = map(json.loads, lines)
        if header["outbox"] != _VERSION:
            raise ValueError(f"it is of another version of this program ({header['outbox']})")
        ending: dict[str, Any] = next((each for each in members if "exit_code" in each), {})
        return Kept(outcomes=[_outcome(each["outcome"]) for each in members if "outcome" in each], **ending)
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is damaged: {error}") from error


def _outcome(members: dict[str, Any]) -> Outcome:
    ids = members.pop("ids")
    return Outcome(**members, ids=TicketIds(**ids) if ids is not None else None)
