"""The note that this host keeps of each account: runs that have sent requests, and with which ledger.

It shows that a ledger is older than this host has seen it, or another one. The note is a text file of the user with a
JSON object per run; of two for the same run, the later one counts. Lines are only appended; the numbers at the
beginning of a line change while its run sends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import FileIO
from pathlib import Path
from urllib.parse import quote

from importer.ledger import permissions
from importer.ledger.records import Intent, Outcome, RunInfo, utc_now
from importer.runtime.atomic_files import open_made, replacing

log = logging.getLogger("importer")
_NUMBERS = ("attempt", "tickets", "unclear")
_LARGEST_BYTES = 1_000_000
_KEPT_RUNS = 1_000  # of a note that is too large


@dataclass(frozen=True, kw_only=True, slots=True)
class NotedRun:
    """One run that has sent requests, from this host or with a ledger that this host has used.

    ``ledger``: the ID of its ledger; ``place``: its address without the password. ``attempt``: its last request.
    ``tickets``: how many it created. ``unclear``: how many of its requests may have created one.
    """

    run: str
    ledger: str
    place: str
    source: str
    results: str
    began_at: str
    attempt: int = 0
    tickets: int = 0
    unclear: int = 0

    def line(self) -> bytes:
        """Return the line of the file. The numbers have a fixed width."""
        return self.numbers() + json.dumps(_without_numbers(self)).encode()[1:] + b"\n"

    def numbers(self) -> bytes:
        """Return the beginning of the line."""
        parts = (f'"{name}":{getattr(self, name):12d}, ' for name in _NUMBERS)
        return f"{{{''.join(parts)}".encode()


def _without_numbers(run: NotedRun) -> dict[str, str]:
    return {name: value for name, value in asdict(run).items() if name not in _NUMBERS}


class HostNote:
    """The note of one account. If it can't be written, nothing is noted, and the run goes on."""

    def __init__(self, folder: Path, account: str) -> None:
        self.path = folder / f"{quote(account, safe='')}.jsonl"
        self._run: NotedRun | None = None
        self._file: FileIO | None = None
        self._start = 0

    def runs(self) -> list[NotedRun]:
        """Return the runs, the oldest first. A missing or damaged file is no error."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            self._report("read", error)
            return []
        return list({each.run: each for each in _read(lines)}.values())

    def begin(self, run: RunInfo, ledger: str, place: str) -> None:
        """Add a run, before its first request is recorded. ``ledger``: the ID of its ledger; ``place``: its address."""
        if self._run is not None:
            return
        self._run = NotedRun(
            run=run.id, ledger=ledger, place=place, source=run.source, results=run.results, began_at=utc_now()
        )
        with self._reported():
            permissions.make_folder(self.path.parent)
            self._shorten()
            self._start = self._append(self._run)
            self._file = self.path.open("r+b", buffering=0)

    def see(self, run: NotedRun) -> None:
        """Add the last run that another host has sent with a ledger."""
        with self._reported():
            permissions.make_folder(self.path.parent)
            self._append(run)

    def count(
        self,
        attempt: int,
        records: Sequence[Intent | Outcome],
        changed: Mapping[Intent | Outcome, Outcome | None],
    ) -> None:
        """Note the run's last request, and what was recorded; see ``Ledger.commit``."""
        if self._run is None:
            return
        outcomes = [changed.get(each) or each for each in records if isinstance(each, Outcome)]
        settled = [each.state for each in outcomes if each.state != "unknown"]
        sent = sum(isinstance(each, Intent) and each not in changed for each in records)
        self._run = replace(
            self._run,
            attempt=attempt,
            tickets=self._run.tickets + settled.count("created"),
            unclear=max(self._run.unclear + sent - len(settled), 0),
        )
        if self._file is not None:
            with self._reported():
                self._file.seek(self._start)
                self._file.write(self._run.numbers())

    def close(self) -> None:
        """Write the note to the disk."""
        if self._file is not None and self._run is not None:
            with self._reported(), self._file as file:
                os.fsync(file.fileno())
                if not os.path.samestat(os.fstat(file.fileno()), self.path.stat()):  # another run has shortened it
                    self._append(self._run)
            self._file = None

    def _append(self, run: NotedRun) -> int:
        """Add a line; return its position."""
        line = run.line()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        with FileIO(os.open(self.path, flags, permissions.OWNER_ONLY), "a") as end:
            end.write(line)
            os.fsync(end.fileno())
            return end.tell() - len(line)

    def _shorten(self) -> None:
        """Keep only the newest runs of a large file."""
        if self.path.exists() and self.path.stat().st_size > _LARGEST_BYTES:
            lines = self.path.read_bytes().splitlines(keepends=True)[-_KEPT_RUNS:]
            with replacing(self.path, private=True) as made, FileIO(open_made(made), "w") as file:
                file.write(b"".join(lines))

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._file = None
            self._report("written", error)

    def _report(self, how: str, error: OSError) -> None:
        log.info(
            "the note of what this host has sent (%s) can't be %s: %s; so an older or another ledger is not noticed",
            self.path,
            how,
            error.strerror or error,
        )


def _read(lines: list[bytes]) -> Iterator[NotedRun]:
    for line in lines:
        with contextlib.suppress(ValueError, TypeError):  # a line that was cut off by a power failure
            yield NotedRun(**json.loads(line))
