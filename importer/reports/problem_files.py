"""Writes every problem to a file: CSV for a spreadsheet, JSON for a script, or an HTML page for a browser."""

from __future__ import annotations

import codecs
import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from importer.errors import UsageError
from importer.models import Problem
from importer.reports.html_page import BEGINNING, CellReader, Page, PageHeader
from importer.results import escape_formula
from importer.runtime.atomic_files import begins_as, is_same, open_made, replacing, writing

ENDINGS = (".csv", ".json", ".html")
_COLUMNS = ("sheet", "row", "column", "value", "code", "message", "hint")


class ProblemReport(Protocol):
    """Receives the problems of a manifest, in its order."""

    def wrong_rows(self, rows: Sequence[int], columns: Sequence[str], cells: CellReader) -> None:
        """Receive the numbers of the rows whose problems come next. ``cells`` reads their cells."""

    def problem(self, problem: Problem) -> None:
        """Receive one problem of one of these rows."""

    def conclude(self, header: PageHeader) -> None:
        """Complete the report after the last row."""


class NoProblemReport:
    """A report that is not written."""

    def wrong_rows(self, rows: Sequence[int], columns: Sequence[str], cells: CellReader) -> None:
        """Do nothing."""

    def problem(self, problem: Problem) -> None:
        """Do nothing."""

    def conclude(self, header: PageHeader) -> None:
        """Do nothing."""


@contextmanager
def report_file(path: Path | None, inputs: Iterable[Path] = ()) -> Iterator[ProblemReport]:
    """Yield a report that writes to ``path`` in the format of its ending. The file appears when it is complete.

    ``inputs``: files that it must not replace. Raises UsageError.
    """
    if path is None:
        yield NoProblemReport()
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
            report = _Guarded(_KINDS[path.suffix.lower()](file), path)
        yield report
        with _writing(path):
            stack.close()  # outside of the block above, whose errors are not the file's


def _writing(path: Path) -> AbstractContextManager[None]:
    return writing(f"the report {path}", "--report")


class _Guarded:
    """A report that turns errors of its disk into usage errors."""

    def __init__(self, report: ProblemReport, path: Path) -> None:
        self._report = report
        self._path = path

    def wrong_rows(self, rows: Sequence[int], columns: Sequence[str], cells: CellReader) -> None:
        with _writing(self._path):
            self._report.wrong_rows(rows, columns, cells)

    def problem(self, problem: Problem) -> None:
        with _writing(self._path):
            self._report.problem(problem)

    def conclude(self, header: PageHeader) -> None:
        with _writing(self._path):
            self._report.conclude(header)


class _Csv(NoProblemReport):
    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file, lineterminator="\r\n")
        self._writer.writerow(_COLUMNS)

    def problem(self, problem: Problem) -> None:
        values = (getattr(problem, name) for name in _COLUMNS)
        self._writer.writerow(["" if value is None else escape_formula(str(value)) for value in values])


class _Json:
    """A list of objects, one per problem, with the row's cells by column."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._separator = "[\n"
        self._cells: dict[int, Mapping[str, str]] = {}

    def wrong_rows(self, rows: Sequence[int], columns: Sequence[str], cells: CellReader) -> None:
        self._cells = {row: _named(columns, texts) for row, texts in zip(rows, cells(), strict=True)}

    def problem(self, problem: Problem) -> None:
        values = {name: getattr(problem, name) for name in _COLUMNS}
        values["cells"] = self._cells.get(problem.row, {})
        self._file.write(f"{self._separator}{json.dumps(values, ensure_ascii=False)}")
        self._separator = ",\n"

    def conclude(self, _: PageHeader) -> None:
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
