"""The third pass over the rows: finds the result of each row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import ResultsError
from importer.ledger.records import RunInfo
from importer.results import (
    COLUMNS,
    MAX_COLUMNS,
    MAX_ROWS,
    ResultRow,
    RowResults,
    RowState,
    escape_formula,
    find_unwritable_cells,
    result_of_row,
)
from importer.submission.plan import Disposition
from importer.validation import content_hashes
from importer.workflows.manifest_rows import ManifestRows

if TYPE_CHECKING:
    from importer.ledger.store import Ledger

_CHUNK_ROWS = 2_000  # the ledger's entries of a chunk are held in memory, too
_SHOWN_CELLS = 10


def row_results(rows: ManifestRows, ledger: Ledger, run: RunInfo) -> Iterator[RowResults]:
    """Yield every row of the manifest with its result, chunk by chunk."""
    start = 0
    for chunk in rows.manifest.chunks(_CHUNK_ROWS):
        previous = rows.previous.rows(chunk)
        keys = rows.keys(chunk, previous)
        entries = ledger.look_up(run.account, run.source, [key for key in keys if key])
        contents = content_hashes(chunk.frame[rows.columns])
        numbers = chunk.rows if previous is None else [each.row for each in previous]
        rejections = ledger.rejections(run.id, (min(numbers), max(numbers)))
        results: list[ResultRow] = []
        for position, key in enumerate(keys):
            if previous is not None and rows.plan.dispositions[start + position] == Disposition.KEEP:
                results.append(previous[position])
                continue
            state = RowState(
                row=numbers[position],
                key=key,
                content=contents[position],
                entry=entries.get(key),
                rejection=rejections.get(numbers[position]),
            )
            results.append(result_of_row(state, account=run.account, run=run.id))
        start += len(chunk.rows)
        yield RowResults(frame=chunk.frame, results=results)


def check_workbook_limits(rows: ManifestRows, results: Path) -> None:
    """Raise ResultsError if a workbook can't hold so many rows, or one of the cells."""
    count = 1
    cells: list[str] = []
    for chunk in rows.manifest.chunks():
        count += len(chunk.rows)
        keys = list(map(escape_formula, rows.keys(chunk, rows.previous.rows(chunk))))
        found = list(find_unwritable_cells(chunk.rows, "import_key", keys))
        for column in rows.columns:
            found += find_unwritable_cells(chunk.rows, column, chunk.frame[column].tolist())
        cells += [text for _, text in sorted(found)]
    width = len(rows.columns) + len(COLUMNS)
    too_many = ""
    if count > MAX_ROWS or width > MAX_COLUMNS:
        too_many = f": {count:,} rows of {width:,} cells, and a workbook holds {MAX_ROWS:,} of {MAX_COLUMNS:,}"
    if too_many or cells:
        more = [f"… and {len(cells) - _SHOWN_CELLS:,} more"] if len(cells) > _SHOWN_CELLS else []
        raise ResultsError(
            f"{results} can't hold these results{too_many}",
            details=[*cells[:_SHOWN_CELLS], *more],
            hint="write the results as CSV: name a file that ends in .csv with -o",
        )
