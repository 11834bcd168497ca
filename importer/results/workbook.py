"""Results as a workbook of text cells, which a spreadsheet can edit without reading numbers and dates into them."""

from __future__ import annotations

import contextlib
import errno
import html
import io
import os
import re
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import xlsxwriter  # type: ignore[import-untyped]  # it comes without types
import xlsxwriter.utility  # type: ignore[import-untyped]

from importer.results.cell_limits import MAX_CELL, cut, fits_cell
from importer.runtime.atomic_files import open_made

_SHEET = "Results"
_COLUMN_WIDTH = 18
_SHEET_PART, _BOOK_PART = "xl/worksheets/sheet1.xml", "xl/workbook.xml"
_COMPRESSION = 3  # a tenth larger than the default, in half the time
_MOST_BYTES = 2**31 - 1  # of a part, without the extensions to the format that spreadsheets don't take for sound
_STYLE = re.compile(r'style="(\d+)"')
_SIZE = re.compile(r'<dimension ref="[^"]*"/>')

# -- what a cell's text, or XML, would take for something else
_SURELY_FITS = MAX_CELL // 2
_SPECIAL = re.compile("[&<>_\x00-\x1f\ufffe\uffff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f]")
_LOOKS_ESCAPED = re.compile("_(?=x[0-9a-fA-F]{4}_)")


class ResultsWorkbook:
    """One sheet of text that is written row by row; nothing of it is held in memory. For use in ``with``.

    A library makes all of the workbook but the rows below the header: it would take nine times as long for them. Raises
    OSError if the disk does not take the file, or if it grows beyond what a workbook can be.
    """

    def __init__(self, path: Path, columns: Sequence[str], own: int, *, most_bytes: int = _MOST_BYTES) -> None:
        """``own``: the place from which on the columns are ours, so that what does not fit a cell may be cut.

        ``most_bytes``: how large the sheet may grow, before it is packed.
        """
        self._columns = columns
        self._own = own
        self._rows = 1
        self._room_bytes = most_bytes
        self._letters = [xlsxwriter.utility.xl_col_to_name(place) for place in range(len(columns))]
        parts = _parts(columns, self._rows)
        head, _ = _around_rows(parts.pop(_SHEET_PART))
        del parts[_BOOK_PART]
        (self._style,) = set(_STYLE.findall(head))
        self._file = os.fdopen(open_made(path), "wb")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, allowZip64=False, compresslevel=_COMPRESSION)
        for name, content in parts.items():
            self._zip.writestr(name, content)
        self._sheet = io.TextIOWrapper(self._zip.open(_SHEET_PART, "w"), encoding="utf-8", newline="\n")
        self._write(head)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._close()
        finally:
            for part in (self._sheet, self._zip, self._file):
                with contextlib.suppress(OSError):
                    part.close()

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        """Append rows."""
        for cells in rows:
            self._rows += 1
            self._write(self._row(cells))

    def _row(self, cells: Sequence[str]) -> str:
        number = self._rows
        between = f'{number}" s="{self._style}" t="inlineStr"><is><t'
        parts = [f'<row r="{number}">']
        for place, (letters, cell) in enumerate(zip(self._letters, cells, strict=True)):
            if not cell:  # its column says that it is text
                continue
            if len(cell) <= _SURELY_FITS and cell[0] > " " and cell[-1] > " " and not _SPECIAL.search(cell):
                parts.append(f'<c r="{letters}{between}>{cell}</t></is></c>')
            else:
                parts.append(f'<c r="{letters}{between} xml:space="preserve">{self._escaped(cell, place)}</t></is></c>')
        parts.append("</row>")
        return "".join(parts)

    def _escaped(self, cell: str, place: int) -> str:
        """The text of a cell; of ours, as much as fits one."""
        if place >= self._own:
            cell = cut(cell)
        elif not fits_cell(cell):
            # No cell is left out in silence: what does not fit was refused before.
            raise ValueError(f"row {self._rows}, column {place + 1} does not fit a workbook")
        cell = _LOOKS_ESCAPED.sub("_x005F_", cell)
        return html.escape(_CONTROL.sub(lambda form: f"_x{ord(form[0]):04X}_", cell), quote=False)

    def _write(self, text: str) -> None:
        self._room_bytes -= len(text) if text.isascii() else len(text.encode())
        if self._room_bytes < 0:
            raise OSError(errno.EFBIG, "it is too much for a workbook; write it as CSV")
        self._sheet.write(text)

    def _close(self) -> None:
        parts = _parts(self._columns, self._rows)
        _, tail = _around_rows(parts[_SHEET_PART])
        self._write(tail)
        self._sheet.close()
        self._zip.writestr(_BOOK_PART, parts[_BOOK_PART])
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())


def _parts(columns: Sequence[str], rows: int) -> dict[str, bytes]:
    """A workbook with nothing but the header, and with what spans so many ``rows``, as its parts by their names."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet = book.add_worksheet(_SHEET)
    # Empty cells are text, too: what is typed into them stays as it was typed.
    sheet.set_column(0, len(columns) - 1, _COLUMN_WIDTH, book.add_format({"num_format": "@"}))
    bold = book.add_format({"num_format": "@", "bold": True})
    for place, name in enumerate(columns):
        if sheet.write_string(0, place, name, bold):
            raise ValueError(f"row 1, column {place + 1} does not fit a workbook")
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(1, rows - 1), len(columns) - 1)
    last = xlsxwriter.utility.xl_rowcol_to_cell(rows - 1, len(columns) - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{last}"})
    book.close()
    with zipfile.ZipFile(content) as parts:
        return {name: parts.read(name) for name in parts.namelist()}


def _around_rows(sheet: bytes) -> tuple[str, str]:
    """What stands before and behind the rows that follow the header; without the size, which is not known at first."""
    head, end, tail = _SIZE.sub("", sheet.decode(), count=1).partition("</sheetData>")
    return head, end + tail
