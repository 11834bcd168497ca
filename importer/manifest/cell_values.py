"""What a cell of the manifest means: empty words and damaged texts, by the mapping's `empty` and `repair`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from importer.manifest.misread_text import repair_misread
from importer.manifest.records import RecordList, Records

_APOSTROPHE = re.compile(r"'(?=[0-9+\-=@.])")
_FORMULA = re.compile(r'="((?:[^"]|"")*)"', re.DOTALL)


def _without_apostrophe(cell: str) -> str:
    return cell[1:] if _APOSTROPHE.match(cell) else cell


def _without_formula(cell: str) -> str:
    formula = _FORMULA.fullmatch(cell)
    return formula[1].replace('""', '"') if formula else cell


REPAIRS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"apostrophe": _without_apostrophe, "formula": _without_formula, "misread": repair_misread}
)


@dataclass(frozen=True, kw_only=True)
class CellValues:
    """The values of cells: first the damage in ``repair`` is undone, then the texts in ``empty`` become empty."""

    empty: frozenset[str]
    repair: tuple[str, ...]

    def of(self, source: Records) -> RecordList:
        """Return the values of some records."""
        records = source.texts()
        if not self.repair:
            return RecordList(records=[["" if cell in self.empty else cell for cell in record] for record in records])
        return RecordList(records=[list(map(self.value, record)) for record in records])

    def value(self, cell: str) -> str:
        """Return the value of a cell."""
        for kind in self.repair:
            cell = REPAIRS[kind](cell)
        return "" if cell in self.empty else cell
