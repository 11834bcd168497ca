"""Decide what follows from an answer: the row is done, is sent again, or the run stops. Pure.

The table is in README.md of this folder, "Answers". A request that may have created a ticket is never repeated
unless the user asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import assert_never

from importer.leadsquared.answers import (
    Answer,
    Created,
    KeysRefused,
    NotSendable,
    NotSent,
    Refused,
    Throttled,
    Unclear,
    WrongUrl,
)
from importer.models import Status, TicketIds
from importer.rate_limit.backoff import backoff_s

_MAX_ATTEMPTS = 5  # of requests that are repeated only because of --on-unknown or --retry-status


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

        If this run has ``succeeded`` in creating a ticket, a redirect does not mean a wrong URL: the account may have
        taken this one request.
        """
        match answer:
            case Unclear(exception_type=str(exception_type)) if exception_type in self.refusals:
                return Refused(answer.reason, answer.http_status or 0)
            case WrongUrl(reason, http_status) if succeeded and http_status != HTTPStatus.NOT_FOUND:
                return Unclear("unclear-answer", reason, http_status)
            case _:
                return answer

    def repeats(self, answer: Unclear) -> bool:
        """Return whether the user asked to repeat requests with this answer."""
        return self.retry_unknown or (answer.code == "server-error" and answer.http_status in self.retry_statuses)

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

    ``may_have_created``: this request may have created a ticket.
    """

    delay_s: float
    code: str
    error: str
    may_have_created: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StopRun:
    """The run stops; the row stays pending."""

    code: str
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitForFirstTicket:
    """The refusal may concern the whole account or only this row; the run's first ticket decides.

    Until then the row is pending. Afterwards it is failed, if certainly no ticket was created.
    """

    code: str
    error: str


NextStep = Settled | Retry | StopRun | WaitForFirstTicket


def next_step(  # noqa: C901, PLR0911 - one case for each answer; split up, the table could not be read
    answer: Answer, *, attempt: int, succeeded: bool, policy: RetryPolicy, jitter: float
) -> NextStep:
    """Return the next step after an answer that ``RetryPolicy.interpret`` returned.

    ``attempt`` counts the row's requests in this run from 1. ``succeeded``: this run has created a ticket, so the keys
    and the URL are right. ``jitter`` is uniform in [0, 1).
    """
    match answer:
        case Created(ids):
            return Settled(status=Status.CREATED, ids=ids)
        case Refused(reason):
            return Settled(status=Status.FAILED, code="refused", error=reason)
        case KeysRefused(reason, HTTPStatus.UNAUTHORIZED):
            return StopRun(code="keys-refused", error=reason)
        case KeysRefused(reason) | WrongUrl(reason):
            if succeeded:
                return Settled(status=Status.FAILED, code="refused", error=reason)
            return WaitForFirstTicket(
                code="keys-refused" if isinstance(answer, KeysRefused) else "wrong-url", error=reason
            )
        case Throttled():
            return Retry(delay_s=0.0, code="limit-exceeded", error="429: the account's limit was used up")
        case NotSent(reason, stale, out_of_resources):
            # Not the server's fault: the row is sent again at once, or as soon as fewer rows are in flight.
            delay_s = 0.0 if stale or out_of_resources else backoff_s(attempt, jitter)
            return Retry(delay_s=delay_s, code="not-connected", error=reason)
        case NotSendable(code, reason):
            return Settled(status=Status.FAILED, code=code, error=reason)
        case Unclear(code, reason):
            if policy.repeats(answer) and attempt < _MAX_ATTEMPTS:
                return Retry(delay_s=backoff_s(attempt, jitter), code=code, error=reason, may_have_created=True)
            return Settled(
                status=Status.UNKNOWN, code=code, error=reason, counts_as_failure=_is_probable_refusal(answer)
            )
        case _:
            assert_never(answer)


def _is_probable_refusal(answer: Unclear) -> bool:
    """Return whether something answered and probably did not create the ticket."""
    redirect = answer.http_status is not None and 300 <= answer.http_status < 400  # noqa: PLR2004 - redirects
    return bool(answer.exception_type) or answer.web_page or redirect
