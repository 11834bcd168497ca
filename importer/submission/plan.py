"""Which rows a run sends: a fresh run and a resumed one differ only in what the ledger knows. Pure.

A plan holds one byte and one row number per row of the manifest; whose turn it is follows from the dispositions.
"""

from __future__ import annotations

import enum
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from importer.models import Status


class Disposition(enum.IntEnum):
    """What happens to one row in this run."""

    SEND = 0  # never sent by any run, or surely not taken
    RESEND = 1  # failed in an earlier run: sent after all others
    SKIP = 2  # a ticket already
    HOLD = 3  # unknown: sent once without an answer that tells, so not unasked
    REJECT = 4  # not valid
    TWIN = 5  # has the key of an earlier row, and takes over what became of it (`duplicates: first`)
    KEEP = 6  # `rerun`: not among the states that are to be sent


TO_SEND = (Disposition.SEND, Disposition.RESEND)


def judge(state: str | None, *, resend_unknown: bool) -> Disposition:
    """Say what a row with a good key is up to, from its ticket's state in the ledger (``None``: not there)."""
    match state:
        case Status.CREATED:
            return Disposition.SKIP
        case Status.UNKNOWN | "sending":
            return Disposition.RESEND if resend_unknown else Disposition.HOLD
        case Status.FAILED:
            return Disposition.RESEND
        case _:
            return Disposition.SEND


@dataclass
class Plan:
    """Every row of a manifest with its disposition, in the manifest's order."""

    dispositions: bytearray = field(default_factory=bytearray)
    rows: array[int] = field(default_factory=lambda: array("q"))  # as a spreadsheet counts
    attachment_bytes: int = 0

    def __len__(self) -> int:
        return len(self.dispositions)

    def extend(self, rows: Sequence[int], dispositions: Iterable[int]) -> None:
        """Append the next rows, and as many dispositions."""
        self.rows.extend(rows)
        self.dispositions.extend(dispositions)

    def counts(self) -> Counter[Disposition]:
        """How many rows there are of each disposition."""
        return Counter({each: n for each in Disposition if (n := self.dispositions.count(each))})

    def to_send(self, limit: int | None = None) -> int:
        """How many rows are to be sent, with ``--limit``."""
        count = sum(self.dispositions.count(each) for each in TO_SEND)
        return count if limit is None else min(count, limit)
