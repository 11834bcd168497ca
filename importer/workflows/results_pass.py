"""The results of all rows, from the stage and the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from importer.ledger.records import LedgerEntry, RunInfo
from importer.models import Status
from importer.results import ResultRow, RowResults, RowState, result_of_row, with_acknowledgement
from importer.workflows.stage import Stage, StagedRow

if TYPE_CHECKING:
    from importer.export_checks.last_run import FailingRows
    from importer.ledger.store import Ledger

_FAILING = (Status.REJECTED, Status.FAILED, Status.UNKNOWN)


def row_results(
    stage: Stage, ledger: Ledger, run: RunInfo, failing: FailingRows | None = None, edited: list[int] | None = None
) -> Iterator[RowResults]:
    """Yield every row of the manifest with its result, some rows at a time.

    ``failing`` counts those that need work; ``edited`` gets the kept rows whose cells differ from their tickets.
    """
    acknowledged = ledger.acknowledgements(run.account, run.source)
    for rows in stage.all_rows():
        entries = ledger.look_up(run.account, run.source, [row.key for row in rows if row.key])
        results = [
            with_acknowledgement(result, acknowledged.get((result.key, row.content)))
            for row, result in zip(rows, _results(rows, entries, ledger, run), strict=True)
        ]
        if edited is not None:
            edited += [row.row for row in rows if _is_edited(row, entries.get(row.key))]
        if failing is not None:
            failing.count(
                [
                    (row.key or row.content, _failed_before(row, entries.get(row.key), run))
                    for row, result in zip(rows, results, strict=True)
                    if result.status in _FAILING and not result.acknowledged
                ]
            )
        yield RowResults(cells=[row.cells for row in rows], results=results, problems=[row.problems for row in rows])


def _is_edited(row: StagedRow, entry: LedgerEntry | None) -> bool:
    """Return whether a kept row is a ticket and has other cells than when it was sent."""
    is_ticket = row.previous is not None and entry is not None and entry.state == Status.CREATED
    return is_ticket and entry is not None and entry.content not in ("", row.content)


def _failed_before(row: StagedRow, entry: LedgerEntry | None, run: RunInfo) -> bool:
    """Return whether the ledger knew before this run that the row failed or is unknown."""
    is_old = entry is not None and entry.run != run.id and entry.state in _FAILING
    return is_old or row.prior_status in _FAILING


def _results(
    rows: list[StagedRow], entries: dict[str, LedgerEntry], ledger: Ledger, run: RunInfo
) -> Iterator[ResultRow]:
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
