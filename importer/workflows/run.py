"""The story of one import, read top-down: judge, ask, send, write down. Prints nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Protocol

from importer.errors import (
    CapReached,
    Declined,
    ExportStopped,
    ImporterError,
    LedgerError,
    ProgramError,
    StoppedEarly,
    UsageError,
)
from importer.export_checks.checks import ExportStop
from importer.export_checks.comparison import ExportComparison
from importer.leadsquared.client import Client, Timeouts
from importer.leadsquared.ticket_request import request_preview
from importer.ledger import Ledger
from importer.ledger.results_runs import record_row_count
from importer.ledger.ticket_numbers import greatest_number, has_ticket
from importer.models import Rate
from importer.rate_limit.shared_slots import calls_today, shared_rate_limiter
from importer.rate_limit.status import LimitStatus
from importer.reports.summary import PlanSummary, Summary
from importer.results import Outcomes, PartFile, part_path, write_whole
from importer.runtime.disk_space import LEDGER_LEAST_BYTES, LEDGER_ROW_BYTES, RESULTS_ROW_BYTES, SpaceNeed, check_space
from importer.runtime.garbage_collection import frozen
from importer.runtime.progress import Progress
from importer.runtime.signals import Interruptions, interruptions
from importer.settings import AccountSettings
from importer.submission.context import SubmissionContext
from importer.submission.journal import Journal
from importer.submission.send_queue import QueuedRow
from importer.submission.submit import Submission
from importer.workflows.account_access import open_endpoint
from importer.workflows.preflight import ImportJob, Preflight, PreflightDialog, prepared
from importer.workflows.rerun.origins import Origins
from importer.workflows.run_observer import RunObserver
from importer.workflows.send_options import SendOptions

log = logging.getLogger("importer")
_PREVIEWED_REQUESTS = 3


class RunDialog(PreflightDialog, Protocol):
    """What an import shows to the user and asks the user."""

    def show_plan(self, plan: PlanSummary) -> None:
        """Show the problems of the rows, and the plan."""

    def confirm_plan(self, plan: PlanSummary) -> bool:
        """Ask whether to carry out the plan that was shown."""

    def progress(self, total: int, limit: Rate) -> Progress:
        """Return the progress display for ``total`` rows."""


def rehearse(job: ImportJob, sending: SendOptions, dialog: RunDialog, url: str) -> tuple[PlanSummary, list[str]]:
    """Do all of a run but the calls: the plan, and the first requests as they would go out."""
    with _begun(job, dialog) as importing:
        importing.judge(dialog, record=False)
        return importing.plan_summary(sending), importing.first_requests(url)


def run_import(job: ImportJob, sending: SendOptions, dialog: RunDialog, account: AccountSettings | None) -> Summary:
    """Run an import from its manifest to its results. ``account`` is ``None`` for the embedded sandbox.

    Raises ImporterError where nothing was sent and no results could be written.
    """
    with _begun(job, dialog) as importing, importing.recorded(dialog) as summary:
        importing.judge(dialog, record=True)
        plan = importing.plan_summary(sending)
        summary.attachments = plan.attachments
        dialog.show_plan(plan)
        check_space(importing.needs(plan))
        summary.export, summary.stops = plan.export, plan.stops
        if plan.stops:
            summary.ending = stopped_by_export(plan)
        sends = importing.may_send() and plan.to_send > 0
        if sends and not importing.agreed(dialog, plan):
            raise Declined("nothing was sent", hint="--limit 10 tries ten rows, --dry-run shows what would be sent")
        with interruptions() as signals, frozen():
            if sends:
                summary.ending = asyncio.run(importing.send(_Way(sending, dialog, account, signals), summary))
            importing.conclude(summary)
        if importing.may_send() and (summary.ending is None or isinstance(summary.ending, CapReached)):
            importing.finish_export()
        return summary


@contextlib.contextmanager
def _begun(job: ImportJob, dialog: RunDialog) -> Iterator[ImportRun]:
    """Find everything that is wrong with the files and the ledger before a row is looked at."""
    with contextlib.ExitStack() as stack:
        judging = stack.enter_context(prepared(job))
        ledger = None
        if job.ledger_url is not None:
            ledger = Ledger.open(job.ledger_url)
            stack.callback(ledger.close)
        if job.choice.only is not None:
            origins = Origins(judging.manifest, job.manifest, judging.mapping, job.choice, judging.info, ledger)
            original = origins.settle(judging.folder, dialog.warn)
            judging.hold_against(original.path, original.comparison, stores_numbers=original.stores_numbers)
        judging.check_fit()
        yield ImportRun(job, judging, ledger)


class ImportRun:
    """One import from its checked files on. ``ledger`` is absent where nothing is recorded: a rehearsal without one."""

    def __init__(self, job: ImportJob, judging: Preflight, ledger: Ledger | None) -> None:
        self._job = job
        self._judging = judging
        self._ledger = ledger
        self._info = judging.info
        self._rows = judging.rows
        self._comparison: ExportComparison | None = None
        self._stops: tuple[ExportStop, ...] = ()

    def judge(self, dialog: RunDialog, *, record: bool) -> None:
        """Judge every row; with ``record``, claim those to be sent, and record how many there are.

        The export of a run is compared with those before it.
        """
        if self._ledger is not None and self._job.choice.only is None:
            self._comparison = ExportComparison(self._ledger, self._info, self._judging.mapping, self._rows.names())
        self._rows.comparison = self._comparison
        self._rows.judge(self._ledger, self._info, dialog, record=record)
        if self._comparison is not None:
            self._stops = tuple(self._comparison.conclude(len(self._rows.plan), self._job.export_limits))
        if record:
            record_row_count(self._open_ledger(), self._info.id, len(self._rows.plan))
            if self._comparison is not None:
                self._comparison.remember()

    @contextlib.contextmanager
    def recorded(self, dialog: RunDialog) -> Iterator[Summary]:
        """Hold a lease in the ledger while the run goes on, and record how it ended."""
        ledger = self._open_ledger()
        summary = Summary(run=self._info.id, account=self._info.account, results=self._job.results)
        ledger.begin_run(self._info)
        code = ProgramError.exit_code
        try:
            yield summary
            code = summary.exit_code
        except ImporterError as error:
            told = _after_sending(error, summary)
            told.facts = {"run": summary.run, "account": summary.account, "calls": summary.calls}
            code = told.exit_code
            raise told from error.__cause__
        finally:
            try:
                ledger.end_run(self._info.id, code)
            except LedgerError as error:  # no reason to hide how the run ended; its rows are free as after a crash
                dialog.warn(f"the end of this run could not be recorded: {error.message}")

    def agreed(self, dialog: RunDialog, plan: PlanSummary) -> bool:
        """Ask whether to go on; however long the answer takes, the rows stay this run's."""
        with self._open_ledger().renewing(self._info.id):
            return dialog.confirm_plan(plan)

    def may_send(self) -> bool:
        """Say whether rows may go out."""
        return self._judging.may_send() and not self._stops

    def finish_export(self) -> None:
        """Record the export of a run that was not stopped as the one with which the next is compared."""
        if self._comparison is not None:
            self._comparison.finish()

    def first_requests(self, url: str) -> list[str]:
        """The first requests as they would go out to ``url``."""
        if not self.may_send():
            return []
        limit = min(self._job.limit or _PREVIEWED_REQUESTS, _PREVIEWED_REQUESTS)
        chunks = self._rows.to_send(self._ledger, self._info, limit)
        return [request_preview(sendable.ticket, url) for sendables in chunks for sendable in sendables]

    def plan_summary(self, sending: SendOptions) -> PlanSummary:
        """Sum up what is about to happen."""
        plan, files = self._rows.plan, self._judging.attachments
        to_send = plan.to_send(self._job.limit)
        capped = sending.daily_cap is not None and self._ledger is not None
        made_today = calls_today(self._open_ledger(), self._info.account) if capped else 0
        return PlanSummary(
            account=self._info.account,
            manifest=str(self._job.manifest),
            detected=self._judging.manifest.format.describe(),
            rows=len(plan),
            blank_rows=self._judging.manifest.blank_rows,
            counts=plan.counts(),
            to_send=to_send,
            is_blocked=not self._judging.may_send(),
            attachment_bytes=plan.attachment_bytes,
            seconds=sending.seconds(to_send),
            limit=sending.usable,
            daily_cap=sending.daily_cap,
            made_today=made_today,
            days=sending.days(to_send, made_today),
            attachments=files,
            warnings=(*self._judging.warnings, *(files.warnings if files else ()), *sending.policy.warnings()),
            export=self._comparison.figures if self._comparison is not None else None,
            stops=self._stops,
        )

    def needs(self, plan: PlanSummary) -> Iterator[SpaceNeed]:
        """What the ledger and the results will take of their disks, at least."""
        if (path := self._open_ledger().path) is not None and plan.to_send:
            size_bytes = LEDGER_LEAST_BYTES + plan.to_send * (
                LEDGER_ROW_BYTES + self._judging.text_bytes // (2 * plan.rows)
            )
            yield SpaceNeed(what="the ledger", folder=path.absolute().parent, size_bytes=size_bytes)
        if self._job.results is not None:
            size_bytes = plan.rows * RESULTS_ROW_BYTES + self._judging.text_bytes
            yield SpaceNeed(what="the results", folder=self._job.results.absolute().parent, size_bytes=size_bytes)

    # -- send -------------------------------------------------------------------------------------------------------

    async def send(self, way: _Way, summary: Summary) -> ImporterError | None:
        """Send every row whose turn it is; say why it ended early, or nothing."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert self._job.results is not None
        part = PartFile(self._job.results, self._rows.columns)
        sending, dialog = way.sending, way.dialog
        terms = sending.terms(account_known=self._account_known())
        total = self._rows.plan.to_send(self._job.limit)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(part.close)
            mapping = self._judging.mapping
            known = self._greatest_number() if way.account is None else 0
            endpoint = await stack.enter_async_context(open_endpoint(way.account, mapping, sending.rate, known=known))
            patience = Timeouts(answer_s=sending.answer_timeout_s)
            client = await stack.enter_async_context(Client(endpoint, patience, connections=terms.concurrency))
            journal = await stack.enter_async_context(Journal(self._open_ledger(), self._info))
            progress = stack.enter_context(dialog.progress(total, sending.rate))
            watcher = RunObserver(part, progress, dialog.warn, summary, self._info)
            limits = sending.limits(self._info.id, total)
            limiter = await stack.enter_async_context(
                shared_rate_limiter(self._open_ledger(), self._info.account, limits)
            )
            submission = Submission(
                SubmissionContext(client=client, limiter=limiter, journal=journal, observer=watcher), terms
            )
            stack.enter_context(way.signals.stopping(lambda why, at_once: submission.stop(why, at_once=at_once)))
            news = LimitStatus(limiter, progress, dialog.warn)
            await stack.enter_async_context(_ticking(progress, news))
            ending = await submission.run(self._sendables())
            summary.limit = news.text()
            log.debug("rate limit: %s", summary.limit)
        summary.seconds = loop.time() - started
        return ending

    def _account_known(self) -> bool:
        """Say whether a ticket of the account is in the ledger, so that its settings were right once."""
        with self._open_ledger().reading() as db:
            return has_ticket(db, self._info.account)

    def _greatest_number(self) -> int:
        """The greatest ticket number in the ledger: a new sandbox must not give it again."""
        with self._open_ledger().reading() as db:
            return greatest_number(db, self._info.account)

    async def _sendables(self) -> AsyncIterator[QueuedRow]:
        """The rows to be sent; their files are read in a thread, so that the event loop never waits for a disk."""
        chunks = self._rows.to_send(self._ledger, self._info, self._job.limit)
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            for sendable in chunk:
                yield sendable

    # -- write down -------------------------------------------------------------------------------------------------

    def conclude(self, summary: Summary) -> None:
        """Write the results of every row in the manifest's order, and count them."""
        results = self._job.results
        assert results is not None
        with self._open_ledger().renewing(self._info.id):
            written = write_whole(results, self._rows.columns, self._outcomes(summary))
        if written != len(self._rows.plan):
            raise ProgramError(f"{len(self._rows.plan)} rows went in, and {written} came out")
        part_path(results).unlink(missing_ok=True)

    def _outcomes(self, summary: Summary) -> Iterator[Outcomes]:
        for outcomes in self._rows.results(self._open_ledger(), self._info):
            summary.count((result.status, result.code, result.error) for result in outcomes.results)
            yield outcomes

    def _open_ledger(self) -> Ledger:
        assert self._ledger is not None, "only what is recorded comes here"
        return self._ledger


