"""Results as a workbook of text cells, which a spreadsheet can edit without reading numbers and dates into them."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import xlsxwriter  # type: ignore[import-untyped]  # it comes without types
import xlsxwriter.exceptions  # type: ignore[import-untyped]
import xlsxwriter.utility  # type: ignore[import-untyped]

ENDING = ".xlsx"
MAX_CELL = 32_767  # UTF-16 units, as a spreadsheet counts
MAX_ROWS = 1_048_576  # with the header
MAX_COLUMNS = 16_384

_SHEET = "Results"
_COLUMN_WIDTH = 18
_MOST_UNITS = 2  # of a character beyond the first 65,536
_NO_CHARACTER = re.compile("[\ufffe\uffff]")  # XML has no way to write these two
_CUT = "… (cut)"


class WorkbookFile:
    """One sheet of text that is written row by row; nothing of it is held in memory. For use in ``with``.

    Raises OSError if the disk does not take it, at the end at the latest.
    """

    def __init__(self, path: Path, columns: Sequence[str], own: int) -> None:
        """``own``: the place from which on the columns are ours, so that what does not fit a cell may be cut."""
        self._path = path
        self._own = own
        # Ours, so that what a failure leaves behind goes with it.
        self._folder = tempfile.TemporaryDirectory(prefix="ticket-importer-", ignore_cleanup_errors=True)
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": self._folder.name,
                "strings_to_numbers": False,
                "strings_to_formulas": False,
                "strings_to_urls": False,
            },
        )
        self._sheet = self._book.add_worksheet(_SHEET)
        # Empty cells are text, too: what is typed into them stays as it was typed.
        self._text = self._book.add_format({"num_format": "@"})
        self._sheet.set_column(0, len(columns) - 1, _COLUMN_WIDTH, self._text)
        self._sheet.freeze_panes(1, 0)
        self._width = len(columns)
        self._rows = 0
        self._add(columns, self._book.add_format({"num_format": "@", "bold": True}))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._close()
        finally:
            # The library closes the file of its waiting rows only as it packs them.
            with contextlib.suppress(OSError):
                self._sheet.row_data_fh.close()
            self._folder.cleanup()

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        """Append rows."""
        for cells in rows:
            self._add([*cells[: self._own], *map(_cut, cells[self._own :])], self._text)

    def _add(self, cells: Sequence[str], form: object) -> None:
        for column, cell in enumerate(cells):
            # No cell is left out in silence: what does not fit was refused before, and ours is cut.
            if cell and self._sheet.write_string(self._rows, column, cell, form):
                raise ValueError(f"row {self._rows + 1}, column {column + 1} does not fit a workbook")
        self._rows += 1

    def _close(self) -> None:
        self._sheet.autofilter(0, 0, max(1, self._rows - 1), self._width - 1)
        everywhere = f"A1:{xlsxwriter.utility.xl_rowcol_to_cell(self._rows - 1, self._width - 1)}"
        self._sheet.ignore_errors({"number_stored_as_text": everywhere})
        try:
            self._book.close()
        except xlsxwriter.exceptions.XlsxWriterException as error:
            raise _as_os_error(error) from error
        with self._path.open("rb+") as file:
            os.fsync(file.fileno())


def unfit(rows: Sequence[int], name: str, cells: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Say which cells of a column no workbook can hold: each one's row, and why."""
    if max(map(len, cells), default=0) * _MOST_UNITS <= MAX_CELL and not _NO_CHARACTER.search("".join(cells)):
        return
    for row, cell in zip(rows, cells, strict=True):
        if _units(cell) > MAX_CELL:
            yield row, f"row {row}, {name}: {len(cell):,} characters; a cell holds {MAX_CELL:,}"
        elif _NO_CHARACTER.search(cell):
            yield row, f"row {row}, {name}: it holds a character that a workbook can't"


def _units(text: str) -> int:
    if len(text) * _MOST_UNITS <= MAX_CELL:
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str) -> str:
    """What a server or a rule said, in the length that a cell holds."""
    text = _NO_CHARACTER.sub("\ufffd", text)
    if _units(text) <= MAX_CELL:
        return text
    room = 2 * (MAX_CELL - len(_CUT))
    return text.encode("utf-16-le", "surrogatepass")[:room].decode("utf-16-le", "ignore") + _CUT


def _as_os_error(error: Exception) -> OSError:
    """What the library wraps: the system's own error, or the size that its format can't have."""
    cause = error.args[0] if error.args else error
    return cause if isinstance(cause, OSError) else OSError(None, str(cause))
