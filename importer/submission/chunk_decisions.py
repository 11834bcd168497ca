"""What becomes of the rows of one chunk, while they are judged: arrays, and more for the few with something to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from importer.ledger.records import Claim, Rejection
from importer.models import Problem
from importer.submission.plan import TO_SEND, Disposition, disposition_of
from importer.validation import Mask, RowKeys

INCOMPLETE_ROW_CODES = (
    *("too-few-cells", "too-many-cells", "header-again"),
    *("cell-error", "formula-without-value"),
    *("nested-value", "half-character", "name-twice"),
)


@dataclass(kw_only=True, slots=True)
class ChunkDecisions:
    """What becomes of each row, as it is judged; positions count the chunk's rows from 0."""

    rows: tuple[int, ...]
    manifest_rows: Sequence[int]  # the same, unless the manifest is a results file
    keys: RowKeys
    dispositions: npt.NDArray[np.uint8]
    problems: dict[int, list[Problem]]
    first_positions: npt.NDArray[np.int64]  # where the row stands whose key it repeats, or -1
    in_flight: set[int]  # a live run may be sending it right now

    def add_problems(self, position: int, *problems: Problem) -> None:
        """Note what is wrong with a row."""
        if problems:
            self.problems.setdefault(position, []).extend(problems)
            self.dispositions[position] = Disposition.REJECT

    def send_mask(self) -> Mask:
        """The rows that would be sent, as far as is known."""
        return np.isin(self.dispositions, TO_SEND)

    def rejections(self) -> list[Rejection]:
        """The rows with problems, as the ledger keeps them."""
        return [self._rejection(position) for position in sorted(self.problems)]

    def _rejection(self, position: int) -> Rejection:
        problems = self.problems[position]
        # A row whose key is missing or another row's has none of its own: mended, it is known by its cells.
        keyless = problems[0].code in ("missing-key", "duplicate-key", *INCOMPLETE_ROW_CODES)
        return Rejection(
            manifest_row=self.manifest_rows[position],
            key="" if keyless else self.keys.text(position),
            code=problems[0].code,
            error="; ".join(problem.message for problem in problems),
            hint=" ".join(dict.fromkeys(problem.hint for problem in problems)),
        )

    def claims(self) -> list[Claim]:
        """The rows that a run takes for itself: those that it would send, and those whose fate another one decides."""
        return [Claim(key=self.keys.text(at), manifest_row=self.manifest_rows[at]) for at in self._claimed()]

    def apply_states(self, states: Mapping[str, str], *, resend_unknown: bool) -> None:
        """Judge the claimed rows anew by what the ledger has known of some of them, by their keys, since the claim."""
        if not states:
            return
        for at in self._claimed():
            state = states.get(self.keys.text(at))
            if state is not None and self.dispositions[at] != Disposition.REJECT:
                self.dispositions[at] = disposition_of(state, resend_unknown=resend_unknown)

    def _claimed(self) -> list[int]:
        return sorted({*np.flatnonzero(self.send_mask()).tolist(), *self.in_flight})
