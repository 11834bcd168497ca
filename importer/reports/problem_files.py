"""Writes every problem to a file: CSV for a spreadsheet, JSON for a script, or an HTML page for a browser."""

from __future__ import annotations

import codecs
import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol, TextIO

from importer.errors import UsageError
from importer.reports.html_page import BEGINNING, Page
from importer.reports.summary import Validation
from importer.results import escape_formula
from importer.runtime.atomic_files import begins_as, is_same, open_made, replacing, writing
from importer.runtime.events import Emit, Event, ProblemsFound, to_all

ENDINGS = (".csv", ".json", ".html")
_COLUMNS = ("sheet", "row", "column", "value", "code", "message", "hint")


class ProblemReport(Protocol):
    """Writes the problems of a manifest, in its order."""

    def add(self, found: ProblemsFound) -> None:
        """Write some problems."""

    def conclude(self, validation: Validation) -> None:
        """Complete the report after the last row."""


@contextmanager
def report_file(path: Path | None, inputs: Iterable[Path] = ()) -> Iterator[Emit]:
    """Yield a listener that writes problems to ``path`` in the format of its ending.

    The file appears when it is complete. ``inputs``: files that it must not replace. Raises UsageError.
    """
    if path is None:
        yield to_all()
        return
    if path.suffix.lower() not in ENDINGS:
        endings = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
        raise UsageError(f"{path}: a report must end in {endings}", hint="choose one of these endings for --report")
    with _writing(path):
        is_input = any(is_same(path, each) for each in inputs)
    if is_input:
        raise UsageError(
            f"{path} is an input of this check and can't be replaced", hint="name another file with --report"
        )
    with _writing(path):
        is_other = path.exists() and not begins_as(path, _BEGINNINGS[path.suffix.lower()])
    if is_other:  # results and manifests have these endings too
        raise UsageError(f"{path} exists and is not a report", hint="name another file with --report, or move this one")
    with ExitStack() as stack:
        with _writing(path):
            temporary = stack.enter_context(replacing(path))
            encoding = "utf-8-sig" if path.suffix.lower() == ".csv" else "utf-8"
            # A cell may hold half a surrogate pair, which can't be encoded; its escape means the same in JSON.
            file = stack.enter_context(
                os.fdopen(open_made(temporary), "w", encoding=encoding, errors="backslashreplace", newline="")
            )
            report = _KINDS[path.suffix.lower()](file)
        yield partial(_listen, report, path)
        with _writing(path):
            stack.close()  # outside of the block above, whose errors are not the file's


def _writing(path: Path) -> AbstractContextManager[None]:
    return writing(f"the report {path}", "--report")


def _listen(report: ProblemReport, path: Path, event: Event) -> None:
    with _writing(path):
        match event:
            case ProblemsFound():
                report.add(event)
            case Validation():
                report.conclude(event)


class _Csv:
    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file, lineterminator="\r\n")
        self._writer.writerow(_COLUMNS)

    def add(self, found: ProblemsFound) -> None:
        for problem in found.problems:
            values = (getattr(problem, name) for name in _COLUMNS)
            self._writer.writerow(["" if value is None else escape_formula(str(value)) for value in values])

    def conclude(self, _: Validation) -> None:
        """Do nothing: the last problem is the last line."""


class _Json:
    """A list of objects, one per problem, with the row's cells by column."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._separator = "[\n"

    def add(self, found: ProblemsFound) -> None:
        cells = {row: _named(found.columns, texts) for row, texts in zip(found.rows, found.cells(), strict=True)}
        for problem in found.problems:
            values = {name: getattr(problem, name) for name in _COLUMNS}
            values["cells"] = cells.get(problem.row, {})
            self._file.write(f"{self._separator}{json.dumps(values, ensure_ascii=False)}")
            self._separator = ",\n"

    def conclude(self, _: Validation) -> None:
        self._file.write("\n]\n" if self._separator == ",\n" else "[]\n")


def _named(columns: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Return the cells by column. Cells beyond the last column are named ``+1``, ``+2`` and so on."""
    surplus = {f"+{number}": cell for number, cell in enumerate(cells[len(columns) :], start=1)}
    return dict(zip(columns, cells, strict=False)) | surplus


_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    ".csv": (codecs.BOM_UTF8 + ",".join(_COLUMNS).encode(),),
    ".json": (b'[\n{"sheet": ', b"[]\n"),
    ".html": (BEGINNING.encode(),),
}
_KINDS: dict[str, Callable[[TextIO], ProblemReport]] = {".csv": _Csv, ".json": _Json, ".html": Page}
