"""What is written down of an answer, and with which error a run ends. Pure."""

from __future__ import annotations

from importer.error_codes import ERROR_CODES
from importer.errors import ImporterError, StoppedEarly
from importer.leadsquared.connection_errors import no_connection
from importer.leadsquared.wire import Answer, NotSent
from importer.ledger.records import Outcome
from importer.models import Status
from importer.submission.retry import Halt, Held, Settled
from importer.submission.send_queue import Sendable


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
    return Outcome(
        key=row.key,
        state=row.prior.value,
        outcome=outcome,
        error_code=code,
        error=error,
        counted=counted,
        # Why a row failed, or is unknown, is not forgotten over a request that changed nothing.
        unchanged=not counted and (not code or row.prior is not Status.PENDING),
    )


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


def halted(halt: Halt) -> ImporterError:
    """The error of a run that refused keys have ended, or a first call that a wrong setting kept from being made."""
    if halt.code == "not-connected":
        return no_connection(halt.error)
    return StoppedEarly(f"the account refuses the keys: {halt.error}", hint=ERROR_CODES[halt.code].advice)


def wrong_settings(answer: Answer) -> Halt | None:
    """Say that a run ends whose first call can't be made because of a setting; after a call it may be an outage."""
    if isinstance(answer, NotSent) and answer.settings_fault:
        return Halt(code="not-connected", error=f"{answer.settings_fault}: {answer.reason}")
    return None


def as_known(row: Sendable, settled: Settled) -> Settled:
    """A refusal doesn't undo an earlier request for the same row that may have made a ticket."""
    if settled.status is not Status.FAILED or row.prior is not Status.UNKNOWN:
        return settled
    error = f"an earlier request may have made the ticket; the last one did not: {settled.error}"
    return Settled(status=Status.UNKNOWN, code="unclear-answer", error=error)
