"""What the ledger records about an answer, and the error with which a run ends. Pure."""

from __future__ import annotations

from importer.error_codes import ERROR_CODES
from importer.errors import ImporterError, StoppedEarly
from importer.leadsquared.answers import Answer, NotSent
from importer.leadsquared.connection_errors import connection_error
from importer.ledger.records import Outcome
from importer.models import Status
from importer.submission.retry import Settled, StopRun, WaitForFirstSuccess
from importer.submission.send_queue import QueuedRow


def answer_name(answer: Answer) -> str:
    """Return the name of an answer in the ledger."""
    return type(answer).__name__.lower()


def final_outcome(row: QueuedRow, settled: Settled, answer: Answer) -> Outcome:
    """Return the outcome of a row that is done."""
    return Outcome(
        key=row.key,
        operation=row.operation.name,
        state=settled.status.value,
        outcome=answer_name(answer),
        ids=settled.ids,
        error_code=settled.code,
        error=settled.error,
        http_status=getattr(answer, "http_status", None),
    )


def retryable_outcome(row: QueuedRow, name: str, *, counted: bool, code: str = "", error: str = "") -> Outcome:
    """Return the outcome of a request after which the row is as before, and can be sent again."""
    return Outcome(
        key=row.key,
        operation=row.operation.name,
        state=row.prior_status.value,
        outcome=name,
        error_code=code,
        error=error,
        counted=counted,
        # A request that changed nothing does not overwrite why a row failed or is unknown.
        unchanged=not counted and (not code or row.prior_status is not Status.PENDING),
    )


def waiting_outcome(row: QueuedRow, step: WaitForFirstSuccess, answer: Answer) -> Outcome:
    """Return the outcome of a refusal that may concern the account: the row keeps its state from before this run."""
    before = keep_unknown(row, Settled(status=Status.FAILED, code="refused", error=step.error))
    pending = row.prior_status is Status.PENDING
    return Outcome(
        key=row.key,
        operation=row.operation.name,
        state=row.prior_status.value,
        outcome=answer_name(answer),
        error_code=step.code if pending else before.code,
        error=step.error if pending else before.error,
        http_status=getattr(answer, "http_status", None),
        counted=False,
    )


def stop_error(step: StopRun) -> ImporterError:
    """Return the error of a run that stops because of refused keys, or of a first call that a setting prevents."""
    if step.code == "not-connected":
        return connection_error(step.error)
    return StoppedEarly(f"the account refuses the keys: {step.error}", hint=ERROR_CODES[step.code].advice)


def stop_for_settings(answer: Answer) -> StopRun | None:
    """Stop a run if a setting prevents its first call.

    After a call, the same error may be an outage.
    """
    if isinstance(answer, NotSent) and answer.settings_fault:
        return StopRun(code="not-connected", error=f"{answer.settings_fault}: {answer.reason}")
    return None


def keep_unknown(row: QueuedRow, settled: Settled) -> Settled:
    """Keep an unknown row unknown after a refusal: an earlier request may have changed the account."""
    if settled.status is not Status.FAILED or row.prior_status is not Status.UNKNOWN:
        return settled
    error = f"an earlier request may have created the ticket; the last one did not: {settled.error}"
    return Settled(status=Status.UNKNOWN, code="unclear-answer", error=error)
