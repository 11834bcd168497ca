"""One import from its manifest to its results: open, check, confirm, send, write. Prints nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from importer.errors import CapReached, Declined, ExportStopped, LedgerError, as_ending
from importer.export_checks.checks import ExportStop
from importer.export_checks.comparison import ExportComparison
from importer.leadsquared.ticket_request import request_preview
from importer.ledger.records import Acknowledgements
from importer.ledger.results_runs import record_row_count
from importer.ledger.store import Ledger
from importer.rate_limit.shared_slots import calls_today
from importer.reports import ProblemTally
from importer.reports.summary import Confirm, PlanSummary, Summary
from importer.results import MAX_ROWS, WorkbookLimits
from importer.runtime.disk_space import LEDGER_LEAST_BYTES, LEDGER_ROW_BYTES, RESULTS_ROW_BYTES, SpaceNeed, check_space
from importer.runtime.event_loop import run_coroutine
from importer.runtime.events import Emit, to_all
from importer.runtime.garbage_collection import frozen
from importer.runtime.signals import interruptions
from importer.settings import AccountSettings
from importer.workflows.check_pass import CheckPass
from importer.workflows.import_job import ImportJob
from importer.workflows.ledger_guard import LedgerGuard
from importer.workflows.preflight import Preflight, open_files
from importer.workflows.rerun.manifest_search import ManifestSearch
from importer.workflows.results_pass import ResultsPass
from importer.workflows.run_record import recorded
from importer.workflows.send_options import SendOptions
from importer.workflows.send_pass import queued_rows
from importer.workflows.send_rows import RowSender
from importer.workflows.stage import Stage

_PREVIEWED_REQUESTS = 3


def dry_run(job: ImportJob, options: SendOptions, emit: Emit, url: str) -> PlanSummary:
    """Plan an import without a call or a record, with the first requests to ``url``."""
    with _open_run(job, emit, only_plans=True) as run:
        run.check_rows(emit, record=False)
        plan = run.plan(options)
        check_space(run.space_needs(plan))
        return replace(plan, requests=tuple(run.first_requests(url)))


def run_import(
    job: ImportJob, options: SendOptions, emit: Emit, confirm: Confirm, account: AccountSettings | None
) -> Summary:
    """Run an import from its manifest to its results.

    ``confirm`` is asked whether to carry out the plan. ``account`` is ``None`` for the embedded sandbox. Raises
    ImporterError if nothing was sent and no results could be written.
    """
    with _open_run(job, emit) as run, recorded(run.ledger, run.preflight.info, job, emit) as summary:
        run.check_rows(emit, record=True)
        plan = run.plan(options)
        emit(plan)
        summary.all_rows = run.preflight.all_rows
        check_space(run.space_needs(plan))
        summary.attachments, summary.export, summary.stops = plan.attachments, plan.export, plan.stops
        summary.kinds = plan.kinds
        summary.is_blocked = plan.is_blocked
        if plan.stops:
            summary.ending = export_stopped(plan)
        sends = run.may_send() and plan.to_send > 0
        if sends and not run.is_confirmed(confirm, plan):
            raise Declined("nothing was sent", hint="--limit 10 sends ten rows, --dry-run shows what would be sent")
        if run.may_send():
            run.guard.accept()
        results = run.results_pass()
        with interruptions() as signals, frozen():
            if sends:
                sender = RowSender(job, run.preflight, run.stage, run.ledger, options, account)
                try:
                    summary.ending = run_coroutine(sender.send(emit, signals, summary))
                except LedgerError as error:  # the results are written all the same
                    summary.ending = as_ending(error)
                results.unsettled = sender.unsettled
            results.write(summary)
        results.keep(emit)
        if run.may_send() and (summary.ending is None or isinstance(summary.ending, CapReached)):
            run.finish_export()
        return summary


@contextlib.contextmanager
def _open_run(job: ImportJob, emit: Emit, *, only_plans: bool = False) -> Iterator[ImportRun]:
    """Open and check all files and the ledger before any row is checked."""
    with contextlib.ExitStack() as stack:
        preflight = stack.enter_context(open_files(job))
        ledger = None
        if job.ledger_url is not None:
            ledger = Ledger.open(job.ledger_url, job.options.give_up_after_s)
            stack.callback(ledger.close)
        guard = LedgerGuard(job, ledger, preflight.info)
        stack.callback(guard.close)
        guard.check(emit, only_warn=only_plans)
        if preflight.results_content is not None:
            search = ManifestSearch(preflight.results_content, job, preflight.mapping, preflight.info, ledger)
            original = search.find(preflight.folder, emit)
            preflight.set_original(original.path, original.comparison, original.stored_types)
        run = ImportRun(job, preflight, ledger, guard)
        stack.callback(run.stage.close)
        yield run


class ImportRun:
    """One import with its files open. It has no ledger only in a dry run."""

    def __init__(self, job: ImportJob, preflight: Preflight, ledger: Ledger | None, guard: LedgerGuard) -> None:
        self.preflight = preflight
        self.guard = guard
        self._job = job
        self._ledger = ledger
        self._info = preflight.info
        self._rows = preflight.rows
        self.stage = Stage(preflight.folder)
        self._comparison: ExportComparison | None = None
        self._tally = ProblemTally()
        self._stops: tuple[ExportStop, ...] = ()
        self._acknowledged: Acknowledgements = {}

    @property
    def ledger(self) -> Ledger:
        """The open ledger, which every run has, except a dry run."""
        assert self._ledger is not None, "a dry run records nothing"
        return self._ledger

    def check_rows(self, emit: Emit, *, record: bool) -> None:
        """Check every row, and compare the export of `run` with earlier exports.

        With ``record``, claim the rows to send in the ledger, and record the number of rows.
        """
        rows = self._rows
        if self._ledger is not None and not self._job.is_rerun:
            counter = rows.renumbered_row_counter()
            self._comparison = ExportComparison(self._ledger, self._info, self.preflight.mapping, counter)
        limits = self._workbook_limits()
        check = CheckPass(rows, self._ledger, self._info, self._comparison, limits)
        self._acknowledged = check.acknowledged
        check.check(to_all(self._tally.listen, emit), record=record, stage=self.stage)
        if record:
            self.guard.check_results(check.recorded)
        if limits is not None and self._job.results is not None:
            limits.require(self._job.results)
        self.preflight.delete_copy()
        if self._comparison is not None:
            self._stops = tuple(self._comparison.conclude(len(rows.plan), self._job.export_limits))
        if record:
            record_row_count(self.ledger, self._info.id, len(rows.plan), partial=self._job.selection.is_partial)
            if self._comparison is not None:
                self._comparison.remember()

    def _workbook_limits(self) -> WorkbookLimits | None:
        """Return the limits of results that are a workbook. Raises ResultsError at once for far too many rows."""
        results, columns = self._job.results, self._rows.columns
        if results is None or not self._job.writes_workbook:
            return None
        if self.preflight.text_bytes > MAX_ROWS:  # a row has at least one byte, its line end
            counted = WorkbookLimits(columns)
            counted.count(sum(len(chunk.rows) for chunk in self.preflight.manifest.chunks()))
            counted.require(results)
        return WorkbookLimits(columns)

    def plan(self, options: SendOptions) -> PlanSummary:
        """Return the plan of this run, after all rows are checked."""
        plan, files, footer = self._rows.plan, self.preflight.attachments, self.preflight.manifest.footer
        to_send = plan.to_send(self._job.options.limit)
        is_capped = self._job.options.daily_cap is not None and self._ledger is not None
        made_today = calls_today(self.ledger, self._info.account) if is_capped else 0
        return PlanSummary(
            account=self._info.account,
            manifest=str(self._job.manifest),
            detected=self.preflight.manifest.format.describe(),
            knows_fields=self._job.knows_fields,
            rows=len(plan),
            blank_rows=self.preflight.manifest.blank_rows,
            comment_rows=self.preflight.manifest.comments,
            footer_rows=len(footer.rows) if footer is not None else 0,
            counts=plan.counts(),
            ignored_by_patterns=self.preflight.mapping.ignored_by_patterns,
            kinds=self.preflight.kinds(self._tally),
            to_send=to_send,
            seed=self._job.selection.seed,
            is_blocked=not self.preflight.may_send(),
            attachment_bytes=plan.attachment_bytes,
            seconds=options.seconds(to_send),
            limit=options.usable_rate,
            daily_cap=self._job.options.daily_cap,
            made_today=made_today,
            days=options.days(to_send, made_today),
            attachments=files,
            warnings=(*self.preflight.warnings, *(files.warnings if files else ()), *options.policy.warnings()),
            export=self._comparison.figures if self._comparison is not None else None,
            stops=self._stops,
        )

    def may_send(self) -> bool:
        """Return whether rows may be sent."""
        return self.preflight.may_send() and not self._stops

    def is_confirmed(self, confirm: Confirm, plan: PlanSummary) -> bool:
        """Ask the user whether to send; the run keeps its claims, however long the answer takes."""
        with self.ledger.renewing(self._info.id):
            return confirm(plan)

    def first_requests(self, url: str) -> list[str]:
        """Return the first requests to ``url``, also those of rows that rejected rows keep from being sent."""
        limit = min(self._job.options.limit or _PREVIEWED_REQUESTS, _PREVIEWED_REQUESTS)
        chunks = queued_rows(self._rows, self.stage, limit)
        return [request_preview(row.request, url) for some in chunks for row in some]

    def space_needs(self, plan: PlanSummary) -> Iterator[SpaceNeed]:
        """Yield the least disk space that the ledger and the results will need."""
        text_bytes = self.preflight.text_bytes
        path = self._ledger.path if self._ledger is not None else None
        if path is not None and plan.to_send:
            row_bytes = LEDGER_ROW_BYTES + text_bytes // (2 * plan.rows)
            size_bytes = LEDGER_LEAST_BYTES + plan.to_send * row_bytes
            yield SpaceNeed(what="the ledger", folder=path.absolute().parent, size_bytes=size_bytes)
        if self._job.results is not None:
            size_bytes = plan.rows * RESULTS_ROW_BYTES + text_bytes
            yield SpaceNeed(what="the results", folder=self._job.results.absolute().parent, size_bytes=size_bytes)

    def results_pass(self) -> ResultsPass:
        """Return what writes the results."""
        return ResultsPass(
            job=self._job,
            preflight=self.preflight,
            stage=self.stage,
            ledger=self.ledger,
            comparison=self._comparison,
            acknowledged=self._acknowledged,
        )

    def finish_export(self) -> None:
        """Record that the export was not stopped: the next export will be compared with it."""
        if self._comparison is not None:
            self._comparison.finish()


def export_stopped(plan: PlanSummary) -> ExportStopped:
    """Return one error with all reasons why the export of a plan is not sent."""
    first, *others = plan.stops
    details = [*first.examples, *(line for stop in others for line in (f"also: {stop.reason}", *stop.examples))]
    advice = dict.fromkeys(stop.advice for stop in plan.stops)
    return ExportStopped(f"nothing was sent: {first.reason}", hint=" ".join(advice), details=details)
