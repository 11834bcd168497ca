"""Writes results as a workbook of text cells, so that a spreadsheet does not convert numbers and dates."""

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

from importer.results.cell_limits import MAX_CELL, cut_to_cell, fits_cell
from importer.runtime.atomic_files import open_made

_SHEET = "Results"
_COLUMN_WIDTH = 18
_SHEET_PART, _BOOK_PART = "xl/worksheets/sheet1.xml", "xl/workbook.xml"
_COMPRESSION = 3  # a tenth larger than the default, in half the time
_MAX_PART_BYTES = 2**31 - 1  # larger parts need ZIP64, which some spreadsheets call damaged
_STYLE = re.compile(r'style="(\d+)"')
_DIMENSION = re.compile(r'<dimension ref="[^"]*"/>')

# -- characters and texts that must be escaped
_SURELY_FITS = MAX_CELL // 2
_SPECIAL = re.compile("[&<>_\x00-\x1f\ufffe\uffff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f]")
_LOOKS_ESCAPED = re.compile("_(?=x[0-9a-fA-F]{4}_)")


class ResultsWorkbook:
    """A workbook of one sheet that is written row by row, without holding rows in memory. Use it in ``with``.

    xlsxwriter writes everything but the rows below the header, for which it takes nine times as long. Raises OSError if
    the disk is full, or if the workbook becomes too large.
    """

    def __init__(self, path: Path, columns: Sequence[str], own: int, *, max_bytes: int = _MAX_PART_BYTES) -> None:
        """Create the file with its header.

        ``own``: the index of the first column that is ours, so that texts may be cut. ``max_bytes``: the largest size
        of the sheet, unpacked.
        """
        self._columns = columns
        self._own = own
        self._rows = 1
        self._bytes_left = max_bytes
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
            if not cell:  # the format of the column makes it text
                continue
            if len(cell) <= _SURELY_FITS and cell[0] > " " and cell[-1] > " " and not _SPECIAL.search(cell):
                parts.append(f'<c r="{letters}{between}>{cell}</t></is></c>')
            else:
                parts.append(f'<c r="{letters}{between} xml:space="preserve">{self._escaped(cell, place)}</t></is></c>')
        parts.append("</row>")
        return "".join(parts)

    def _escaped(self, cell: str, place: int) -> str:
        """Escape the text of a cell; cut it if it is in one of our columns."""
        if place >= self._own:
            cell = cut_to_cell(cell)
        elif not fits_cell(cell):
            # Cells that do not fit were refused before, so this is a bug.
            raise ValueError(f"row {self._rows}, column {place + 1} does not fit a workbook")
        cell = _LOOKS_ESCAPED.sub("_x005F_", cell)
        return html.escape(_CONTROL.sub(lambda form: f"_x{ord(form[0]):04X}_", cell), quote=False)

    def _write(self, text: str) -> None:
        self._bytes_left -= len(text) if text.isascii() else len(text.encode())
        if self._bytes_left < 0:
            raise OSError(errno.EFBIG, "too large for a workbook; write the results as CSV")
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
    """Write a workbook with only the header and settings for ``rows`` rows; return its parts by name."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet = book.add_worksheet(_SHEET)
    # Empty cells are text, too, so that a spreadsheet does not convert what a user types.
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
    """Split the XML of a sheet into the parts before and after the rows below the header, without its dimension."""
    head, end, tail = _DIMENSION.sub("", sheet.decode(), count=1).partition("</sheetData>")
    return head, end + tail
