"""Writes results as a workbook of text cells, so that a spreadsheet does not convert numbers and dates."""

from __future__ import annotations

import contextlib
import errno
import io
import operator
import os
import pickle
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from importer.models import Status
from importer.results.columns import CellChoices, CellProblem, ResultRow, RowResults
from importer.results.sheet_rows import RowWriter, SheetRow
from importer.results.workbook_layout import WORK_STATUSES, ColumnWidths, SheetLayout
from importer.results.workbook_parts import SHEET_PART, Note, SheetContent, WorkbookParts, workbook_parts
from importer.runtime.atomic_files import open_made

_COMPRESSION = 3  # a tenth larger than the default, in half the time
_MAX_PART_BYTES = 2**31 - 1  # larger parts need ZIP64, which some spreadsheets call damaged
_NOTHING: frozenset[int] = frozenset()
_MAX_NOTES = 5_000  # spreadsheets become slow with more; import_error has the reasons of all rows


@dataclass(frozen=True, kw_only=True)
class WorkbookOptions:
    """What a workbook has besides the rows.

    ``choices``: for a column of the manifest by its index, the values that its cells may have. ``all_rows``: the name
    of the file with all rows; then the workbook has only the rows to work on. ``max_bytes``: the largest size of the
    sheet, unpacked.
    """

    choices: CellChoices = field(default_factory=dict)
    all_rows: str | None = None
    max_bytes: int = _MAX_PART_BYTES


class ResultsWorkbook:
    """A workbook whose rows are written at its end, as its first part depends on all of them. Use it in ``with``.

    Until then the rows are in a file without a name. xlsxwriter writes everything but the rows, for which it takes nine
    times as long. Raises OSError if the disk is full, or if the workbook becomes too large.
    """

    def __init__(self, path: Path, columns: Sequence[str], options: WorkbookOptions | None = None) -> None:
        """Create the file, for a manifest with these ``columns``."""
        self._layout = SheetLayout(tuple(columns))
        self._options = options or WorkbookOptions()
        self._bytes_left = self._options.max_bytes
        self._widths = ColumnWidths(self._layout.names)
        self._rows = 1  # with the header
        self._rows_to_work_on = 0
        self._notes: list[Note] = []
        with contextlib.ExitStack() as stack:
            self._file = stack.enter_context(os.fdopen(open_made(path), "wb"))
            self._spool = stack.enter_context(tempfile.TemporaryFile(dir=path.parent))
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._open:
            if kind is None:
                self._finish()

    def add(self, some: RowResults) -> None:
        """Append rows."""
        rows = list(self._added(some))
        if rows:
            self._widths.add(row.cells for row in rows)
            pickle.dump(rows, self._spool, pickle.HIGHEST_PROTOCOL)

    def _added(self, some: RowResults) -> Iterator[SheetRow]:
        in_order = operator.itemgetter(*self._layout.places)
        all_problems = some.problems or [()] * len(some.results)
        for cells, result, known in zip(some.rows(), some.results, all_problems, strict=True):
            is_work = result.status in WORK_STATUSES
            if self._options.all_rows is not None and (not is_work or result.acknowledged):
                continue
            problems = known or self._problems_in_error(result)
            for own, reason in problems[: _MAX_NOTES - len(self._notes)]:
                self._notes.append(Note(row=self._rows, column=self._layout.column_of(own), text=reason))
            self._rows += 1
            self._rows_to_work_on += is_work
            marked = frozenset(self._layout.column_of(own) for own, _ in problems) if problems else _NOTHING
            yield SheetRow(in_order(cells), result.status, marked)

    def _problems_in_error(self, result: ResultRow) -> list[CellProblem]:
        """Return the problems of a row that an earlier run rejected: its error names their columns."""
        if result.status is not Status.REJECTED:
            return []
        parts = result.error.split("; ")
        return [
            (at, part) for at, name in enumerate(self._layout.own) for part in parts if part.startswith(f"{name}: ")
        ]

    def _finish(self) -> None:
        content = SheetContent(
            layout=self._layout,
            rows=self._rows,
            widths=self._widths.widths(),
            choices={self._layout.column_of(own): values for own, values in self._options.choices.items()},
            notes=self._notes,
            is_filtered=0 < self._rows_to_work_on < self._rows - 1,
            all_rows=self._options.all_rows,
        )
        parts = workbook_parts(content)
        with zipfile.ZipFile(
            self._file, "w", zipfile.ZIP_DEFLATED, allowZip64=False, compresslevel=_COMPRESSION
        ) as book:
            for name, part in parts.others.items():
                book.writestr(name, part)
            with io.TextIOWrapper(book.open(SHEET_PART, "w"), encoding="utf-8", newline="\n") as sheet:
                for text in self._sheet_texts(content, parts):
                    self._count(text)
                    sheet.write(text)
        self._file.flush()
        os.fsync(self._file.fileno())

    def _sheet_texts(self, content: SheetContent, parts: WorkbookParts) -> Iterator[str]:
        """Yield the XML of the sheet."""
        row_text = RowWriter(content, parts).text
        yield parts.head
        self._spool.seek(0)
        number = 1
        while number < self._rows:
            for row in pickle.load(self._spool):  # noqa: S301 - written by this process
                number += 1
                yield row_text(number, row)
        yield parts.tail

    def _count(self, text: str) -> None:
        """Raise OSError if the sheet becomes too large."""
        self._bytes_left -= len(text) if text.isascii() else len(text.encode())
        if self._bytes_left < 0:
            raise OSError(errno.EFBIG, "too large for a workbook; write the results as CSV")
