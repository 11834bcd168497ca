"""The rows that the user chose with ``--rows``, ``--where`` and ``--sample``. All others keep their state."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from importer.errors import UsageError
from importer.manifest.chunks import Chunk
from importer.manifest.manifest import Manifest
from importer.manifest.text_column import Mask
from importer.mapping.list_values import parse_list
from importer.mapping.similar_names import did_you_mean
from importer.models import DONE_STATUSES, Status
from importer.workflows.import_job import RowSelection

_Positions = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Condition:
    """A condition of ``--where``: one of the columns of a name has this value."""

    text: str
    columns: tuple[str, ...]
    value: str

    def holds(self, chunk: Chunk) -> Mask:
        """Return the rows in which a cell, as written or as the mapping reads it, is the value or a list with it."""
        holds = np.zeros(len(chunk.rows), dtype=bool)
        for rows, column in itertools.product({chunk, chunk.values}, self.columns):
            holds |= np.array([self._is_value(cell) for cell in rows.texts(column)], dtype=bool)
        return holds

    def _is_value(self, cell: str) -> bool:
        return cell == self.value or (cell.startswith("[") and self.value in (parse_list(cell) or ()))


class ChosenRows:
    """Finds the rows that the user chose, chunk by chunk. Raises UsageError for a ``--where`` without a column."""

    def __init__(self, selection: RowSelection, manifest: Manifest) -> None:
        self._numbers = selection.rows
        self._conditions = list(_conditions(selection.where, manifest))
        self._sample, self._seed = selection.sample, selection.seed
        self._drawn: npt.NDArray[np.uint64] | None = None
        self._fitting = self._last_row = 0
        self._kept: Counter[Status] = Counter()

    @property
    def draws_sample(self) -> bool:
        """Whether ``draw`` must be called before ``mask``."""
        return self._sample is not None

    def draw(self, chunks: Iterable[Chunk], are_open: Callable[[Chunk, _Positions], Mask]) -> None:
        """Draw the sample in a pass of its own. ``are_open``: which of some rows are still to be sent.

        Each row has a random number that depends only on its row number and the seed; the lowest ones are drawn.
        """
        assert self._sample is not None, "the caller checks this"
        drawn = np.empty((2, 0), dtype=np.uint64)  # random numbers, row numbers
        highest = np.iinfo(np.uint64).max
        for chunk in chunks:
            rows = np.array(chunk.rows, dtype=np.uint64)
            numbers = _random_numbers(rows, self._seed)
            at = np.flatnonzero(self._fits(chunk) & (numbers <= highest))
            at = at[are_open(chunk, at)]
            drawn = np.concatenate((drawn, (numbers[at], rows[at])), axis=1)
            if drawn.shape[1] >= self._sample:
                drawn = drawn[:, np.argsort(drawn[0])[: self._sample]]
                highest = drawn[0, -1]
        self._drawn = drawn[1]

    def mask(self, chunk: Chunk) -> Mask:
        """Return which rows are chosen."""
        if self._drawn is not None:
            return np.isin(np.array(chunk.rows, dtype=np.uint64), self._drawn)
        return self._fits(chunk)

    @property
    def _has_conditions(self) -> bool:
        return self._numbers is not None or bool(self._conditions)

    def _fits(self, chunk: Chunk) -> Mask:
        """Return which rows fit ``--rows`` and ``--where``."""
        fits = np.ones(len(chunk.rows), dtype=bool)
        if not self._has_conditions:
            return fits
        if (numbers := self._numbers) is not None:
            fits &= np.array([row in numbers for row in chunk.rows], dtype=bool)
        for condition in self._conditions:
            fits &= condition.holds(chunk)
        self._fitting += int(fits.sum())
        self._last_row = max(self._last_row, *chunk.rows)
        return fits

    def note_kept(self, statuses: Iterable[Status]) -> None:
        """Count chosen rows of a results file that are not sent, because ``--only`` names other states.

        A condition fits many tickets, which nobody expects to be sent again; a row number is a wish.
        """
        if self._has_conditions:
            self._kept.update(each for each in statuses if self._numbers is not None or each not in DONE_STATUSES)

    def require_any(self) -> None:
        """Raise UsageError if no row fits, after all rows were read: probably the choice has a mistake."""
        if self._fitting or not self._has_conditions:
            return
        flags = [f"--where {condition.text!r}" for condition in self._conditions]
        hints = ["--where needs the whole value of a cell, letter by letter"] if flags else []
        if self._numbers is not None:
            flags = [f"--rows {self._numbers}", *flags]
            hints = [f"rows are numbered as in import_row of the results; the last one is {self._last_row}", *hints]
        raise UsageError(f"no row fits {' and '.join(flags)}", hint="; ".join(hints))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warn of row numbers behind the last row, and of rows that keep their state."""
        found = []
        if self._numbers is not None and self._fitting and self._numbers.last > self._last_row:
            found.append(f"--rows {self._numbers}: the last row is {self._last_row}")
        if self._kept:
            states = ", ".join(f"{count:,} {status}" for status, count in sorted(self._kept.items()))
            found.append(f"chosen rows that are not sent, as --only does not name their state: {states}")
        return tuple(found)


def _conditions(where: Sequence[str], manifest: Manifest) -> Iterator[_Condition]:
    """Yield the conditions. A column's name may hold an equals sign; of two names that fit, the longer one counts."""
    wrong = []
    for text in where:
        ends = [at for at, character in enumerate(text) if character == "="]
        names = [text[:at] for at in reversed(ends) if text[:at] in manifest.columns]
        if names:
            name = names[0]
            yield _Condition(text, manifest.repeated.get(name, (name,)), text[len(name) + 1 :])
        else:
            name = text.partition("=")[0]
            wrong.append(f"--where {text!r}: the file has no column {name!r}{did_you_mean(name, manifest.columns)}")
    if wrong:
        raise UsageError(
            "a column of --where does not exist:", details=wrong, hint="write it as --where 'COLUMN=value'"
        )


def _random_numbers(rows: npt.NDArray[np.uint64], seed: int | None) -> npt.NDArray[np.uint64]:
    """Return a different number for each row, by the finalizer of SplitMix64."""
    start = hashlib.blake2b(str(seed).encode(), digest_size=8).digest()
    mixed: npt.NDArray[np.uint64] = rows + np.frombuffer(start, dtype="<u8")
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))
