"""The parts of a workbook with results, except its rows: header, formats, notes, lists of values, explanations."""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]  # it comes without types
import xlsxwriter.utility  # type: ignore[import-untyped]

from importer.models import OPEN_ROWS_SHEET, RESULTS_SHEET, Status
from importer.results.column_texts import COLUMN_TEXTS, FILTERED, ONLY_OPEN_ROWS, STATUS_TEXTS, STEPS
from importer.results.workbook_layout import FROZEN_COLUMNS, STATUS_COLUMN, WORK_STATUSES, SheetLayout

SHEET_PART = "xl/worksheets/sheet1.xml"
_EXPLANATION_SHEET, _LISTS_SHEET = "Explanation", "Lists"
_DIMENSION = re.compile(r'<dimension ref="[^"]*"/>')
_SAMPLES = re.compile(r'<row r="2".*</row>', re.DOTALL)
_STYLE = re.compile(r' s="(\d+)"')
_THIN, _THICK = 1, 2  # borders: lines between cells are printed thin
_A4, _PRINT_PERCENT = 9, 70

_Format = Mapping[str, object]
_TEXT: _Format = {"num_format": "@", "text_wrap": True, "valign": "top"}
_OURS: _Format = {**_TEXT, "font_color": "#404040"}
_HEADER: _Format = {**_TEXT, "bold": True, "bottom": 1}
_OWN_HEADER: _Format = {**_HEADER, "bg_color": "#DDEBF7"}
_OUR_HEADER: _Format = {**_HEADER, "bg_color": "#EDEDED"}
# Light colours with dark letters, and a border where somebody has to work: a printer without colours shows them, too.
_DONE: _Format = {**_OURS, "bg_color": "#E2EFDA", "font_color": "#375623"}
_WAITING: _Format = {**_OURS, "bg_color": "#F2F2F2"}
_PROBLEM: _Format = {
    **_TEXT,
    "bg_color": "#FFC7CE",
    "font_color": "#9C0006",
    "border": _THICK,
    "border_color": "#9C0006",
}
_WORK: _Format = {**_PROBLEM, "bold": True, "border": _THIN}
_DOUBTFUL: _Format = {**_WORK, "bg_color": "#FFEB9C", "font_color": "#7F4F00", "border_color": "#7F4F00"}
_STATUS_FORMATS: Mapping[Status, _Format] = {
    Status.CREATED: _DONE,
    Status.SKIPPED: _DONE,
    Status.EXCLUDED: _WAITING,
    Status.PENDING: _WAITING,
    Status.UNKNOWN: _DOUBTFUL,
}

_NOTE_PIXELS, _NOTE_LINE_PIXELS, _NOTE_LINE_CHARS, _NOTE_CHARS = 320, 18, 45, 1_000


@dataclass(frozen=True, kw_only=True)
class Note:
    """Why a cell is wrong. ``row`` and ``column`` count from 0, with the header."""

    row: int
    column: int
    text: str


@dataclass(frozen=True, kw_only=True)
class SheetContent:
    """Everything that the parts depend on.

    ``rows``: their number, with the header. ``choices``: the values that cells of a column of the sheet may have.
    ``is_filtered``: only rows to work on are shown. ``all_rows``: the name of the file with all rows, if the sheet has
    only the rows to work on.
    """

    layout: SheetLayout
    rows: int
    widths: Sequence[int]
    choices: Mapping[int, Sequence[str]]
    notes: Sequence[Note]
    is_filtered: bool
    all_rows: str | None


@dataclass(frozen=True, kw_only=True)
class WorkbookParts:
    """The files in the workbook by their names, without the sheet: ``head`` and ``tail`` are its XML around the rows.

    ``styles`` are numbers of formats: ``column_styles`` of the cells of each column, ``problem_style`` of cells with a
    problem, ``status_styles`` of the states.
    """

    others: Mapping[str, bytes]
    head: str
    tail: str
    column_styles: Sequence[str]
    problem_style: str
    status_styles: Mapping[str, str]


