"""Workbooks that have only the rows to work on (`--open-only`): adds the other rows, from the CSV file beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from importer.errors import ManifestError, ResultsError
from importer.manifest.chunks import Chunk
from importer.manifest.header import Header
from importer.manifest.manifest import Manifest, open_manifest
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.records import Batch, RecordList
from importer.manifest.snapshot import private_copy
from importer.models import OPEN_ROWS_SHEET, ManifestOptions, Problem
from importer.results.columns import COLUMNS, REQUIRED_COLUMNS, unescape_formula
from importer.results.spreadsheet_damage import changed_by_spreadsheet

_SHOWN_ROWS = 10
_CHUNK_ROWS = 10_000


def has_only_open_rows(results: Manifest) -> bool:
    """Return whether a results file is a workbook with only the rows to work on."""
    return results.sheet == OPEN_ROWS_SHEET


def all_rows_path(workbook: Path) -> Path:
    """Return the file with all rows, beside a workbook with only some."""
    return workbook.with_suffix(".csv")


def with_other_rows(book: Manifest, shown: Path, options: ManifestOptions, folder: Path) -> Manifest:
    """Return all rows: those of the CSV file beside the workbook ``shown``, with the manifest's cells of the workbook.

    A later run may have written the CSV file again: its states count, and there is a warning. ``folder``: for a private
    copy. Raises ResultsError if the file is missing, or has other rows.
    """
    path = all_rows_path(shown)
    try:
        whole = open_manifest(private_copy(path, folder).path, options, COLUMNS, original=path)
    except ManifestError as error:
        raise ResultsError(
            f"{shown} has only the rows to work on, and the file with the others can't be read: {error.message}",
            hint=f"put {path.name}, which the same import wrote, beside the workbook",
        ) from error
    for manifest, name in ((book, shown), (whole, path)):
        if missing := [column for column in REQUIRED_COLUMNS if column not in manifest.columns]:
            raise ResultsError(
                f"{name} is not a results file: it has no column {', '.join(missing)}",
                hint="use the files that the import wrote, and edit only the columns of the manifest",
            )
    rows = _OpenRows(book, shown)
    other_states = rows.check(whole, path)
    warning = f"{path.name} was written by another run than {shown.name}; the states in {path.name} count"
    return Manifest(_BothFiles(book, whole, rows), None, (warning,) if other_states else (), options)


@dataclass(frozen=True)
class _OpenRow:
    """The cells of a row of the workbook, by column, and the problems of reading them."""

    cells: Mapping[str, str]
    problems: Sequence[Problem]


class _OpenRows:
    """The rows of the workbook by their ``import_row``, as text."""

    def __init__(self, book: Manifest, shown: Path) -> None:
        self._shown = shown
        self.rows: dict[str, _OpenRow] = {}
        for chunk in book.chunks():
            for row, cells in zip(chunk.rows, chunk.cells(chunk.columns), strict=True):
                by_column = dict(zip(chunk.columns, cells, strict=True))
                problems = [each for each in chunk.problems if each.row == row and each.code != "too-few-cells"]
                number = by_column["import_row"]
                if number in self.rows:
                    raise ResultsError(
                        f"{shown}: import_row {number or '(empty)'} is in more than one row",
                        hint="remove the rows that were copied; each row of the import is in the file once",
                    )
                self.rows[number] = _OpenRow(by_column, problems)

    def check(self, whole: Manifest, path: Path) -> bool:
        """Return whether a row has another state in the file with all rows.

        Raises ResultsError for rows that are not there, or have another key.
        """
        wrong: list[str] = []
        other_states = False
        left = dict(self.rows)
        for chunk in whole.chunks():
            for number, key, status, run in chunk.cells(("import_row", "import_key", "import_status", "import_run")):
                if (row := left.pop(number, None)) is None:
                    continue
                there = row.cells
                same_key = there["import_key"] == key or changed_by_spreadsheet(
                    unescape_formula(key), unescape_formula(there["import_key"])
                )
                if not same_key:
                    wrong.append(f"import_row {number} has the key {there['import_key']!r}, and {key!r} in {path.name}")
                other_states |= (there["import_status"], there["import_run"]) != (status, run)
        wrong += [f"import_row {number or '(empty)'} is not in {path.name}" for number in left]
        if wrong:
            more = [f"… and {len(wrong) - _SHOWN_ROWS:,} more"] if len(wrong) > _SHOWN_ROWS else []
            raise ResultsError(
                f"{self._shown} and {path.name} do not belong together",
                details=[*wrong[:_SHOWN_ROWS], *more],
                hint="use the two files of one import; `run` writes both again",
            )
        return other_states


class _BothFiles:
    """The rows of the file with all rows, with the cells that the workbook has. A source of a ``Manifest``."""

    def __init__(self, book: Manifest, whole: Manifest, rows: _OpenRows) -> None:
        self._whole = whole
        self._rows = rows.rows
        warnings = (*book.format.warnings, *whole.format.warnings)
        self.format: ManifestFormat = replace(book.format, header_row=whole.format.header_row, warnings=warnings)
        self.header = Header(
            columns=whole.columns,
            width=len(whole.columns),
            row=whole.format.header_row,
            sheet=book.sheet,
            repeated=whole.repeated,
        )

    def batches(self, size: int) -> Iterator[Batch]:
        """Read the rows."""
        for chunk in self._whole.chunks(size):
            records, problems = self._merged(chunk)
            places = enumerate(chunk.rows)
            for _, group in groupby(places, key=lambda place: place[1] - place[0]):  # rows without a gap
                consecutive = list(group)
                first, last = consecutive[0], consecutive[-1]
                yield Batch(
                    first_row=first[1],
                    records=RecordList(records=records[first[0] : last[0] + 1]),
                    problems=tuple(each for each in problems if first[1] <= each.row <= last[1]),
                )

    def _merged(self, chunk: Chunk) -> tuple[list[list[str]], list[Problem]]:
        at = chunk.columns.index("import_row")
        problems = list(chunk.problems)
        records = [list(cells) for cells in chunk.cells(chunk.columns)]
        for row, record in zip(chunk.rows, records, strict=True):
            if (changed := self._rows.get(record[at])) is not None:
                problems = [each for each in problems if each.row != row]
                problems += [replace(each, row=row) for each in changed.problems]
                for place, column in enumerate(chunk.columns):
                    if column not in COLUMNS:
                        record[place] = changed.cells.get(column, record[place])
        return records, sorted(problems, key=lambda each: each.row)
