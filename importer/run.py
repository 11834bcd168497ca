"""The story of one import, read top-down: prepare, judge, ask, send, write down. Prints nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from importer.attachments import AttachmentFinder
from importer.errors import Declined, ImporterError, LedgerError, ProgramError, StoppedEarly, UsageError
from importer.leadsquared.client import Client, Patience
from importer.leadsquared.wire import preview
from importer.ledger import Ledger, RunInfo, new_run_id
from importer.ledger.origins import note_rows
from importer.limit_news import LimitNews
from importer.manifest import Manifest, open_manifest, private_copy
from importer.mapping import Mapping, check_columns, load_mapping
from importer.models import ManifestOptions, Problem, Rate
from importer.progress import Progress
from importer.reach import reached
from importer.rerun import Origins
from importer.results import (
    COLUMNS,
    WORKBOOK_ENDING,
    Outcomes,
    PartFile,
    check_results,
    check_target,
    data_columns,
    write_whole,
)
from importer.room import LEDGER_LEAST_BYTES, LEDGER_ROW_BYTES, RESULTS_ROW_BYTES, Need, check_room
from importer.rows import Choice, Rows
from importer.settings import Account
from importer.signals import Interruptions, interruptions
from importer.submission.journal import Journal
from importer.submission.line import Sendable
from importer.submission.plan import Disposition
from importer.submission.sharing import calls_today, shared_quota
from importer.submission.submit import Means, Submission
from importer.summary import PlanSummary, Summary
from importer.terms import Sending
from importer.validation import Validator
from importer.watching import Watcher

_PREVIEWED_REQUESTS = 3


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the user asked for. ``results`` is ``None`` where none are written; ``only`` is set for a rerun."""

    command: str
    manifest: Path
    mapping: Path
    results: Path | None
    account_name: str
    ledger_url: str | None
    choice: Choice = field(default_factory=Choice)
    skip_invalid: bool = False
    limit: int | None = None


class Desk(Protocol):
    """The person, or whatever stands in for one."""

    def problem(self, problem: Problem) -> None:
        """Take one problem of one row."""

    def judged(self, rows: int) -> None:
        """So many more rows are judged."""

    def show(self, plan: PlanSummary) -> None:
        """Show what is wrong with the rows, and the plan."""

    def confirm(self, plan: PlanSummary) -> bool:
        """Say whether to go on with a plan that was shown."""

    def progress(self, total: int, limit: Rate) -> Progress:
        """Give the progress to be shown while ``total`` rows are sent."""

    def note(self, text: str) -> None:
        """Take something that a person would want to know."""


def validate(job: Job, desk: Desk) -> Rows:
    """Judge every row of a manifest, and call nothing."""
    with _prepared(job, desk) as importing:
        for warning in importing.warnings:
            desk.note(warning)
        importing.rows.judge(importing.ledger, importing.info, desk, record=False)
        return importing.rows


def rehearse(job: Job, sending: Sending, desk: Desk, url: str) -> tuple[PlanSummary, list[str]]:
    """Do all of a run but the calls: the plan, and the first requests as they would go out."""
    with _prepared(job, desk) as importing:
        importing.rows.judge(importing.ledger, importing.info, desk, record=False)
        requests: list[str] = []
        if importing.may_send():
            limit = min(job.limit or _PREVIEWED_REQUESTS, _PREVIEWED_REQUESTS)
            for sendables in importing.rows.to_send(importing.ledger, importing.info, limit):
                requests += [preview(sendable.ticket, url) for sendable in sendables]
        return importing.plan_summary(sending), requests


def run_import(job: Job, sending: Sending, desk: Desk, account: Account | None) -> Summary:
    """Run an import from its manifest to its results. ``account`` is ``None`` for the embedded sandbox.

    Raises ImporterError where nothing was sent and no results could be written.
    """
    with _prepared(job, desk) as importing, importing.recorded(desk) as summary:
        importing.judge(desk)
        plan = importing.plan_summary(sending)
        desk.show(plan)
        check_room(importing.needs(plan))
        sends = importing.may_send() and plan.to_send > 0
        if sends and not desk.confirm(plan):
            raise Declined("nothing was sent", hint="--limit 10 tries ten rows, --dry-run shows what would be sent")
        with interruptions() as signals, _collected_no_more():
            if sends:
                summary.ending = asyncio.run(importing.send(_Way(sending, desk, account, signals), summary))
            importing.conclude(summary)
        return summary


