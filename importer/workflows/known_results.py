"""What a run knows of its rows without the ledger, for results that are written while the ledger can't be read."""

from __future__ import annotations

import csv
import io
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np

from importer.ledger.records import Acknowledgements, LedgerEntry, Outcome
from importer.models import Status, TicketIds
from importer.results import COLUMNS
from importer.results.columns import unescape_formula
from importer.workflows.stage import StagedRow

_IN_LEDGER = "the ledger, which could not be read, has the reason"


class KnownRows:
    """The rows of one run: those it settled, from its part file, and those of which it has other outcomes.

    ``part``: that file, if rows were sent. The positions of its rows are in memory, the rows are not. Use it as a
    context manager.
    """

    def __init__(
        self, part: Path | None, unsettled: Mapping[str, Outcome], acknowledged: Acknowledgements, run: str
    ) -> None:
        self.acknowledged = acknowledged
        self._unsettled = unsettled
        self._run = run
        self._file: BinaryIO = part.open("rb") if part is not None else io.BytesIO()
        csv.field_size_limit(sys.maxsize)
        hashes, offsets = array("q"), array("q")
        for offset, cells in _records(self._file):
            hashes.append(hash(_key(cells)))
            offsets.append(offset)
        order = np.argsort(np.array(hashes, dtype=np.int64), kind="stable")
        self._hashes = np.array(hashes, dtype=np.int64)[order]
        self._offsets = np.array(offsets, dtype=np.int64)[order]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def entries(self, rows: Sequence[StagedRow]) -> dict[str, LedgerEntry]:
        """Return what is known of rows, as the ledger would."""
        return {row.key: entry for row in rows if row.key and (entry := self._entry(row)) is not None}

    def _entry(self, row: StagedRow) -> LedgerEntry | None:
        if (cells := self._settled(row.key)) is not None:
            return _settled_entry(row, cells, self._run)
        if (outcome := self._unsettled.get(row.key)) is not None:
            return _open_entry(row, outcome, self._run)
        if row.prior_status is Status.PENDING:
            return None
        error = "" if row.prior_status is Status.CREATED else _IN_LEDGER
        return replace(_entry(row, row.prior_status, run=None), error=error)

    def _settled(self, key: str) -> dict[str, str] | None:
        at = int(np.searchsorted(self._hashes, hash(key)))
        while at < self._hashes.size and self._hashes[at] == hash(key):
            self._file.seek(int(self._offsets[at]))
            _, cells = next(_records(self._file))
            if _key(cells) == key:
                return dict(zip(COLUMNS, cells, strict=True))
            at += 1
        return None


def _records(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Yield the position of each record, and its cells in the columns that an import adds."""
    reader = csv.reader(line.decode() for line in iter(file.readline, b""))
    while True:
        offset = file.tell()
        cells = next(reader, None)
        if cells is None:
            return
        if cells[-1] != COLUMNS[-1] and len(cells) >= len(COLUMNS):  # not the header, and not cut by a full disk
            yield offset, cells[-len(COLUMNS) :]


def _key(cells: Sequence[str]) -> str:
    return unescape_formula(cells[COLUMNS.index("import_key")])


def _settled_entry(row: StagedRow, cells: Mapping[str, str], run: str) -> LedgerEntry:
    number, ticket_id, key = (unescape_formula(cells[f"import_ticket_{name}"]) for name in ("number", "id", "key"))
    return replace(
        _entry(row, cells["import_status"], run),
        ids=TicketIds(number=number, ticket_id=ticket_id, key=key) if number else None,
        error_code=cells["import_error_code"],
        error=unescape_formula(cells["import_error"]),
        attempts=int(cells["import_attempts"]),
        finished_at=cells["import_finished_at"],
    )


def _open_entry(row: StagedRow, outcome: Outcome, run: str) -> LedgerEntry:
    return replace(
        _entry(row, outcome.state, run),
        ids=outcome.ids,
        error_code=outcome.error_code,
        error=outcome.error,
        attempts=int(outcome.counted),
    )


def _entry(row: StagedRow, state: str, run: str | None) -> LedgerEntry:
    return LedgerEntry(
        id=0,
        key=row.key,
        state=state,
        held_by=None,
        run=run,
        content="",
        ids=None,
        error_code="",
        error="",
        attempts=0,
        finished_at="",
    )
