"""What is written down of an answer, and with which error a run ends. Pure."""

from __future__ import annotations

from importer.error_codes import ERROR_CODES
from importer.errors import ImporterError, StoppedEarly
from importer.leadsquared.answers import Answer, NotSent
from importer.leadsquared.connection_errors import connection_error
from importer.ledger.records import Outcome
from importer.models import Status
from importer.submission.retry import Settled, StopRun, WaitForFirstTicket
from importer.submission.send_queue import QueuedRow


def final_outcome(row: QueuedRow, settled: Settled, answer: Answer) -> Outcome:
    """The end of a row."""
    return Outcome(
        key=row.key,
        state=settled.status.value,
        outcome=type(answer).__name__.lower(),
        ids=settled.ids,
        error_code=settled.code,
        error=settled.error,
        http_status=getattr(answer, "http_status", None),
    )


def retryable_outcome(row: QueuedRow, name: str, *, counted: bool, code: str = "", error: str = "") -> Outcome:
    """The row is what it was before this request, and may be sent again."""
    return Outcome(
        key=row.key,
        state=row.prior_status.value,
        outcome=name,
        error_code=code,
        error=error,
        counted=counted,
        # Why a row failed, or is unknown, is not forgotten over a request that changed nothing.
        unchanged=not counted and (not code or row.prior_status is not Status.PENDING),
    )


def waiting_outcome(row: QueuedRow, verdict: WaitForFirstTicket, answer: Answer) -> Outcome:
    """The row after a refusal that may speak of the account: pending, or what it was before this run."""
    before = keep_unknown(row, Settled(status=Status.FAILED, code="refused", error=verdict.error))
    pending = row.prior_status is Status.PENDING
    return Outcome(
        key=row.key,
        state=row.prior_status.value,
        outcome=type(answer).__name__.lower(),
        error_code=verdict.code if pending else before.code,
        error=verdict.error if pending else before.error,
        http_status=getattr(answer, "http_status", None),
        counted=False,
    )


def stop_error(halt: StopRun) -> ImporterError:
    """The error of a run that refused keys have ended, or a first call that a wrong setting kept from being made."""
    if halt.code == "not-connected":
        return connection_error(halt.error)
    return StoppedEarly(f"the account refuses the keys: {halt.error}", hint=ERROR_CODES[halt.code].advice)


def stop_for_settings(answer: Answer) -> StopRun | None:
    """Say that a run ends whose first call can't be made because of a setting; after a call it may be an outage."""
    if isinstance(answer, NotSent) and answer.settings_fault:
        return StopRun(code="not-connected", error=f"{answer.settings_fault}: {answer.reason}")
    return None


def keep_unknown(row: QueuedRow, settled: Settled) -> Settled:
    """A refusal doesn't undo an earlier request for the same row that may have made a ticket."""
    if settled.status is not Status.FAILED or row.prior_status is not Status.UNKNOWN:
        return settled
    error = f"an earlier request may have made the ticket; the last one did not: {settled.error}"
    return Settled(status=Status.UNKNOWN, code="unclear-answer", error=error)
