"""Rows of results as the XML of a sheet: text cells with their formats."""

from __future__ import annotations

import html
import re
from typing import NamedTuple

import xlsxwriter.utility  # type: ignore[import-untyped]  # it comes without types

from importer.results.cell_limits import MAX_CELL, cut_to_cell, fits_cell
from importer.results.workbook_layout import LINE_POINTS, MOST_LINES, STATUS_COLUMN, WORK_STATUSES, lines_of_cell
from importer.results.workbook_parts import SheetContent, WorkbookParts

_SURELY_FITS = MAX_CELL // 2
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f]")
_LOOKS_ESCAPED = re.compile("_(?=x[0-9a-fA-F]{4}_)")
_SPECIAL = re.compile("[&<>_\x00-\x1f\ufffe\uffff]")


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
        letters = [xlsxwriter.utility.xl_col_to_name(column) for column in range(len(content.layout.names))]
        self._starts = [f'<c r="{each}' for each in letters]
        self._problem_style = parts.problem_style
        # What follows the number in a cell of each column, with its format, for a row of each status.
        self._ends = {}
        for status, style in parts.status_styles.items():
            styles = list(parts.column_styles)
            styles[STATUS_COLUMN] = style
            self._ends[status] = list(map(_end, styles))

    def text(self, number: int, row: SheetRow) -> str:
        """Return the XML of a row; ``number`` counts from 1."""
        ends = self._ends[row.status] if not row.problems else self._ends_of(row)
        texts, lines = [], 1
        for column, cell in enumerate(row.cells):
            if cell:
                if len(cell) > self._widths[column] or "\n" in cell:
                    lines = max(lines, lines_of_cell(cell, self._widths[column]))
                if len(cell) <= _SURELY_FITS and cell[0] > " " and cell[-1] > " " and not _SPECIAL.search(cell):
                    space, text = "", cell
                else:
                    space, text = ' xml:space="preserve"', self._escaped(cell, number, column)
                texts.append(f"{self._starts[column]}{number}{ends[column]}{space}>{text}</t></is></c>")
            elif column in row.problems:  # otherwise the format of the column makes it text
                texts.append(f'{self._starts[column]}{number}" s="{self._problem_style}"/>')
        hidden = ' hidden="1"' if self._hides_others and row.status not in WORK_STATUSES else ""
        return f'<row r="{number}"{_height(lines)}{hidden}>{"".join(texts)}</row>'

    def _ends_of(self, row: SheetRow) -> list[str]:
        ends = list(self._ends[row.status])
        for column in row.problems:
            ends[column] = _end(self._problem_style)
        return ends

    def _escaped(self, cell: str, number: int, column: int) -> str:
        """Escape the text of a cell; cut it if it is in a column that an import adds."""
        if not self._layout.is_own(column):
            cell = cut_to_cell(cell)
        elif not fits_cell(cell):
            # Cells that do not fit were refused before, so this is a bug.
            raise ValueError(f"row {number}, column {column + 1} does not fit a workbook")
        cell = _LOOKS_ESCAPED.sub("_x005F_", cell)
        return html.escape(_CONTROL.sub(lambda form: f"_x{ord(form[0]):04X}_", cell), quote=False)


def _end(style: str) -> str:
    return f'" s="{style}" t="inlineStr"><is><t'


def _height(lines: int) -> str:
    """Return the height of a row, as LibreOffice does not compute it; one that is not cut stays automatic."""
    if lines > MOST_LINES:
        return f' ht="{MOST_LINES * LINE_POINTS}" customHeight="1"'
    return f' ht="{lines * LINE_POINTS}"' if lines > 1 else ""
