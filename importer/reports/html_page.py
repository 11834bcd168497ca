"""Writes the report as one HTML page that needs no network: packed blocks of data, and a script that shows them.

Text of a manifest never becomes markup: the blocks are base64, and the script adds cells to the page as text. The
page's content security policy forbids every other script, style, connection and picture. Packed blocks open in a third
of the time, as a browser needs most of it for the length of the page.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import TextIO

from importer import __version__
from importer.error_codes import ERROR_CODES
from importer.models import Problem
from importer.reports.problem_tally import ProblemKind

# Reads the cells of all rows that were announced together. A row may have too many or too few.
CellReader = Callable[[], Sequence[Sequence[str]]]

BEGINNING = "<!DOCTYPE html>\n<!-- a report of ticket-importer -->\n"  # identifies an earlier report
_MOST_PROBLEMS = 100_000
_LEAST_OF_A_KIND = 100  # are shown even beyond the most problems
_KINDS_WITH_LEAST = 200
_MOST_CELLS_CHARS = 50_000_000  # of all rows; rows beyond it are shown without their cells
_CELL_CHARS = 2_000
_BLOCK_ROWS = 2_000
_PACKING = 4  # a higher level takes longer and saves almost nothing
_VALUES_SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class PageHeader:
    """The head of a report. ``wrong_rows`` of the ``rows`` have problems; ``kinds`` counts the problems.

    ``detected``: the format of the manifest. ``made_at`` has a time zone.
    """

    manifest: str
    mapping: str
    detected: str
    made_at: datetime
    rows: int
    wrong_rows: int
    blank_rows: int
    skipped_rows: int
    kinds: Sequence[ProblemKind]
    warnings: Sequence[str] = ()


class Page:
    """Writes the page while problems come in, in bounded memory. The page has a size that a browser can open."""

    def __init__(self, file: TextIO, most_problems: int = _MOST_PROBLEMS) -> None:
        self._file = file
        self._most = most_problems
        self._columns: Sequence[str] = ()
        self._sheet: str | None = None
        self._announced: Sequence[int] = ()
        self._read: CellReader = list
        self._cells: dict[int, Sequence[str]] = {}
        self._cells_chars = 0
        self._kinds: dict[tuple[str, str | None], int] = {}
        self._shown: Counter[int] = Counter()
        self._shown_count = 0
        self._rows: dict[int, list[list[object]]] = {}
        start, self._end = _asset("page.html").split("<!-- data -->\n")
        file.write(_filled(start))

    def wrong_rows(self, rows: Sequence[int], columns: Sequence[str], cells: CellReader) -> None:
        """Receive the numbers of the rows whose problems come next; their cells are read when the first is shown."""
        self._flush()
        self._columns = columns
        self._announced = rows
        self._read = cells

    def problem(self, problem: Problem) -> None:
        """Receive one problem."""
        self._sheet = problem.sheet
        kind = self._kinds.setdefault((problem.code, problem.column), len(self._kinds))
        is_rare = self._shown[kind] < _LEAST_OF_A_KIND and kind < _KINDS_WITH_LEAST
        if self._shown_count >= self._most and not is_rare:
            return
        self._shown[kind] += 1
        self._shown_count += 1
        if problem.row not in self._rows and len(self._rows) >= _BLOCK_ROWS:
            self._flush()
        found: list[object] = [kind, problem.message, problem.value]
        if problem.hint != ERROR_CODES[problem.code].advice:
            found.append(problem.hint)
        self._rows.setdefault(problem.row, []).append(found)

    def conclude(self, header: PageHeader) -> None:
        """Write the head of the report, which is known only now, and the end of the page."""
        self._flush()
        self._write_block("about", self._head(header))
        self._file.write(_filled(self._end))

    def _flush(self) -> None:
        """Write the rows received so far, in their order."""
        if self._rows:
            if self._announced and self._cells_chars < _MOST_CELLS_CHARS:
                self._cells = dict(zip(self._announced, self._read(), strict=True))
            self._write_block("rows", [[row, *found] for row, found in self._rows.items()])
            self._write_block("cells", list(map(self._shown_cells, self._rows)))
            self._rows, self._cells = {}, {}

    def _shown_cells(self, row: int) -> list[str]:
        cells = [_cut(cell) for cell in self._cells.get(row, ())]
        self._cells_chars += sum(map(len, cells))
        return cells

    def _write_block(self, name: str, value: object) -> None:
        # A cell may hold half a surrogate pair, which can't be encoded; its escape means the same in JSON.
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
        packed = base64.b64encode(gzip.compress(data, _PACKING, mtime=0)).decode()
        self._file.write(f'<script type="text/plain" class="{name}">{packed}</script>\n')

    def _head(self, header: PageHeader) -> dict[str, object]:
        return {
            "version": __version__,
            "manifest": header.manifest,
            "mapping": header.mapping,
            "detected": header.detected,
            "sheet": self._sheet,
            "madeAt": header.made_at.isoformat(timespec="seconds"),
            "rows": header.rows,
            "wrongRows": header.wrong_rows,
            "blankRows": header.blank_rows,
            "skippedRows": header.skipped_rows,
            "warnings": list(header.warnings),
            "columns": list(self._columns),
            "count": sum(kind.count for kind in header.kinds),
            "shown": self._shown_count,
            "kinds": [self._kind(kind) for kind in header.kinds],
        }

    def _kind(self, kind: ProblemKind) -> dict[str, object]:
        index = self._kinds[kind.code, kind.column]
        entry = ERROR_CODES[kind.code]
        return {
            "id": index,
            "code": kind.code,
            "column": kind.column,
            "places": list(self._places(kind)),
            "count": kind.count,
            "shown": self._shown[index],
            "meaning": entry.meaning,
            "why": entry.why,
            "advice": entry.advice,
            "different": kind.values.different,
            "exact": kind.values.exact,
            "values": kind.values.most_common(_VALUES_SHOWN),
        }

    def _places(self, kind: ProblemKind) -> Iterator[int]:
        """Yield the positions, from 0, of the cells to highlight; a key may have several columns."""
        name = kind.column or ""
        names = [name] if name in self._columns else name.split(", ")
        for position, column in enumerate(self._columns):
            if column in names:
                yield position


def _cut(cell: str) -> str:
    return cell if len(cell) <= _CELL_CHARS else f"{cell[:_CELL_CHARS]}… ({len(cell):,} characters)"


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _filled(template: str) -> str:
    """Fill in the style and the script, and their hashes, which the page's policy allows."""
    style, script = _asset("page.css"), _asset("page.js")
    return (
        template.replace("STYLE-HASH", _hash(style))
        .replace("SCRIPT-HASH", _hash(script))
        .replace("/* style */", style)
        .replace("/* script */", script)
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
