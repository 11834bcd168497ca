"""The account's answers. Pure: no I/O.

The success answer is documented. Of failures, only ``Status`` and ``ReasonForFailure`` are documented; here they have
the same members as a success, with nulls.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from importer.models import Rate
from importer.sandbox.faults import Fault, FaultRule
from importer.sandbox.state_records import TicketRecord

_HUGE_BYTES = 2 * 1024 * 1024
_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
_APPLICATION_ERROR = {  # as on the vendor's page about errors
    "Status": "Error",
    "ExceptionType": "MXMandatoryAttributeMissingException",
    "ExceptionMessage": "'City' is mandatory for creating ticket",
}
_LOGIN_PAGE = b"<!DOCTYPE html><html><body>Please sign in to the network.</body></html>\n"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer, and what happens to its connection.

    ``close``: the connection is closed after it. ``cut``: closed after half of the announced body. ``unannounced``:
    closed, although the answer announces keep-alive. ``again_after_s``: the same bytes are sent a second time after so
    many seconds.
    """

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    close: bool = False
    cut: bool = False
    unannounced: bool = False
    again_after_s: float | None = None


def as_json(data: object) -> Answer:
    """Return a 200 with this document."""
    return Answer(status=200, body=_dump(data))


def success(ticket: TicketRecord, message: str | None = "Ticket created successfully.") -> Answer:
    """Return the documented answer to a ticket that was created or updated."""
    return as_json(_document(status="Success", ticket=ticket, message=message))


def failure(status: int, reason: str, *, ticket: TicketRecord | None = None) -> Answer:
    """Return a refusal with this HTTP status; the documentation shows refusals with status 200, too."""
    return Answer(status=status, body=_dump(_document(status="Failure", ticket=ticket, reason=reason)), reason=reason)


def too_many(rate: Rate) -> Answer:
    """Return the 429, with the documented sentence."""
    return failure(429, f"API calls exceeded the limit of {rate.calls} in {rate.period_s:g} second(s)")


def of_fault(rule: FaultRule, ticket: TicketRecord | None, rate: Rate) -> Answer:
    """Return the answer of a fault. ``ticket``: the ticket that the answer names, for the faults that name one.

    Not for faults without an answer (hangs, resets, closed connections).
    """
    answer = _of_fault(rule.fault, rate) if ticket is None else _after_ticket(rule, ticket)
    if rule.retry_after_s is not None:
        answer = replace(answer, headers=(("Retry-After", str(rule.retry_after_s)),))
    return answer


def _after_ticket(rule: FaultRule, ticket: TicketRecord) -> Answer:
    match rule.fault:
        case Fault.SERVER_ERROR_AFTER:
            return failure(500, "internal server error")
        case Fault.REFUSED_200_WITH_ID:
            return failure(200, "an attachment could not be stored", ticket=ticket)
        case Fault.SUCCESS_WITHOUT_ID:
            return as_json(_document(status="Success", message="Ticket created successfully."))
        case Fault.HUGE_ANSWER:
            return success(ticket, message="x" * _HUGE_BYTES)
        case fault:
            return replace(
                success(ticket),
                cut=fault is Fault.CUT_JSON,
                unannounced=fault is Fault.CLOSED_AFTER_ANSWER,
                again_after_s=rule.delay_s if fault is Fault.ANSWERED_TWICE else None,
            )


def _of_fault(fault: Fault, rate: Rate) -> Answer:
    match fault:
        case Fault.TOO_MANY:
            return too_many(rate)
        case Fault.EARLY_429:
            return replace(too_many(rate), close=True)
        case _:
            return _WITHOUT_TICKET[fault]


def unauthorized() -> Answer:
    """Return the 401 for wrong keys."""
    return failure(401, "Invalid Access Key or Secret Key")


def too_large() -> Answer:
    """Return a gateway's 413, which the API does not document. The rest of the body is not read."""
    return replace(failure(413, "the request is too large"), close=True)


def _document(
    *, status: str, ticket: TicketRecord | None = None, message: str | None = None, reason: str | None = None
) -> dict[str, object]:
    return {
        "Status": status,
        "ReasonForFailure": reason,
        "Id": ticket and ticket.number,
        "Message": message,
        "Key": ticket and ticket.key,
        "TicketId": ticket and ticket.ticket_id,
    }


def _dump(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode("utf-8")


_WITHOUT_TICKET = {
    Fault.BAD_REQUEST: failure(400, "the request is not as specified"),
    Fault.UNAUTHORIZED: unauthorized(),
    Fault.FORBIDDEN: failure(403, "the caller's address is not on the IP whitelist"),
    Fault.NOT_FOUND: failure(404, "there is nothing at this URL"),
    Fault.REDIRECT: Answer(status=301, headers=(("Location", "/moved"),)),
    Fault.FOUND: Answer(status=302, headers=(("Location", "/sign-in"),)),
    Fault.TIMEOUT: failure(408, "the request took too long"),
    Fault.SERVER_ERROR: failure(500, "internal server error"),
    Fault.APPLICATION_ERROR: Answer(status=500, body=_dump(_APPLICATION_ERROR)),
    Fault.BAD_GATEWAY_HTML: Answer(status=502, body=_BAD_GATEWAY, content_type="text/html"),
    Fault.UNAVAILABLE: failure(503, "the service is unavailable"),
    Fault.NO_CONTENT: Answer(status=204),
    Fault.REFUSED_200: failure(200, "the ticket could not be made"),
    Fault.NOT_JSON: Answer(status=200, body=_LOGIN_PAGE, content_type="text/html"),
    Fault.EARLY_401: replace(unauthorized(), close=True),
    Fault.EARLY_413: too_large(),
}
