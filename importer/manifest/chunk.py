"""Some rows of a manifest, with what is wrong with their shape."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.manifest.column import Column
from importer.manifest.records import Records
from importer.models import Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunk:
    """Some rows of the manifest, in its order.

    ``columns``: the header's names. ``rows``: for each row its number as a spreadsheet counts. ``problems``: structural
    ones (``too-many-cells``, ``too-few-cells``, ``header-again``); such a row is cut or padded with ``""``, and must
    not be sent.
    """

    columns: tuple[str, ...]
    rows: tuple[int, ...]
    source: Records
    problems: tuple[Problem, ...] = ()

    @functools.cached_property
    def frame(self) -> pd.DataFrame:
        """All cells: one column per header name, object dtype, every cell a ``str``, a RangeIndex from 0."""
        return self._frame(self.source)

    def part(self, positions: Sequence[int]) -> pd.DataFrame:
        """The cells of some rows, by their positions from 0 on; the frame's index counts them from 0, too."""
        return self._frame(self._take(positions))

    def records(self, positions: Sequence[int]) -> list[list[str]]:
        """The cells of some rows as they stand in the file, too many or too few of them included."""
        return self._take(positions).texts()

    def column(self, name: str) -> Column | None:
        """One column's cells as bytes; ``None`` if there is one that bytes can't say."""
        return self.source.column(self.columns.index(name))

    def texts(self, name: str) -> list[str]:
        """One column's cells as text."""
        return self.source.column_texts(self.columns.index(name))

    def texts_at(self, name: str, positions: npt.NDArray[np.intp]) -> list[str]:
        """Some of one column's cells as text."""
        return self.source.take(positions).column_texts(self.columns.index(name))

    def text(self, name: str, position: int) -> str:
        """One cell's text."""
        return self.texts_at(name, np.array([position]))[0]

    def _take(self, positions: Sequence[int]) -> Records:
        return self.source.take(np.array(positions, dtype=np.intp))

    def _frame(self, source: Records) -> pd.DataFrame:
        records = source.texts()
        width = len(self.columns)
        if set(map(len, records)) - {width}:
            records = [record[:width] + [""] * (width - len(record)) for record in records]
        return pd.DataFrame(records, columns=pd.Index(self.columns, dtype=object), dtype=object)
