"""The stage: all rows of a run, read and checked once, in a private file. Sending and the results read only this.

The file has no name, so nobody else can open it, and the system frees it when the process ends in any way.
"""

from __future__ import annotations

import contextlib
import itertools
import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from importer.errors import ManifestError
from importer.ledger.records import Rejection
from importer.models import Status
from importer.results import CellProblem, ResultRow

_BLOCK_ROWS = 2_000  # rows that are in memory at a time, with what the ledger knows of them


class StagedRow(NamedTuple):
    """A row as it was read and checked.

    ``row``: its number in the manifest. ``cells``: without the columns that an import adds. ``content``: hash of the
    cells. ``fields`` and ``lead_id``: of its ticket, if it is to be sent. ``file_state``: sum of the states of its
    attachments. ``leads``: normalised e-mail address and phone number. ``prior_status``: its state in the ledger before
    this run. ``previous``: its previous result, if that is kept. ``exclusion``: why the mapping leaves it out.
    ``is_left_out``: by the flags that choose rows. ``rejection``: why it is rejected. ``problems``: what is wrong with
    its cells.
    """

    row: int
    key: str
    cells: tuple[str, ...]
    content: str
    fields: tuple[tuple[str, str], ...] = ()
    lead_id: str | None = None
    file_state: int = 0
    leads: tuple[str, ...] = ()
    prior_status: Status = Status.PENDING
    previous: ResultRow | None = None
    exclusion: str = ""
    is_left_out: bool = False
    rejection: Rejection | None = None
    problems: tuple[CellProblem, ...] = ()


class StagedBlock(NamedTuple):
    """Position of some rows among all rows, and in the file."""

    rows: range
    offset: int
    size_bytes: int


class Stage:
    """Rows in a private file, in the manifest's order: written once, then read in any order of blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with self._writing():
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - `close` closes it
        self._rows = 0
        self._size_bytes = 0
        self.blocks: list[StagedBlock] = []

    def add(self, rows: Iterator[StagedRow]) -> None:
        """Append rows. Raises ManifestError if the disk does not take them."""
        with self._writing():
            while block := list(itertools.islice(rows, _BLOCK_ROWS)):
                content = pickle.dumps(block, pickle.HIGHEST_PROTOCOL)
                self._file.write(content)
                self._file.flush()
                of_all = range(self._rows, self._rows + len(block))
                self.blocks.append(StagedBlock(of_all, self._size_bytes, len(content)))
                self._rows += len(block)
                self._size_bytes += len(content)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ManifestError(
                f"the checked rows can't be written to {self._folder}: {error.strerror}",
                hint="free some disk space, or set TMPDIR to a folder on another disk; nothing was sent",
            ) from error

    def read(self, block: StagedBlock) -> list[StagedRow]:
        """Return the rows of a block."""
        self._file.seek(block.offset)
        rows: list[StagedRow] = pickle.loads(self._file.read(block.size_bytes))  # noqa: S301 - written by this process
        return rows

    def close(self) -> None:
        """Close the file, which frees it."""
        self._file.close()

    def all_rows(self) -> Iterator[list[StagedRow]]:
        """Yield all rows in the manifest's order, block by block."""
        return map(self.read, self.blocks)
