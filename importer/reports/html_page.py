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
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import TextIO

from importer import __version__
from importer.error_codes import ERROR_CODES
from importer.models import Problem
from importer.reports.problem_tally import MappingFix, ProblemKind, all_fixes
from importer.reports.problem_text import kind_title
from importer.reports.summary import Validation
from importer.runtime.events import ProblemsFound

BEGINNING = "<!DOCTYPE html>\n<!-- a report of ticket-importer -->\n"  # identifies an earlier report
_MOST_PROBLEMS = 100_000
_LEAST_OF_A_KIND = 100  # are shown even beyond the most problems
_KINDS_WITH_LEAST = 200
_MOST_CELLS_CHARS = 50_000_000  # of all rows; rows beyond it are shown without their cells
_CELL_CHARS = 2_000
_PACKING = 4  # a higher level takes longer and saves almost nothing
_VALUES_SHOWN = 200


class Page:
    """Writes the page while problems come in, in bounded memory. The page has a size that a browser can open."""

    def __init__(self, file: TextIO, most_problems: int = _MOST_PROBLEMS) -> None:
        self._file = file
        self._most = most_problems
        self._columns: Sequence[str] = ()
        self._sheet: str | None = None
        self._cells_chars = 0
        self._kinds: dict[tuple[str, str | None], int] = {}
        self._shown: Counter[int] = Counter()
        self._shown_count = 0
        start, self._end = _asset("page.html").split("<!-- data -->\n")
        file.write(_filled(start))

    def add(self, found: ProblemsFound) -> None:
        """Write a block of rows with their problems, and a block of their cells."""
        self._columns = found.columns
        shown: dict[int, list[object]] = {}
        for problem in found.problems:
            self._sheet = problem.sheet
            kind = self._kinds.setdefault((problem.code, problem.column), len(self._kinds))
            if self._has_room(kind):
                shown.setdefault(problem.row, [problem.row]).append(_problem_data(kind, problem))
        if shown:
            cells: dict[int, Sequence[str]] = {}
            if self._cells_chars < _MOST_CELLS_CHARS:
                cells = dict(zip(found.rows, found.cells(), strict=True))
            self._write_block("rows", list(shown.values()))
            self._write_block("cells", [self._shown_cells(cells.get(row, ())) for row in shown])

    def conclude(self, validation: Validation) -> None:
        """Write the head of the report, which is known only now, and the end of the page."""
        self._write_block("about", self._head(validation))
        self._file.write(_filled(self._end))

    def _has_room(self, kind: int) -> bool:
        """Return whether the page has room for another problem of a kind, and count it."""
        is_rare = self._shown[kind] < _LEAST_OF_A_KIND and kind < _KINDS_WITH_LEAST
        if self._shown_count >= self._most and not is_rare:
            return False
        self._shown[kind] += 1
        self._shown_count += 1
        return True

    def _shown_cells(self, row: Sequence[str]) -> list[str]:
        cells = list(map(_cut, row))
        self._cells_chars += sum(map(len, cells))
        return cells

    def _write_block(self, name: str, value: object) -> None:
        # A cell may hold half a surrogate pair, which can't be encoded; its escape means the same in JSON.
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
        packed = base64.b64encode(gzip.compress(data, _PACKING, mtime=0)).decode()
        self._file.write(f'<script type="text/plain" class="{name}">{packed}</script>\n')

    def _head(self, validation: Validation) -> dict[str, object]:
        return {
            "version": __version__,
            "manifest": validation.manifest,
            "mapping": validation.mapping,
            "detected": validation.detected,
            "sheet": self._sheet,
            "madeAt": validation.made_at.isoformat(timespec="seconds"),
            "rows": validation.rows,
            "wrongRows": validation.rejected,
            "blankRows": validation.blank,
            "skippedRows": validation.skipped,
            "excludedRows": validation.excluded,
            "notSelectedRows": validation.not_selected,
            "ignoredByPatterns": [list(each) for each in validation.ignored_by_patterns],
            "warnings": list(validation.warnings),
            "columns": list(self._columns),
            "count": sum(kind.count for kind in validation.kinds),
            "shown": self._shown_count,
            "kinds": [self._kind(kind) for kind in validation.kinds],
            "fixes": all_fixes(validation.kinds, Path(validation.mapping).name),
        }

    def _kind(self, kind: ProblemKind) -> dict[str, object]:
        index = self._kinds[kind.code, kind.column]
        entry = ERROR_CODES[kind.code]
        return {
            "id": index,
            "code": kind.code,
            "name": entry.name,
            "title": kind_title(kind),
            "column": kind.column,
            "places": list(self._places(kind)),
            "count": kind.count,
            "rows": kind.row_count,
            "shown": self._shown[index],
            "meaning": entry.meaning,
            "why": entry.why,
            "advice": entry.advice,
            "different": kind.values.different,
            "exact": kind.values.exact,
            "values": kind.values.most_common(_VALUES_SHOWN),
            "fix": _fix_data(kind.fix),
        }

    def _places(self, kind: ProblemKind) -> Iterator[int]:
        """Yield the positions, from 0, of the cells to highlight; a key may have several columns."""
        name = kind.column or ""
        names = [name] if name in self._columns else name.split(", ")
        for position, column in enumerate(self._columns):
            if column in names:
                yield position


def _fix_data(fix: MappingFix | None) -> dict[str, object] | None:
    return None if fix is None else {"instruction": fix.instruction, "yaml": "\n".join(fix.lines)}


def _problem_data(kind: int, problem: Problem) -> list[object]:
    data: list[object] = [kind, problem.message, problem.value]
    return data if problem.hint == ERROR_CODES[problem.code].advice else [*data, problem.hint]


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
