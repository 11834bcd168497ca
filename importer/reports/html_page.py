"""The report as one HTML page that needs no network: the data in packed blocks, and a script of our own that shows it.

Nothing of a manifest ever becomes markup: cells stand in blocks of base64, and the script puts them into the page as
text. The page's own policy forbids every other script, style, connection and picture. The blocks are packed because a
browser spends most of its time on a page's length: a hundred thousand rows open in a third of the time.
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

# Reads the cells of all rows that were announced together, too many or too few of them included.
CellReader = Callable[[], Sequence[Sequence[str]]]

BEGINNING = "<!DOCTYPE html>\n<!-- a report of ticket-importer -->\n"  # by which a former report is known
_MOST_PROBLEMS = 100_000
_LEAST_OF_A_KIND = 100  # are shown all the same, where there are more problems than can be
_KINDS_WITH_A_LEAST = 200
_MOST_CELLS_CHARS = 50_000_000  # of all rows that are shown; what is beyond has its problems without its cells
_CELL_CHARS = 2_000
_BLOCK_ROWS = 2_000
_PACKING = 4  # more takes longer and saves next to nothing
_VALUES_SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class PageHeader:
    """What a report says of the check: ``rows`` were judged, ``wrong_rows`` have problems, all of them of ``kinds``.

    ``detected``: how the manifest was read. ``made_at`` has a time zone.
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
    """Writes the page while the problems come, in little memory; so that a browser can hold it, it is bounded, too."""

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
        """Take note of the rows whose problems come next; their cells are read when the first of them is shown."""
        self._flush()
        self._columns = columns
        self._announced = rows
        self._read = cells

    def problem(self, problem: Problem) -> None:
        """Take one problem."""
        self._sheet = problem.sheet
        kind = self._kinds.setdefault((problem.code, problem.column), len(self._kinds))
        seldom = self._shown[kind] < _LEAST_OF_A_KIND and kind < _KINDS_WITH_A_LEAST
        if self._shown_count >= self._most and not seldom:
            return
        self._shown[kind] += 1
        self._shown_count += 1
        if problem.row not in self._rows and len(self._rows) >= _BLOCK_ROWS:
            self._flush()
        found: list[object] = [kind, problem.message, problem.value]
        if problem.hint != ERROR_CODES[problem.code].advice:
            found.append(problem.hint)
        self._rows.setdefault(problem.row, []).append(found)

    def conclude(self, about: PageHeader) -> None:
        """Write the head of the report, which is known last, and the page's end."""
        self._flush()
        self._write_block("about", self._head(about))
        self._file.write(_filled(self._end))

    def _flush(self) -> None:
        """Write the rows that have come, in the order in which they came."""
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
        # A cell may hold half a surrogate pair, which no encoding takes; its escape means just that.
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
        packed = base64.b64encode(gzip.compress(data, _PACKING, mtime=0)).decode()
        self._file.write(f'<script type="text/plain" class="{name}">{packed}</script>\n')

    def _head(self, about: PageHeader) -> dict[str, object]:
        return {
            "version": __version__,
            "manifest": about.manifest,
            "mapping": about.mapping,
            "detected": about.detected,
            "sheet": self._sheet,
            "madeAt": about.made_at.isoformat(timespec="seconds"),
            "rows": about.rows,
            "wrongRows": about.wrong_rows,
            "blankRows": about.blank_rows,
            "skippedRows": about.skipped_rows,
            "warnings": list(about.warnings),
            "columns": list(self._columns),
            "count": sum(kind.count for kind in about.kinds),
            "shown": self._shown_count,
            "kinds": [self._kind(kind) for kind in about.kinds],
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
        """Which cells of a row are meant, counted from 0; of a key of several columns, which are listed, all."""
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
    """Put style and script into the page, and their hashes, which are all that its policy allows, into its head."""
    style, script = _asset("page.css"), _asset("page.js")
    return (
        template.replace("STYLE-HASH", _hash(style))
        .replace("SCRIPT-HASH", _hash(script))
        .replace("/* style */", style)
        .replace("/* script */", script)
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
