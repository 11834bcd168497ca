"""Which rows a run sends: a fresh run and a resumed one differ only in what the ledger knows. Pure.

A plan holds one byte per row of the manifest; whose turn it is follows from the dispositions.
"""

from __future__ import annotations

import bisect
import enum
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from importer.ledger import records
from importer.models import Status

_NONE_BEFORE = -1  # rows are counted from 1


class Disposition(enum.IntEnum):
    """What happens to one row in this run."""

    SEND = 0  # never sent by any run, or surely not taken
    RESEND = 1  # failed or was refused in an earlier run: sent after all others
    SKIP = 2  # a ticket already
    HOLD = 3  # unknown: sent once without an answer that tells, so not unasked
    REJECT = 4  # not valid
    DUPLICATE = 5  # has the key of an earlier row, and takes over what became of it (`duplicates: first`)
    KEEP = 6  # `rerun`: not among the states that are to be sent


TO_SEND = (Disposition.SEND, Disposition.RESEND)


def disposition_of(state: str | None, *, resend_unknown: bool) -> Disposition:
    """Say what a row with a good key is up to, from its ticket's state in the ledger (``None``: not there)."""
    match state:
        case Status.CREATED:
            return Disposition.SKIP
        case Status.UNKNOWN | "sending":
            return Disposition.RESEND if resend_unknown else Disposition.HOLD
        case Status.FAILED | records.REFUSED:
            return Disposition.RESEND
        case _:
            return Disposition.SEND


@dataclass
class Plan:
    """Every row of a manifest with its disposition, in the manifest's order."""

    dispositions: bytearray = field(default_factory=bytearray)
    attachment_bytes: int = 0  # of the rows to be sent
    files: tuple[int, int, int] = (0, 0, 0)  # of all rows: number and bytes, and how many rows have any
    file_states: array[int] = field(default_factory=lambda: array("q"))  # of each row; see `models.file_state`
    # Rows count on by one, but for where some were left out, such as blank ones: positions, and rows there.
    _breaks: array[int] = field(default_factory=lambda: array("q"))
    _rows: array[int] = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.dispositions)

    def extend(self, rows: Sequence[int], dispositions: Iterable[int]) -> None:
        """Append the next rows, as a spreadsheet counts, and as many dispositions."""
        numbers = np.array(rows, dtype=np.int64)
        before = self.row(len(self) - 1) if self.dispositions else _NONE_BEFORE
        breaks = np.flatnonzero(np.diff(numbers, prepend=before) != 1)
        self._breaks.extend((breaks + len(self)).tolist())
        self._rows.extend(numbers[breaks].tolist())
        self.dispositions.extend(dispositions)

    def row(self, position: int) -> int:
        """The number of the row at a position, counted from 0."""
        last = bisect.bisect_right(self._breaks, position) - 1
        return self._rows[last] + position - self._breaks[last]

    def counts(self) -> Counter[Disposition]:
        """How many rows there are of each disposition."""
        return Counter({each: n for each in Disposition if (n := self.dispositions.count(each))})

    def to_send(self, limit: int | None = None) -> int:
        """How many rows are to be sent, with ``--limit``."""
        count = sum(self.dispositions.count(each) for each in TO_SEND)
        return count if limit is None else min(count, limit)
