"""Decide for each row of one chunk whether it is sent: arrays, and objects only for rows with problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from importer.ledger.records import Acknowledgements, Claim, Rejection
from importer.manifest.text_column import Mask
from importer.models import Problem, Status
from importer.submission.plan import TO_SEND, Disposition, disposition_of
from importer.validation import RowKeys

INCOMPLETE_ROW_CODES = (
    *("too-few-cells", "too-many-cells", "header-again"),
    *("cell-error", "formula-without-value"),
    *("nested-value", "half-character", "name-twice", "expression-failed"),
)


@dataclass(kw_only=True, slots=True)
class ChunkDecisions:
    """The disposition of each row of one chunk. Positions count the chunk's rows from 0."""

    rows: tuple[int, ...]
    keys: RowKeys
    dispositions: npt.NDArray[np.uint8]
    problems: dict[int, list[Problem]]
    first_positions: npt.NDArray[np.int64]  # position of the first row with the same key, or -1
    states: dict[int, str]  # the ledger's states, by position
    exclusions: dict[int, str] = field(default_factory=dict)  # why the mapping leaves rows out
    in_flight: set[int] = field(default_factory=set)  # another run may be sending these right now

    def add_problems(self, position: int, *problems: Problem) -> None:
        """Reject a row if there are ``problems``."""
        if problems:
            self.problems.setdefault(position, []).extend(problems)
            self.dispositions[position] = Disposition.REJECT

    def send_mask(self) -> Mask:
        """Return which rows are to be sent."""
        return np.isin(self.dispositions, TO_SEND)

    def acknowledge(self, contents: Sequence[str], acknowledged: Acknowledgements) -> None:
        """Neither send nor count as rejected what the user has acknowledged. ``contents``: hashes of all rows' cells.

        A row whose cells have changed since has another content. A row that is a ticket, or may be one, stays so.
        """
        known = {content for _, content in acknowledged}
        for at in [at for at, content in enumerate(contents) if content in known]:
            if self.dispositions[at] in (*TO_SEND, Disposition.REJECT) and (
                (self._recorded_key(at), contents[at]) in acknowledged
            ):
                self.dispositions[at] = Disposition.ACKNOWLEDGE

    def open_problems(self) -> dict[int, list[Problem]]:
        """Return the problems of the rows that are not acknowledged."""
        return {at: each for at, each in self.problems.items() if self.dispositions[at] != Disposition.ACKNOWLEDGE}

    def rejections(self, contents: Sequence[str]) -> list[Rejection]:
        """Return the rows with problems, for the ledger. ``contents``: hashes of all rows' cells."""
        return [self._rejection(position, contents[position]) for position in sorted(self.problems)]

    def _recorded_key(self, position: int) -> str:
        """Return a row's key; empty if it is missing, can't be stored or belongs to another row.

        Such a row is known by its cells.
        """
        problems = self.problems.get(position)
        keyless = problems and problems[0].code in ("missing-key", "duplicate-key", *INCOMPLETE_ROW_CODES)
        key = "" if keyless else self.keys.text(position)
        return "" if problems and "\0" in key else key

    def _rejection(self, position: int, content: str) -> Rejection:
        problems = self.problems[position]
        return Rejection(
            manifest_row=self.rows[position],
            key=self._recorded_key(position),
            code=problems[0].code,
            error="; ".join(problem.message for problem in problems),
            hint=" ".join(dict.fromkeys(problem.hint for problem in problems)),
            content=content,
        )

    def claims(self) -> list[Claim]:
        """Return the rows that a run claims: those to be sent, and those that another run may be sending."""
        return [Claim(key=self.keys.text(at), manifest_row=self.rows[at]) for at in self._claimed()]

    def exclude(self, exclusions: Mapping[int, str]) -> None:
        """Leave rows out. One that is unknown stays so: there may be a ticket, which somebody has to look for."""
        for at, reason in exclusions.items():
            is_unknown = self.states.get(at) in (Status.UNKNOWN, "sending")
            self.dispositions[at] = Disposition.HOLD if is_unknown else Disposition.EXCLUDE
            self.exclusions[at] = reason

    def apply_known_states(self, *, resend_unknown: bool) -> None:
        """Decide by their ``states`` about rows that would be sent."""
        for at in self.states.keys() & set(np.flatnonzero(self.send_mask()).tolist()):
            if self.states[at] == "sending":
                self.in_flight.add(at)
            self.dispositions[at] = disposition_of(self.states[at], resend_unknown=resend_unknown)

    def apply_states(self, states: Mapping[str, str], *, resend_unknown: bool) -> None:
        """Update claimed rows by ``states`` (key -> state in the ledger), which may have changed before the claim."""
        if not states:
            return
        for at in self._claimed():
            state = states.get(self.keys.text(at))
            if state is not None and self.dispositions[at] != Disposition.REJECT:
                self.states[at] = state
                self.dispositions[at] = disposition_of(state, resend_unknown=resend_unknown)

    def _claimed(self) -> list[int]:
        return sorted({*np.flatnonzero(self.send_mask()).tolist(), *self.in_flight})
