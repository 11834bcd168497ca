"""Values of cells, by the mapping's `empty` and `repair`: words that mean nothing, and damaged texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from importer.manifest.records import RecordList, Records

_MISREAD = re.compile("[\u00c2-\u00f4][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]{1,3}(?=(.?))", re.DOTALL)
_PUNCTUATION = frozenset("€‚„…‘’“”•–—™")


def is_misread(text: str) -> bool:
    """Return whether a text contains UTF-8 that was read as Windows-1252."""
    return any(_misread_length(match) for match in _MISREAD.finditer(text))


def repair_misread(text: str) -> str:
    """Return a text with these characters as they were before they were read as Windows-1252."""
    return _MISREAD.sub(_repaired, text) if not text.isascii() else text


def _repaired(match: re.Match[str]) -> str:
    length = _misread_length(match)
    return _as_bytes(match[0][:length]).decode() + match[0][length:]


def _misread_length(match: re.Match[str]) -> int:
    """Return how many of the characters are one misread character; 0 if none."""
    characters = match[0]
    for length in range(len(characters), 1, -1):
        try:
            _as_bytes(characters[:length]).decode()
        except UnicodeDecodeError:
            continue
        # A closing quote after a capital letter is just a quote; within a word it is the second byte of a letter.
        is_inside = length < len(characters) or match[1].isalpha()
        is_misread = length > 2 or characters[1] not in _PUNCTUATION or is_inside  # noqa: PLR2004 - a letter and a sign
        return length if is_misread else 0
    return 0


def _as_bytes(characters: str) -> bytes:
    """Return the bytes that Windows-1252 decodes to these characters; its five undefined bytes stay as they are."""
    return b"".join(
        character.encode("latin-1") if character < "\u0100" else character.encode("cp1252") for character in characters
    )


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
