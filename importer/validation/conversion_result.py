"""The result of converting cells to one type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """The value of each cell, ``None`` for an invalid one.

    ``code``: the error code of invalid cells. ``expected``: the kind of value that was expected, for the message.
    ``ambiguous``: positions of the invalid cells that have two possible values. ``misplaced``: positions of times that
    the clocks of the rule's zone skip or show twice.
    """

    values: Sequence[str | None]
    code: str = ""
    expected: str = ""
    ambiguous: frozenset[int] = frozenset()
    misplaced: frozenset[int] = frozenset()
