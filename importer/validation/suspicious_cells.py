r"""Warns about cells that an earlier program probably damaged. They are sent unchanged; only the user can decide.

Spreadsheets write an apostrophe before, or `="..."` around, text that looks like a number; databases write `\N` for an
empty value; a program that reads UTF-8 as Windows-1252 writes `GrÃ¼ÃŸe`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from importer.account_fields.value_check import shortened
from importer.leadsquared.documented_fields import without_extension
from importer.manifest.cell_values import is_misread
from importer.manifest.chunks import Chunk
from importer.manifest.text_column import Column, Mask
from importer.mapping import FieldType, Mapping

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.intp]
Find = Callable[[Bytes], Positions]
Test = Callable[[str], bool]

_APOSTROPHE, _EQUALS, _QUOTE = b"'=\""
_BEHIND_APOSTROPHE = np.zeros(256, dtype=bool)
_BEHIND_APOSTROPHE[list(b"0123456789+-=@.")] = True

# UTF-8 bytes of the letters Â to ô, which are first bytes of UTF-8 characters read as Windows-1252, and the first bytes
# of the characters that can follow them.
_LETTER, _FIRST_LETTER, _LAST_LETTER = 0xC3, 0x82, 0xB4
_SECONDS = np.zeros(256, dtype=bool)
_SECONDS[[0xC2, 0xC5, 0xC6, 0xCB, 0xE2]] = True
_BACKSLASH = ord("\\")
_ESCAPED = np.zeros(256, dtype=bool)
_ESCAPED[list(b"ntr")] = True
_EXTENSION_SIGNS = np.zeros(256, dtype=bool)
_EXTENSION_SIGNS[[*b"xX#", 0xD0]] = True  # or a Cyrillic letter
_PATH = re.compile(r"\b[A-Za-z]:\\|\\\\\w")

_REPAIR = "set `manifest: {{repair: {}}}` in the mapping"
_REPAIRED = "it is repaired, as set in the mapping"
# Text for one cell, text for several cells, and advice.
_NOTES = {
    "apostrophe": (
        "begins with an apostrophe before a number or sign",
        "begin with an apostrophe before a number or sign",
        f"spreadsheets mark text this way, and it is sent unchanged: if unintended, {_REPAIR.format('apostrophe')}",
    ),
    "formula": (
        'is a text written as ="..."',
        'are texts written as ="..."',
        f"spreadsheets mark text this way, and it is sent unchanged: {_REPAIR.format('formula')}",
    ),
    "misread": (
        "looks like UTF-8 that was read as Windows-1252",
        "look like UTF-8 that was read as Windows-1252",
        f"an earlier program broke these characters: export again as UTF-8, or {_REPAIR.format('misread')}",
    ),
    "null": (
        "is \\N",
        "are \\N",
        r"databases write it for an empty value, and it is sent unchanged; otherwise set `manifest: {empty: ['\N']}`",
    ),
    "extension": (
        "has an extension, which is removed from the phone number",
        "have an extension, which is removed from the phone number",
        "a lead is found by its number without extension; to keep the extension, map the column to another field too",
    ),
    "escape": (
        "contains \\n, \\t or \\r as two characters",
        "contain \\n, \\t or \\r as two characters",
        "databases write line breaks and tabs this way without quotes, and it is sent unchanged: export quoted CSV",
    ),
}
_KEY_NOTE = "; it is part of the key, so in a later export without it these rows count as new"


@dataclass
class _Found:
    """Number of a column's suspicious cells of one kind, and the first of them."""

    row: int
    example: str
    cells: int = 0


