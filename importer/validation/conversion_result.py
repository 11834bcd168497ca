"""What became of a column's cells."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

Cells = pd.Series  # of str, object dtype
Mask = pd.Series  # of bool


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """``values`` where ``bad`` is false; ``code`` and ``expected`` say what the bad cells should have been.

    ``ambiguous`` are those of the bad cells that could be two values, where there are any.
    """

    values: Cells
    bad: Mask
    code: str = ""
    expected: str = ""
    ambiguous: Mask | None = None
