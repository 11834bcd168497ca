"""The result of converting a column of cells to one type."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

Cells = pd.Series  # of str, object dtype
BoolSeries = pd.Series


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """Converted ``values``, valid where ``bad`` is false.

    ``code``: the error code for bad cells. ``expected``: the kind of value that was expected, for the message.
    ``ambiguous``: the bad cells that have two possible values; ``None`` if there are none.
    """

    values: Cells
    bad: BoolSeries
    code: str = ""
    expected: str = ""
    ambiguous: BoolSeries | None = None
