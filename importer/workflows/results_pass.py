"""The results of all rows, from the stage and the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from importer.ledger.records import RunInfo
from importer.results import ResultRow, RowResults, RowState, result_of_row, with_acknowledgement
from importer.workflows.stage import Stage, StagedRow

if TYPE_CHECKING:
    from importer.ledger.store import Ledger


def row_results(stage: Stage, ledger: Ledger, run: RunInfo) -> Iterator[RowResults]:
    """Yield every row of the manifest with its result, some rows at a time."""
    acknowledged = ledger.acknowledgements(run.account, run.source)
    for rows in stage.all_rows():
        results = [
            with_acknowledgement(result, acknowledged.get((result.key, row.content)))
            for row, result in zip(rows, _results(rows, ledger, run), strict=True)
        ]
        yield RowResults(cells=[row.cells for row in rows], results=results, problems=[row.problems for row in rows])


def _results(rows: list[StagedRow], ledger: Ledger, run: RunInfo) -> Iterator[ResultRow]:
    entries = ledger.look_up(run.account, run.source, [row.key for row in rows if row.key])
    numbers = [row.row for row in rows]
    rejections = ledger.rejections(run.id, (min(numbers), max(numbers)))
    for row in rows:
        state = RowState(
            row=row.row,
            key=row.key,
            content=row.content,
            entry=entries.get(row.key),
            rejection=rejections.get(row.row),
            exclusion=row.exclusion,
            is_left_out=row.is_left_out,
        )
        yield row.previous or result_of_row(state, account=run.account, run=run.id)