def stopped_by_export(plan: PlanSummary) -> ExportStopped:
    """The stops of a plan as one error."""
    first, *others = plan.stops
    details = [*first.examples, *(line for stop in others for line in (f"also: {stop.reason}", *stop.examples))]
    advice = dict.fromkeys(stop.advice for stop in plan.stops)
    return ExportStopped(f"nothing was sent: {first.reason}", hint=" ".join(advice), details=details)


def _after_sending(error: ImporterError, summary: Summary) -> ImporterError:
    """An error of usage says that nothing was sent, which is not so any more; and it must not hide an earlier one."""
    details = list(error.details)
    if summary.ending is not None:
        details.append(f"before that, sending stopped: {summary.ending.message}")
    if summary.calls and isinstance(error, UsageError):
        return StoppedEarly(error.message, hint=error.hint, details=details)
    error.details = tuple(details)
    return error


@dataclass(frozen=True)
class _Way:
    """How the rows get from here to the account. ``account`` is ``None`` for the embedded sandbox."""

    sending: SendOptions
    dialog: RunDialog
    account: AccountSettings | None
    signals: Interruptions


@contextlib.asynccontextmanager
async def _ticking(progress: Progress, news: LimitStatus) -> AsyncIterator[None]:
    async def tick() -> None:
        while True:
            await asyncio.sleep(1)
            news.update()
            progress.tick()

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
