"""Plan which rows a run sends. A first run and a later one differ only in what the ledger knows. Pure.

A plan has one byte for each row of the manifest.
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

_NO_ROW = -1  # rows are counted from 1


class Disposition(enum.IntEnum):
    """What happens to one row in this run."""

    SEND = 0  # never sent, or certainly not accepted
    RESEND = 1  # failed in an earlier run; sent after all others
    SKIP = 2  # already a ticket
    HOLD = 3  # unknown: there may be a ticket, so it is sent only if the user asks for it
    REJECT = 4  # has problems
    DUPLICATE = 5  # has the key of an earlier row, and gets its result (`duplicates: first`)
    KEEP = 6  # not selected: by its row number, its cells or at random, or by its status for `rerun`
    EXCLUDE = 7  # the mapping's `rows` leave it out
    ACKNOWLEDGE = 9  # has problems or failed before, and the user has acknowledged it


TO_SEND = (Disposition.SEND, Disposition.RESEND)


def disposition_of(state: str | None, *, resend_unknown: bool) -> Disposition:
    """Return the disposition of a valid row by its state in the ledger (``None``: not there)."""
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
    """The dispositions of all rows of a manifest, in order."""

    dispositions: bytearray = field(default_factory=bytearray)
    attachment_bytes: int = 0  # of the rows to send
    files: tuple[int, int, int] = (0, 0, 0)  # of all rows: number, bytes, rows with files
    # Where row numbers do not increase by one, as blank rows were left out: positions, and row numbers there.
    _breaks: array[int] = field(default_factory=lambda: array("q"))
    _rows: array[int] = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.dispositions)

    def extend(self, rows: Sequence[int], dispositions: Iterable[int]) -> None:
        """Append row numbers (as a spreadsheet counts) and their dispositions."""
        numbers = np.array(rows, dtype=np.int64)
        before = self.row(len(self) - 1) if self.dispositions else _NO_ROW
        breaks = np.flatnonzero(np.diff(numbers, prepend=before) != 1)
        self._breaks.extend((breaks + len(self)).tolist())
        self._rows.extend(numbers[breaks].tolist())
        self.dispositions.extend(dispositions)

    def row(self, position: int) -> int:
        """Return the row number at a position, counted from 0."""
        last = bisect.bisect_right(self._breaks, position) - 1
        return self._rows[last] + position - self._breaks[last]

    def counts(self) -> Counter[Disposition]:
        """Return the number of rows of each disposition."""
        return Counter({each: n for each in Disposition if (n := self.dispositions.count(each))})

    def to_send(self, limit: int | None = None) -> int:
        """Return how many rows are sent, with ``--limit``."""
        count = sum(self.dispositions.count(each) for each in TO_SEND)
        return count if limit is None else min(count, limit)