@contextlib.contextmanager
def _collected_no_more() -> Iterator[None]:
    """What is loaded by now stays: to look for garbage in it again and again would be a tenth of the work."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextlib.contextmanager
def _prepared(job: Job, desk: Desk) -> Iterator[Importing]:
    """Find everything that is wrong with the files before a row is looked at."""
    mapping = load_mapping(job.mapping)
    with tempfile.TemporaryDirectory(prefix="ticket-importer-") as folder:
        copy = private_copy(job.manifest, Path(folder))
        # How the manifest was written says nothing of the results, which are ours.
        options = ManifestOptions() if job.choice.only is not None else mapping.manifest
        manifest = open_manifest(copy.path, options, _expected(job, mapping), shown_as=job.manifest)
        columns = manifest.columns
        if job.choice.only is not None:
            check_results(manifest, str(job.manifest), account=job.account_name, source=mapping.source)
            columns = data_columns(columns)
        elif taken := [column for column in columns if column in COLUMNS]:
            raise UsageError(
                f"{job.manifest} has columns that only results have: {', '.join(taken)}",
                hint="a results file is run again with `ticket-importer rerun`",
            )
        check_columns(mapping, columns)
        if job.results is not None:
            former = job.manifest if job.choice.only is None else job.choice.manifest
            inputs = [path for path in (job.mapping, former) if path is not None]
            check_target(job.results, account=job.account_name, source=mapping.source, inputs=inputs)
        info = RunInfo(
            id=new_run_id(mapping.source),
            account=job.account_name,
            source=mapping.source,
            command=job.command,
            manifest=str(job.manifest.absolute()),
            manifest_sha256=copy.sha256,
            mapping_sha256=mapping.sha256,
            key_field=mapping.key_field,
        )
        ledger = Ledger.open(job.ledger_url) if job.ledger_url is not None else None
        try:
            importing = Importing(job, mapping, manifest, ledger, info)
            importing.text_bytes = copy.size_bytes if manifest.sheet is None else 0
            importing.check_file(Path(folder), desk)
            yield importing
        finally:
            if ledger is not None:
                ledger.close()


def _expected(job: Job, mapping: Mapping) -> set[str]:
    return {use.column for use in mapping.uses}.union(COLUMNS if job.choice.only is not None else ())


class Importing:
    """One import from its checked files on."""

    def __init__(self, job: Job, mapping: Mapping, manifest: Manifest, ledger: Ledger | None, info: RunInfo) -> None:
        self._job = job
        self._mapping = mapping
        self._manifest = manifest
        self.ledger = ledger
        self.info = info
        self.text_bytes = 0  # of all rows, as far as the manifest's size tells
        self.rows = self._rows(job.manifest)

    def _rows(self, manifest: Path) -> Rows:
        finder = None
        if self._mapping.attachments is not None:
            root = manifest.absolute().parent / (self._mapping.attachments.root or "")
            finder = AttachmentFinder(self._mapping.attachments, root)
        validator = Validator(self._mapping, finder, self._manifest.sheet)
        return Rows(self._manifest, self._mapping, validator, self._job.choice)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person would want to know of the files."""
        return (*self._manifest.detected.warnings, *self._mapping.warnings)

    def check_file(self, folder: Path, desk: Desk) -> None:
        """Hold a results file against what it came from, and the rows against what the new results can hold."""
        job = self._job
        if job.choice.only is not None:
            origins = Origins(self._manifest, job.manifest, self._mapping, job.choice, self.info, self.ledger)
            manifest, comparison = origins.settle(folder, desk.note)
            self.rows = self._rows(manifest)  # attachments lie beside the manifest, wherever its results are
            self.rows.comparison = comparison
        if job.results is not None and job.results.suffix.lower() == WORKBOOK_ENDING:
            self.rows.check_fit(job.results)

    def judge(self, desk: Desk) -> None:
        """Judge and claim every row, and record how many there are."""
        self.rows.judge(self.ledger, self.info, desk, record=True)
        note_rows(self._open_ledger(), self.info.id, len(self.rows.plan))

    @contextlib.contextmanager
    def recorded(self, desk: Desk) -> Iterator[Summary]:
        """Hold a lease in the ledger while the run goes on, and record how it ended."""
        ledger = self._open_ledger()
        summary = Summary(run=self.info.id, account=self.info.account, results=self._job.results)
        ledger.begin_run(self.info)
        code = ProgramError.exit_code
        try:
            yield summary
            code = summary.exit_code
        except ImporterError as error:
            told = _after_sending(error, summary)
            code = told.exit_code
            raise told from error.__cause__
        finally:
            try:
                ledger.end_run(self.info.id, code)
            except LedgerError as error:  # no reason to hide how the run ended; its rows are free as after a crash
                desk.note(f"the end of this run could not be recorded: {error.message}")

    def may_send(self) -> bool:
        """Say whether rows may go out: none is rejected, or the others are to go all the same."""
        return self._job.skip_invalid or not self.rows.plan.counts()[Disposition.REJECT]

    def plan_summary(self, sending: Sending) -> PlanSummary:
        """Sum up what is about to happen."""
        plan = self.rows.plan
        to_send = plan.to_send(self._job.limit)
        capped = sending.daily_cap is not None and self.ledger is not None
        made_today = calls_today(self._open_ledger(), self.info.account) if capped else 0
        return PlanSummary(
            account=self.info.account,
            manifest=str(self._job.manifest),
            detected=self._manifest.detected.describe(),
            rows=len(plan),
            blank_rows=self._manifest.blank_rows,
            counts=plan.counts(),
            to_send=to_send,
            attachment_bytes=plan.attachment_bytes,
            seconds=sending.seconds(to_send),
            limit=sending.usable,
            daily_cap=sending.daily_cap,
            made_today=made_today,
            days=sending.days(to_send, made_today),
            warnings=(*self.warnings, *sending.policy.warnings()),
        )

    def needs(self, plan: PlanSummary) -> Iterator[Need]:
        """What the ledger and the results will take of their disks, at least."""
        if (path := self._open_ledger().path) is not None and plan.to_send:
            size_bytes = LEDGER_LEAST_BYTES + plan.to_send * (LEDGER_ROW_BYTES + self.text_bytes // (2 * plan.rows))
            yield Need(what="the ledger", folder=path.absolute().parent, size_bytes=size_bytes)
        if self._job.results is not None:
            size_bytes = plan.rows * RESULTS_ROW_BYTES + self.text_bytes
            yield Need(what="the results", folder=self._job.results.absolute().parent, size_bytes=size_bytes)

    # -- send -------------------------------------------------------------------------------------------------------

    async def send(self, way: _Way, summary: Summary) -> ImporterError | None:
        """Send every row whose turn it is; say why it ended early, or nothing."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert self._job.results is not None
        part = PartFile(self._job.results, self.rows.columns)
        sending, desk = way.sending, way.desk
        terms = sending.terms()
        total = self.rows.plan.to_send(self._job.limit)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(part.close)
            endpoint = await stack.enter_async_context(reached(way.account, self._mapping, sending.rate))
            patience = Patience(answer_s=sending.answer_timeout_s)
            client = await stack.enter_async_context(Client(endpoint, patience, connections=terms.concurrency))
            journal = await stack.enter_async_context(Journal(self._open_ledger(), self.info))
            progress = stack.enter_context(desk.progress(total, sending.rate))
            watcher = Watcher(part, progress, desk.note, summary, self.info)
            limits = sending.limits(self.info.id, total)
            quota = await stack.enter_async_context(shared_quota(self._open_ledger(), self.info.account, limits))
            submission = Submission(Means(client=client, quota=quota, journal=journal, observer=watcher), terms)
            stack.enter_context(way.signals.stopping(lambda why, at_once: submission.stop(why, at_once=at_once)))
            news = LimitNews(quota, progress, desk.note)
            await stack.enter_async_context(_ticking(progress, news))
            ending = await submission.run(self._sendables())
            summary.limit = news.text()
        summary.seconds = loop.time() - started
        return ending

    async def _sendables(self) -> AsyncIterator[Sendable]:
        """The rows to be sent; their files are read in a thread, so that the event loop never waits for a disk."""
        chunks = self.rows.to_send(self.ledger, self.info, self._job.limit)
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            for sendable in chunk:
                yield sendable

    # -- write down -------------------------------------------------------------------------------------------------

    def conclude(self, summary: Summary) -> None:
        """Write the results of every row in the manifest's order, and count them."""
        results = self._job.results
        assert results is not None
        written = write_whole(results, self.rows.columns, self._outcomes(summary))
        if written != len(self.rows.plan):
            raise ProgramError(f"{len(self.rows.plan)} rows went in, and {written} came out")
        results.with_name(f"{results.name}.part").unlink(missing_ok=True)

    def _outcomes(self, summary: Summary) -> Iterator[Outcomes]:
        for outcomes in self.rows.results(self._open_ledger(), self.info):
            summary.count((result.status, result.code, result.error) for result in outcomes.results)
            yield outcomes

    def _open_ledger(self) -> Ledger:
        assert self.ledger is not None, "only what is recorded comes here"
        return self.ledger


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

    sending: Sending
    desk: Desk
    account: Account | None
    signals: Interruptions


@contextlib.asynccontextmanager
async def _ticking(progress: Progress, news: LimitNews) -> AsyncIterator[None]:
    async def tick() -> None:
        while True:
            await asyncio.sleep(1)
            news.tick()
            progress.tick()

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
