"""Records a run in the ledger, from its begin to its exit code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from importer.errors import ImporterError, LedgerError, ProgramError, StoppedEarly, UsageError, as_ending
from importer.ledger.records import RunInfo
from importer.ledger.store import Ledger
from importer.reports.summary import Summary
from importer.runtime.events import Emit, RunStarted, Warned
from importer.workflows.import_job import ImportJob


@contextlib.contextmanager
def recorded(ledger: Ledger, info: RunInfo, job: ImportJob, emit: Emit) -> Iterator[Summary]:
    """Begin the run in the ledger, which gives it a lease; at the end, record its exit code and emit its summary."""
    summary = Summary(run=info.id, account=info.account, results=job.results, seed=job.selection.seed)
    ledger.begin_run(info)
    emit(RunStarted(info.id, info.account))
    exit_code = ProgramError.exit_code
    try:
        yield summary
        exit_code = summary.exit_code
    except Exception as error:  # noqa: BLE001 - raised again
        summary.ending = final = _final_error(error, summary)
        exit_code = final.exit_code
        raise final from final.__cause__ or error.__cause__
    finally:
        try:
            ledger.end_run(info.id, exit_code, summary.ending.message if summary.ending is not None else "")
        except LedgerError as error:  # must not hide how the run ended; the lease expires by itself, as after a crash
            emit(Warned(f"the end of this run could not be recorded in the ledger: {error.message}"))
        emit(summary)


def _final_error(error: Exception, summary: Summary) -> ImporterError:
    """Return the error of a run that may have sent rows.

    A usage error means that nothing was sent, so it becomes StoppedEarly after the first call. The error that stopped
    sending before it is added to its details.
    """
    if not isinstance(error, ImporterError):
        error = as_ending(error)
    details = list(error.details)
    if summary.ending is not None:
        details.append(f"before that, sending stopped: {summary.ending.message}")
    if summary.calls and isinstance(error, UsageError):
        return StoppedEarly(error.message, hint=error.hint, details=details)
    error.details = tuple(details)
    return error