def workbook_parts(content: SheetContent) -> WorkbookParts:
    """Write a workbook without rows, and take it apart."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = book.add_worksheet(RESULTS_SHEET if content.all_rows is None else OPEN_ROWS_SHEET)
    _set_up_columns(book, sheet, content)
    _set_up_page(sheet, content)
    _explain(book, content)
    _offer_choices(book, sheet, content)
    for note in content.notes:
        _write_note(sheet, note)
    # Two sample rows, which are taken out again, show the numbers of the formats.
    columns = range(len(content.layout.names))
    own, ours = book.add_format(_TEXT), book.add_format(_OURS)
    of_columns = [own if content.layout.is_own(column) else ours for column in columns]
    others = [book.add_format(each) for each in (_PROBLEM, *(_STATUS_FORMATS.get(status, _WORK) for status in Status))]
    for row, samples in enumerate((of_columns, others), 1):
        for column, sample in enumerate(samples):
            sheet.write_blank(row, column, None, sample)
    book.close()
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    xml = _DIMENSION.sub("", parts.pop(SHEET_PART).decode(), count=1)
    written = _SAMPLES.search(xml)
    assert written is not None, "the sample rows were written"
    styles = _STYLE.findall(written[0])
    return WorkbookParts(
        others=parts,
        head=xml[: written.start()],
        tail=xml[written.end() :],
        column_styles=styles[: len(columns)],
        problem_style=styles[len(columns)],
        status_styles=dict(zip(Status, styles[len(columns) + 1 :], strict=True)),
    )


def _set_up_columns(book: Any, sheet: Any, content: SheetContent) -> None:
    """Write the header, and set widths and formats. Empty cells are text, so that typed numbers stay as they are."""
    own = book.add_format(_TEXT), book.add_format(_OWN_HEADER)
    ours = book.add_format(_OURS), book.add_format(_OUR_HEADER)
    for column, (name, width) in enumerate(zip(content.layout.names, content.widths, strict=True)):
        cell_format, header_format = own if content.layout.is_own(column) else ours
        sheet.set_column(column, column, width, cell_format)
        if sheet.write_string(0, column, name, header_format):
            raise ValueError(f"row 1, column {column + 1} does not fit a workbook")


def _set_up_page(sheet: Any, content: SheetContent) -> None:
    """Freeze header and key, filter, and print header and key on each page."""
    last_column = len(content.layout.names) - 1
    sheet.freeze_panes(1, FROZEN_COLUMNS)
    sheet.autofilter(0, 0, max(1, content.rows - 1), last_column)
    if content.is_filtered:
        sheet.filter_column_list(STATUS_COLUMN, list(WORK_STATUSES))
    last = xlsxwriter.utility.xl_rowcol_to_cell(content.rows - 1, last_column)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{last}"})
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.hide_gridlines(0)  # not even on paper
    sheet.set_print_scale(_PRINT_PERCENT)
    sheet.repeat_rows(0)
    sheet.repeat_columns(0, FROZEN_COLUMNS - 1)
    sheet.set_footer("&L&A&RPage &P of &N")


def _write_note(sheet: Any, note: Note) -> None:
    text = note.text if len(note.text) <= _NOTE_CHARS else f"{note.text[:_NOTE_CHARS]}…"
    lines = 1 + sum(math.ceil(len(line) / _NOTE_LINE_CHARS) for line in text.split("\n"))
    size = {"width": _NOTE_PIXELS, "height": _NOTE_LINE_PIXELS * lines}
    sheet.write_comment(note.row, note.column, text, {"author": "ticket-importer", "font_size": 9, **size})


def _offer_choices(book: Any, sheet: Any, content: SheetContent) -> None:
    """Let cells offer their column's values. They are in a hidden sheet, as a cell's own list is short."""
    if not content.choices:
        return
    lists, text = book.add_worksheet(_LISTS_SHEET), book.add_format(_TEXT)
    lists.hide()
    for at, (column, values) in enumerate(content.choices.items()):
        for row, value in enumerate(values):
            lists.write_string(row, at, value, text)
        area = xlsxwriter.utility.xl_range_abs(0, at, len(values) - 1, at)
        sheet.data_validation(
            *(1, column, max(1, content.rows - 1), column),
            {
                "validate": "list",
                "source": f"={_LISTS_SHEET}!{area}",
                "error_type": "warning",
                "error_title": "Not a configured value",
                "error_message": "The mapping and the account have no such value.",
            },
        )


def _explain(book: Any, content: SheetContent) -> None:
    """Write the sheet that explains what to do, the columns and the states."""
    sheet = book.add_worksheet(_EXPLANATION_SHEET)
    text, bold = book.add_format({"text_wrap": True, "valign": "top"}), book.add_format({"bold": True, "valign": "top"})
    states = {status: book.add_format(_STATUS_FORMATS.get(status, _WORK)) for status in Status}
    lines = [("What to do", "", bold)]
    lines += [("", ONLY_OPEN_ROWS.format(content.all_rows), text)] if content.all_rows is not None else []
    lines += [("", FILTERED, text)] if content.is_filtered else []
    lines += [("", step, text) for step in STEPS]
    lines += [("", "", text), ("Columns", "", bold), *((name, meaning, text) for name, meaning in COLUMN_TEXTS.items())]
    lines += [("", "", text), ("States", "", bold)]
    lines += [(status, meaning, states[status]) for status, meaning in STATUS_TEXTS.items()]
    for row, (name, meaning, name_format) in enumerate(lines):
        sheet.write_string(row, 0, name, name_format)
        sheet.write_string(row, 1, meaning, text)
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 90)
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