class SuspiciousCells:
    """Counts suspicious cells in the rows to send, chunk by chunk. ``has_escapes``: the file is tab-separated."""

    def __init__(self, mapping: Mapping, *, has_escapes: bool) -> None:
        self._keys = frozenset(() if mapping.key_is_row_content else mapping.key)
        sent = [column for rule in mapping.rules for column in rule.columns]
        sent += [column for _, template in mapping.templates for column in template.columns]
        self._columns = list(dict.fromkeys((*mapping.key, *sent)) if self._keys else dict.fromkeys(sent))
        self._has_escapes = has_escapes
        self._repaired = frozenset(mapping.manifest.repair)
        self._ignored = frozenset({"null"} if r"\N" in mapping.manifest.empty else ())
        phones = (rule for rule in mapping.rules if rule.type is FieldType.PHONE)
        self._phones = frozenset(column for rule in phones for column in rule.columns)
        self._found: dict[tuple[str, str], _Found] = {}

    def check(self, chunk: Chunk, wanted: Mask) -> None:
        """Check the mapped columns and key columns of the ``wanted`` rows."""
        positions = np.flatnonzero(wanted)
        if not positions.size:
            return
        search = _ColumnSearch(has_escapes=self._has_escapes)
        for name in self._columns:
            column = chunk.column(name)
            whole = Column.from_any_texts(chunk.texts(name)) if column is None else column
            cells = whole if positions.size == len(whole) else whole.take(positions)
            found = [*search.kinds(cells), *(search.extensions(cells) if name in self._phones else ())]
            for kind, suspicious in found:
                if suspicious.size and kind not in self._ignored:
                    self._note(
                        kind,
                        name,
                        cells.take(suspicious[:1]).texts()[0],
                        chunk.rows[int(positions[suspicious[0]])],
                        suspicious.size,
                    )

    def _note(self, kind: str, name: str, example: str, row: int, count: int) -> None:
        self._found.setdefault((kind, name), _Found(row=row, example=example)).cells += count

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each column and kind."""
        return tuple(self._line(kind, name, found) for (kind, name), found in self._found.items())

    def _line(self, kind: str, name: str, found: _Found) -> str:
        one, several, advice = _NOTES[kind]
        cells = f"1 cell {one}" if found.cells == 1 else f"{found.cells:,} cells {several}"
        key = _KEY_NOTE if name in self._keys and kind not in self._repaired else ""
        advice = _REPAIRED if kind in self._repaired else advice
        return f"column {name!r}: {cells}, first {shortened(found.example)!r} in row {found.row}; {advice}{key}"


class _ColumnSearch:
    """Searches the columns of one chunk; bytes that several columns share are search once."""

    def __init__(self, *, has_escapes: bool) -> None:
        self._has_escapes = has_escapes
        # Keeps the bytes alive, so that their id() stays unique.
        self._places: dict[tuple[int, Find], tuple[Bytes, Positions]] = {}

    def kinds(self, cells: Column) -> Iterator[tuple[str, Positions]]:
        """Yield each kind with the positions of its suspicious cells."""
        first = cells.first_bytes()
        yield "apostrophe", _with_second_byte(cells, np.flatnonzero(first == _APOSTROPHE), _BEHIND_APOSTROPHE)
        is_quote = np.arange(256) == _QUOTE
        formulas = _with_second_byte(cells, np.flatnonzero(first == _EQUALS), is_quote)
        yield "formula", formulas[[text.endswith('"') for text in cells.take(formulas).texts()]]
        yield "null", np.flatnonzero(cells.equals("\\N"))
        yield "misread", self._matching_cells(cells, _misread_candidates, is_misread)
        if self._has_escapes:
            yield "escape", self._matching_cells(cells, _escapes, lambda text: not _PATH.search(text))

    def extensions(self, cells: Column) -> Iterator[tuple[str, Positions]]:
        """Yield the positions of the phone numbers with an extension."""
        yield (
            "extension",
            self._matching_cells(cells, _extension_signs, lambda text: without_extension(text.strip()) != text.strip()),
        )

    def _matching_cells(self, cells: Column, find: Find, is_suspicious: Test) -> Positions:
        """Return the cells where ``find`` finds a byte position and ``is_suspicious`` accepts the text."""
        key = id(cells.data), find
        if key not in self._places:
            self._places[key] = cells.data, find(cells.data)
        places = self._places[key][1]
        if not places.size:
            return places
        # The first place after the cell's start is in the cell, or after its end.
        following = np.append(places, cells.data.size)[np.searchsorted(places, cells.starts)]
        candidates: Positions = np.flatnonzero(following < cells.ends)
        return candidates[[is_suspicious(text) for text in cells.take(candidates).texts()]]


def _misread_candidates(data: Bytes) -> Positions:
    """Return the positions of letters that may be the first byte of a misread character."""
    places = np.flatnonzero(data[:-2] == _LETTER)
    letters = data[places + 1]
    found: Positions = places[(letters >= _FIRST_LETTER) & (letters <= _LAST_LETTER) & _SECONDS[data[places + 2]]]
    return found


def _escapes(data: Bytes) -> Positions:
    places: Positions = np.flatnonzero(data[:-1] == _BACKSLASH)
    return places[_ESCAPED[data[places + 1]]]


def _extension_signs(data: Bytes) -> Positions:
    return np.flatnonzero(_EXTENSION_SIGNS[data])


def _with_second_byte(cells: Column, candidates: Positions, allowed: Mask) -> Positions:
    """Return the candidates whose second byte is allowed."""
    if not candidates.size:
        return candidates
    found: Positions = candidates[allowed[cells.take(candidates).matrix(2)[1]]]
    return found
