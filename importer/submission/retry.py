"""Decide what follows from an answer: the row is done, is sent again, or the run stops. Pure.

The row's operation has the table of answers. A request that may have changed the account is repeated only if its
operation is repeatable, or if the user asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import assert_never

from importer.leadsquared.answers import (
    Answer,
    Created,
    NotSent,
    Refused,
    Throttled,
    Unclear,
    WrongUrl,
)
from importer.models import Status, TicketIds
from importer.rate_limit.backoff import backoff_s
from importer.submission.operations import Operation, Result

_MAX_ATTEMPTS = 5  # of requests that are repeated although their outcome is unknown


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Which unclear answers the user wants to be repeated, and which are known to be refusals.

    ``--on-unknown retry`` and ``--retry-status`` are for users who prefer a duplicate to a missing ticket.
    ``refusals`` are the types of application errors that mean there is no ticket.
    """

    retry_unknown: bool = False
    retry_statuses: frozenset[int] = frozenset()
    refusals: frozenset[str] = frozenset()

    def interpret(self, answer: Answer, *, succeeded: bool) -> Answer:
        """Return what an answer means with this policy.

        If a request of this run has ``succeeded``, a redirect does not mean a wrong URL: the account may have
        taken this one request.
        """
        match answer:
            case Unclear(exception_type=str(exception_type)) if exception_type in self.refusals:
                return Refused(answer.reason, answer.http_status or 0)
            case WrongUrl(reason, http_status) if succeeded and http_status != HTTPStatus.NOT_FOUND:
                return Unclear("unclear-answer", reason, http_status)
            case _:
                return answer

    def repeats(self, answer: Answer) -> bool:
        """Return whether the user asked to repeat requests with this answer, which is unclear."""
        return self.retry_unknown or (
            isinstance(answer, Unclear) and answer.code == "server-error" and answer.http_status in self.retry_statuses
        )

    def next_step(
        self, operation: Operation, answer: Answer, *, attempt: int, succeeded: bool, jitter: float
    ) -> NextStep:
        """Return the next step after an answer that ``interpret`` returned.

        ``attempt`` counts the row's requests in this run from 1. ``succeeded``: a request of this run has succeeded, so
        the keys and the URL are right. ``jitter`` is uniform in [0, 1).
        """
        meaning = operation.meaning(answer)
        code, error = meaning.code or getattr(answer, "code", ""), reason_of(answer)
        if meaning.doubt is not None and meaning.doubt.code and not succeeded:
            return WaitForFirstSuccess(code=meaning.doubt.code, error=error)
        match meaning.result:
            case Result.SUCCESS:
                ids = answer.ids if isinstance(answer, Created) and operation.makes_ticket else None
                step: NextStep = Settled(status=Status.CREATED, ids=ids)
            case Result.FAILED:
                step = Settled(status=Status.FAILED, code=code, error=error)
            case Result.STOP:
                step = StopRun(code=code, error=error)
            case Result.REPEAT:
                step = Retry(delay_s=_delay_s(answer, attempt, jitter), code=code, error=error)
            case Result.UNKNOWN if attempt < _MAX_ATTEMPTS and (operation.repeatable or self.repeats(answer)):
                delay_s = backoff_s(attempt, jitter)
                step = Retry(delay_s=delay_s, code=code, error=error, may_have_changed=True)
            case Result.UNKNOWN:
                counts = meaning.counts_as_failure
                step = Settled(status=Status.UNKNOWN, code=code, error=error, counts_as_failure=counts)
            case _:
                assert_never(meaning.result)
        return step

    def warnings(self) -> tuple[str, ...]:
        """Return a warning about duplicates if unclear requests are repeated."""
        flags = ["--on-unknown retry"] if self.retry_unknown else []
        if self.retry_statuses:
            flags.append(f"--retry-status {','.join(map(str, sorted(self.retry_statuses)))}")
        if not flags:
            return ()
        return (f"{' and '.join(flags)}: rows that may already be tickets are sent again, and may become duplicates",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """The row is done.

    ``counts_as_failure``: it counts for ``--max-failures`` although it is unknown.
    """

    status: Status
    ids: TicketIds | None = None
    code: str = ""
    error: str = ""
    counts_as_failure: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """The row is sent again after ``delay_s``.

    ``may_have_changed``: this request may have changed the account.
    """

    delay_s: float
    code: str
    error: str
    may_have_changed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StopRun:
    """The run stops; the row stays pending."""

    code: str
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitForFirstSuccess:
    """The refusal may concern the whole account or only this row; the run's first success decides.

    Until then the row is pending. Afterwards it is failed, if the request certainly changed nothing.
    """

    code: str
    error: str


NextStep = Settled | Retry | StopRun | WaitForFirstSuccess


def reason_of(answer: Answer) -> str:
    """Return why an answer is no success."""
    return "429: the account's limit was used up" if isinstance(answer, Throttled) else getattr(answer, "reason", "")


def _delay_s(answer: Answer, attempt: int, jitter: float) -> float:
    """Return the wait before a request that changed nothing is sent again."""
    # A stale connection and a lack of files are not the server's fault: the row waits only for a connection or a file.
    # After a 429, all rows wait for the limit.
    if isinstance(answer, NotSent) and not (answer.stale or answer.out_of_resources):
        return backoff_s(attempt, jitter)
    return 0.0
