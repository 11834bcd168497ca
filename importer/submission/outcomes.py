"""What is written down of an answer, and with which error a run ends. Pure."""

from __future__ import annotations

from importer.catalogue import CATALOGUE
from importer.errors import ImporterError, ProgramError, StoppedEarly, UsageError
from importer.leadsquared.wire import Answer
from importer.ledger.records import Outcome
from importer.models import Status
from importer.submission.line import Sendable
from importer.submission.retry import Halt, Held, Settled


def outcome(row: Sendable, settled: Settled, answer: Answer) -> Outcome:
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


def back(row: Sendable, outcome: str, *, counted: bool, code: str = "", error: str = "") -> Outcome:
    """The row is what it was before this request, and may be sent again."""
    return Outcome(key=row.key, state=row.prior.value, outcome=outcome, error_code=code, error=error, counted=counted)


def held(row: Sendable, verdict: Held, answer: Answer) -> Outcome:
    """The row after a refusal that may speak of the account: pending, or what it was before this run."""
    before = as_known(row, Settled(status=Status.FAILED, code="refused", error=verdict.error))
    pending = row.prior is Status.PENDING
    return Outcome(
        key=row.key,
        state=row.prior.value,
        outcome=type(answer).__name__.lower(),
        error_code=verdict.code if pending else before.code,
        error=verdict.error if pending else before.error,
        http_status=getattr(answer, "http_status", None),
        counted=False,
    )


def halted(halt: Halt) -> StoppedEarly:
    """The error of a run that refused keys have ended."""
    return StoppedEarly(f"the account refuses the keys: {halt.error}", hint=CATALOGUE[halt.code].advice)


def as_known(row: Sendable, settled: Settled) -> Settled:
    """A refusal doesn't undo an earlier request for the same row that may have made a ticket."""
    if settled.status is not Status.FAILED or row.prior is not Status.UNKNOWN:
        return settled
    error = f"an earlier request may have made the ticket; the last one did not: {settled.error}"
    return Settled(status=Status.UNKNOWN, code="unclear-answer", error=error)


def as_ending(error: BaseException) -> ImporterError:
    """The error of a run that ended for a reason found on the way."""
    if isinstance(error, UsageError):  # its exit code would say that nothing was sent
        return StoppedEarly(error.message, hint=error.hint, details=error.details)
    return error if isinstance(error, ImporterError) else _unforeseen(error)


def _unforeseen(error: BaseException) -> ProgramError:
    problem = ProgramError(f"an unforeseen {type(error).__name__}: {error}")
    problem.__cause__ = error
    return problem
