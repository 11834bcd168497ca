"""`run-all`: runs the jobs of many accounts side by side in one process, each with its account's own limit."""

from __future__ import annotations

import contextlib
import contextvars
import gc
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace

from importer.api.imports import confirm_plans
from importer.api.jobs_file import Job
from importer.errors import ImporterError, Interrupted, as_ending
from importer.ledger.store import shared_connections
from importer.reports.summary import Confirm, PlanSummary, Summary
from importer.runtime.event_loop import shared_event_loop
from importer.runtime.events import Emit, Event, SendingStarted, to_all
from importer.runtime.garbage_collection import frozen
from importer.runtime.open_files import raise_open_files
from importer.runtime.signals import Interruptions, SeveralRuns, interrupted, raise_lost
from importer.settings import read_environment
from importer.workflows.ledger_location import require_ledger
from importer.workflows.run import export_stopped
from importer.workflows.send_options import most_in_flight

_FILES_PER_RUN = 40  # of the ledger, the manifest, the results and a few connections
_JOBS_PER_COLLECTION = 10


@dataclass(frozen=True)
class JobEnd:
    """How a job ended: its summary, in a dry run its plan, the error that ended it, or nothing if it did not start."""

    job: Job
    summary: Summary | None = None
    plan: PlanSummary | None = None
    error: ImporterError | None = None

    @property
    def exit_code(self) -> int | None:
        """The exit code that `run` would have; ``None`` if the job was not started."""
        if self.error is not None:
            return self.error.exit_code
        found = self.summary or self.plan
        return found.exit_code if found is not None else None

    @property
    def ending(self) -> ImporterError | None:
        """Why the job ended before all of its rows were done."""
        return self.error or (self.summary.ending if self.summary is not None else None)


def plan_jobs(jobs: Sequence[Job], listen: Callable[[Job], Emit]) -> Iterator[JobEnd]:
    """Plan the jobs one after the other, without a call or a record, and yield the plan of each."""
    is_interrupted = False
    for job in jobs:
        if is_interrupted:
            yield JobEnd(job)
            continue
        try:
            plan = job.order.plan(listen(job))
            yield JobEnd(job, plan=plan, error=export_stopped(plan) if plan.stops else None)
        except Exception as error:  # noqa: BLE001 - the other jobs are planned all the same
            is_interrupted = isinstance(error, Interrupted)
            yield JobEnd(job, error=error if isinstance(error, ImporterError) else as_ending(error))


def run_jobs(jobs: Sequence[Job], at_once: int, listen: Callable[[Job], Emit], confirm: Confirm) -> Iterator[JobEnd]:
    """Run up to ``at_once`` jobs at a time, and yield how each ended, as soon as it has ended.

    A signal ends all jobs that run, and starts no other. The jobs of one account run one after the other: they share
    its limit, and their manifests may have the same rows. ``listen`` and its functions are called from several threads.
    Plans are carried out; ``confirm`` is asked only whether to create the ledger. Raises LedgerError if there is none.
    """
    options = jobs[0].order.options  # which ledger it is does not differ
    require_ledger(read_environment(options.settings), options, confirm)
    at_once = min(at_once, max(1, raise_open_files() // _FILES_PER_RUN))
    runner = _Runner(listen, at_once)
    with (
        runner.signals.handling(),
        shared_event_loop(),
        shared_connections(),
        frozen(),
        ThreadPoolExecutor(at_once, "job") as threads,
    ):
        futures = [
            threads.submit(contextvars.copy_context().run, runner.run_account, of_account)
            for of_account in _by_account(jobs)
        ]
        for future in as_completed(futures):
            yield from future.result()


def _by_account(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    accounts = dict.fromkeys(job.account for job in jobs)
    return ([job for job in jobs if job.account == account] for account in accounts)


class _Runner:
    """Runs jobs, each in the thread of its account. One at a time checks its rows, which takes a whole processor."""

    def __init__(self, listen: Callable[[Job], Emit], at_once: int) -> None:
        self.signals = SeveralRuns()
        self._listen = listen
        self._at_once = at_once
        self._turn = threading.Lock()
        self._ended = itertools.count(1)

    def run_account(self, jobs: Sequence[Job]) -> list[JobEnd]:
        """Run the jobs of one account one after the other."""
        return [self._run(job) for job in jobs]

    def _run(self, job: Job) -> JobEnd:
        if self.signals.first is not None:
            return JobEnd(job)
        with contextlib.ExitStack() as turn, self.signals.one_run() as received:
            turn.enter_context(self._turn)

            def listen(event: Event) -> None:
                if isinstance(event, SendingStarted):
                    turn.close()

            end = self._end(job, to_all(listen, self._listen(job)), received)
            if next(self._ended) % _JOBS_PER_COLLECTION == 0:
                gc.collect()  # cycles of a run hold its tables, a megabyte, and are old when it ends
            return end

    def _end(self, job: Job, emit: Emit, received: Interruptions) -> JobEnd:
        options = replace(job.order.options, concurrency=most_in_flight(self._at_once))
        try:
            raise_lost()
            end = JobEnd(job, summary=replace(job.order, options=options).run(emit, confirm_plans))
        except ImporterError as error:
            end = JobEnd(job, error=error)
        except Exception as error:  # noqa: BLE001 - a bug must not keep the other accounts from their import
            end = JobEnd(job, error=as_ending(error))
        if received.first is not None and not isinstance(end.ending, Interrupted):
            return replace(end, error=interrupted(received.first))  # it came while the results were written
        return end
