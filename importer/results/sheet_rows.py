"""Rows of results as the XML of a sheet: text cells with their formats."""

from __future__ import annotations

import html
import re
from typing import NamedTuple

import xlsxwriter.utility  # type: ignore[import-untyped]  # it comes without types

from importer.results.cell_limits import MAX_CELL, cut_to_cell, fits_cell
from importer.results.workbook_layout import LINE_POINTS, MOST_LINES, STATUS_COLUMN, WORK_STATUSES, lines_of_row
from importer.results.workbook_parts import SheetContent, WorkbookParts

_SURELY_FITS = MAX_CELL // 2
_SPECIAL = re.compile("[&<>_\x00-\x1f\ufffe\uffff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f]")
_LOOKS_ESCAPED = re.compile("_(?=x[0-9a-fA-F]{4}_)")


class SheetRow(NamedTuple):
    """A row of the sheet. ``problems``: the columns of the sheet whose cells have a problem."""

    cells: tuple[str, ...]
    status: str
    problems: frozenset[int]


class RowWriter:
    """Writes rows below the header."""

    def __init__(self, content: SheetContent, parts: WorkbookParts) -> None:
        self._layout = content.layout
        self._widths = content.widths
        self._hides_others = content.is_filtered
        self._letters = [xlsxwriter.utility.xl_col_to_name(column) for column in range(len(content.layout.names))]
        self._styles = list(parts.column_styles)
        self._problem_style = parts.problem_style
        self._status_styles = parts.status_styles

    def text(self, number: int, row: SheetRow) -> str:
        """Return the XML of a row; ``number`` counts from 1."""
        hidden = ' hidden="1"' if self._hides_others and row.status not in WORK_STATUSES else ""
        parts = [f'<row r="{number}"{self._height(row)}{hidden}>']
        self._styles[STATUS_COLUMN] = self._status_styles[row.status]
        for column, (letters, cell, style) in enumerate(zip(self._letters, row.cells, self._styles, strict=True)):
            is_wrong = column in row.problems
            start = f'<c r="{letters}{number}" s="{self._problem_style if is_wrong else style}"'
            if not cell:
                if is_wrong:  # otherwise the format of the column makes it text
                    parts.append(f"{start}/>")
            elif len(cell) <= _SURELY_FITS and cell[0] > " " and cell[-1] > " " and not _SPECIAL.search(cell):
                parts.append(f'{start} t="inlineStr"><is><t>{cell}</t></is></c>')
            else:
                text = self._escaped(cell, number, column)
                parts.append(f'{start} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>')
        parts.append("</row>")
        return "".join(parts)

    def _height(self, row: SheetRow) -> str:
        """Return the height, as LibreOffice does not compute it; one that is not cut stays automatic."""
        lines = lines_of_row(row.cells, self._widths)
        if lines > MOST_LINES:
            return f' ht="{MOST_LINES * LINE_POINTS}" customHeight="1"'
        return f' ht="{lines * LINE_POINTS}"' if lines > 1 else ""

    def _escaped(self, cell: str, number: int, column: int) -> str:
        """Escape the text of a cell; cut it if it is in a column that an import adds."""
        if not self._layout.is_own(column):
            cell = cut_to_cell(cell)
        elif not fits_cell(cell):
            # Cells that do not fit were refused before, so this is a bug.
            raise ValueError(f"row {number}, column {column + 1} does not fit a workbook")
        cell = _LOOKS_ESCAPED.sub("_x005F_", cell)
        return html.escape(_CONTROL.sub(lambda form: f"_x{ord(form[0]):04X}_", cell), quote=False)
