"""The results of all rows, from the stage and the ledger, and their file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from importer.errors import LedgerError, ProgramError, as_ending
from importer.export_checks.comparison import ExportComparison
from importer.export_checks.last_run import FailingRows
from importer.ledger.records import Acknowledgements, LedgerEntry, Outcome, RunInfo
from importer.ledger.store import Ledger
from importer.models import Status
from importer.reports.summary import Summary
from importer.results import (
    ResultRow,
    RowResults,
    RowState,
    part_path,
    result_of_row,
    with_acknowledgement,
    write_results,
)
from importer.runtime.events import Emit, Warned
from importer.workflows.former_results import record_results, remove_former_results
from importer.workflows.import_job import ImportJob
from importer.workflows.known_results import KnownRows
from importer.workflows.preflight import Preflight
from importer.workflows.stage import Stage, StagedRow

_SHOWN_ROWS = 10
_FAILING = (Status.REJECTED, Status.FAILED, Status.UNKNOWN)

Entries = Mapping[str, LedgerEntry]
Watch = Callable[[list[StagedRow], Entries, list[ResultRow]], None]


@dataclass(kw_only=True)
class ResultsPass:
    """The last pass over the rows of an import, which writes their results.

    ``unsettled``: see ``Journal``; ``None`` if no row was sent. ``is_cut_off``: the ledger could not be read.
    ``edited``: rows that are tickets and have other cells than these.
    """

    job: ImportJob
    preflight: Preflight
    stage: Stage
    ledger: Ledger
    comparison: ExportComparison | None
    acknowledged: Acknowledgements
    unsettled: Mapping[str, Outcome] | None = None
    is_cut_off: bool = False
    edited: list[int] = field(default_factory=list)

    def write(self, summary: Summary) -> None:
        """Write the results of every row in the manifest's order, and count them.

        If the ledger can't be read, or has lost requests, they have what this run knows itself.
        """
        assert self.job.results is not None
        part, run = part_path(self.job.results), self.preflight.info
        try:
            with self.ledger.renewing(run.id):
                self.ledger.recovery.of_run(run)
                self.ledger.check_sent(run.id)
                self._write(self._counted(summary))
        except LedgerError as error:
            self.is_cut_off = True
            summary.forget_results()
            settled = part if self.unsettled is not None else None
            with KnownRows(settled, self.unsettled or {}, self.acknowledged, run.id) as known:
                self._write(self._counted(summary, known))
            summary.ending = summary.ending or as_ending(error)
        part.unlink(missing_ok=True)

    def keep(self, emit: Emit) -> None:
        """Record the results files, and remove those of former runs."""
        if self.edited:
            emit(Warned(_edited_text(self.edited)))
        if not self.is_cut_off:
            run, files = self.preflight.info.id, [*filter(None, (self.job.results, self.preflight.all_rows))]
            with self.ledger.renewing(run):
                record_results(self.ledger, run, files, emit)
                remove_former_results(self.ledger, files, self.job.options.keep_results, emit)

    def _write(self, outcomes: Iterator[RowResults]) -> None:
        assert self.job.results is not None
        rows = self.preflight.rows
        written = write_results(
            self.job.results,
            rows.header,
            outcomes,
            choices=rows.cell_choices(self.job.fields),
            open_only=self.preflight.all_rows is not None,
        )
        if written != len(rows.plan):
            raise ProgramError(f"the manifest has {len(rows.plan)} rows, and {written} results were written")

    def _counted(self, summary: Summary, known: KnownRows | None = None) -> Iterator[RowResults]:
        run, compares = self.preflight.info, self.comparison is not None and known is None
        failing = FailingRows(self.ledger, run) if compares else None
        self.edited.clear()
        watch = partial(self._watch, failing=failing)
        for outcomes in row_results(self.stage, self.ledger, run, watch=watch, known=known):
            summary.count_results(outcomes.results)
            yield outcomes
        if any(code == "spreadsheet-changed" for _, code, _ in summary.reasons):
            self.edited.clear()  # a spreadsheet changed the cells of tickets, too; --restore puts them back
        if self.comparison is not None and failing is not None:
            summary.since_last_run = failing.added_to(self.comparison.since_last_export)

    def _watch(
        self, rows: list[StagedRow], entries: Entries, results: list[ResultRow], failing: FailingRows | None
    ) -> None:
        """Count the rows that need work, and those that are tickets and have other cells."""
        self.edited += [row.row for row in rows if _is_edited(row, entries.get(row.key))]
        if failing is not None:
            failing.count(
                [
                    (row.key or row.content, _failed_before(row, entries.get(row.key), self.preflight.info))
                    for row, result in zip(rows, results, strict=True)
                    if result.status in _FAILING and not result.acknowledged
                ]
            )


def row_results(
    stage: Stage, ledger: Ledger, run: RunInfo, *, watch: Watch | None = None, known: KnownRows | None = None
) -> Iterator[RowResults]:
    """Yield every row of the manifest with its result, some rows at a time.

    ``watch`` gets the rows, their entries of the ledger, and their results. ``known``: what the run knows itself, if
    the ledger can't be read.
    """
    acknowledged = known.acknowledged if known is not None else ledger.acknowledgements(run.account, run.source)
    for rows in stage.all_rows():
        if known is not None:
            entries = known.entries(rows)
        else:
            entries = ledger.look_up(run.account, run.source, [row.key for row in rows if row.key])
        results = [
            with_acknowledgement(result, acknowledged.get((result.key, row.content)))
            for row, result in zip(rows, _results(rows, entries, run), strict=True)
        ]
        if watch is not None:
            watch(rows, entries, results)
        yield RowResults(cells=[row.cells for row in rows], results=results, problems=[row.problems for row in rows])


def _edited_text(rows: Sequence[int]) -> str:
    shown = ", ".join(map(str, rows[:_SHOWN_ROWS])) + (", …" if len(rows) > _SHOWN_ROWS else "")
    if len(rows) == 1:
        return f"row {shown} has other cells than its ticket, which is not changed: change it in the account"
    return f"{len(rows):,} rows have other cells than their tickets ({shown}), which are not changed in the account"


def _is_edited(row: StagedRow, entry: LedgerEntry | None) -> bool:
    """Return whether a kept row is a ticket and has other cells than when it was sent."""
    is_ticket = row.previous is not None and entry is not None and entry.state == Status.CREATED
    return is_ticket and entry is not None and entry.content not in ("", row.content)


def _failed_before(row: StagedRow, entry: LedgerEntry | None, run: RunInfo) -> bool:
    """Return whether the ledger knew before this run that the row failed or is unknown."""
    is_old = entry is not None and entry.run != run.id and entry.state in _FAILING
    return is_old or row.prior_status in _FAILING


def _results(rows: list[StagedRow], entries: Entries, run: RunInfo) -> Iterator[ResultRow]:
    for row in rows:
        state = RowState(
            row=row.row,
            key=row.key,
            content=row.content,
            entry=entries.get(row.key),
            rejection=row.rejection,
            exclusion=row.exclusion,
            is_left_out=row.is_left_out,
        )
        yield row.previous or result_of_row(state, account=run.account, run=run.id)
