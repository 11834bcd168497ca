"""Read what an answer of the API means. Pure: no I/O.

Source: the API page *Create Ticket with Attachments*. An answer that is not documented there is never read as "no
ticket was created": it is ``Unclear``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus
from typing import Any

from importer.leadsquared.json_members import parse_json
from importer.models import TicketIds

ANSWER_LIMIT_BYTES = 1_000_000
CHANGED_WHILE_SENT = "attachment-changed-while-sent"  # code of an Unclear that says nothing about the server
REASON_LIMIT_CHARS = 500
_RETRY_AFTER_LIMIT_S = 999_999.0
_EXCERPT_CHARS = 40

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")  # valid in JSON, but not in files and databases
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")  # fits into 64 bits
_TICKET_ID = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z_-]{0,62}[0-9A-Za-z])?")
_TICKET_KEY = re.compile(r"#?[0-9A-Za-z](?:[0-9A-Za-z._-]{0,62}[0-9A-Za-z])?")
_NO_GUID = "00000000-0000-0000-0000-000000000000"  # some servers write this instead of null
_APPLICATION_ERROR = "MX"
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Created:
    """The ticket was created. ``note`` describes IDs that are left out because of their form."""

    ids: TicketIds
    note: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The API refused the ticket: certainly no ticket."""

    reason: str
    http_status: int


@dataclass(frozen=True, slots=True)
class KeysRefused:
    """401 or 403: wrong keys, API not enabled, IP whitelist; or a firewall that blocks one request's text."""

    reason: str
    http_status: int


@dataclass(frozen=True, slots=True)
class WrongUrl:
    """404 or a redirect: a wrong address, or something that refuses this one request."""

    reason: str
    http_status: int


@dataclass(frozen=True, slots=True)
class Throttled:
    """429: the account's limit was used up, certainly no ticket.

    ``retry_after_s`` if the answer has one.
    """

    retry_after_s: float | None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Sent, and there may be a ticket. ``code`` is a key of the error catalogue.

    ``exception_type`` is set if the account's application answered, for example ``MXDuplicateEntryException``;
    ``web_page`` if a web page came instead of the API's JSON.
    """

    code: str
    reason: str
    http_status: int | None = None
    exception_type: str = ""
    web_page: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """Not one byte was sent.

    ``stale``: the server closed a connection that had waited long for its slot. ``out_of_resources``: this process
    can't open more files, or has no memory. Neither says anything about the server. ``settings_fault``: the setting
    that probably causes the error, such as a host name that does not resolve.
    """

    reason: str
    stale: bool = False
    out_of_resources: bool = False
    settings_fault: str = ""


@dataclass(frozen=True, slots=True)
class NotSendable:
    """An attachment changed after it was checked; nothing was sent."""

    code: str
    reason: str


Answer = Created | Refused | KeysRefused | WrongUrl | Throttled | Unclear | NotSent | NotSendable
# Reads status, headers and body, at a time in seconds since 1970.
AnswerReader = Callable[[int, Mapping[str, str], bytes | None, float], Answer]


def read_answer(  # noqa: PLR0911 - one for each class of answers
    http_status: int, headers: Mapping[str, str], body: bytes | None, now_s: float | None = None
) -> Answer:
    """Return what an answer means. ``body`` is ``None`` if it was longer than ``ANSWER_LIMIT_BYTES``.

    ``now_s`` is the time in seconds since 1970. A date in ``Retry-After`` counts from it if the answer has no ``Date``.
    The table is in ``importer/submission/README.md``, "Answers".
    """
    if http_status == HTTPStatus.OK:
        return _read_success(headers, body)
    reason = _reason(http_status, body)
    if http_status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(_retry_after_s(headers, now_s))
    if http_status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return KeysRefused(reason, http_status)
    if http_status == HTTPStatus.NOT_FOUND or 300 <= http_status < 400:  # noqa: PLR2004 - the class of redirects
        return WrongUrl(reason, http_status)
    if 400 <= http_status < 500 and http_status != HTTPStatus.REQUEST_TIMEOUT:  # noqa: PLR2004 - client errors
        return Refused(reason, http_status)
    if http_status < 300:  # noqa: PLR2004 - the class of successes
        return Unclear("unclear-answer", reason, http_status, web_page=_is_web_page(headers, body))
    if http_status >= 500 and (exception_type := _exception_type(body)):  # noqa: PLR2004 - server errors
        return Unclear("application-error", reason, http_status, exception_type=exception_type)
    return Unclear("server-error", reason, http_status)


def valid_ids(number: str, ticket_id: str, key: str) -> TicketIds:
    """Return the IDs without a ticket ID or key of an unexpected form, as both are shown in files and on screens.

    The number is enough to identify a ticket.
    """
    return TicketIds(
        number=number,
        ticket_id=ticket_id if _TICKET_ID.fullmatch(ticket_id) and ticket_id != _NO_GUID else "",
        key=key if _TICKET_KEY.fullmatch(key) else "",
    )


def is_ticket_number(text: str) -> bool:
    """Return whether a text is a ticket number: a whole number from 1, of at most 18 digits."""
    return _NUMBER.fullmatch(text) is not None


def is_accepted(answer: object) -> bool:
    """Return whether an answer shows that the account's limit accepted the call."""
    return not isinstance(answer, Throttled) and not (
        isinstance(answer, NotSent) and (answer.stale or answer.out_of_resources)
    )


def reason_text(text: str) -> str:
    """Return a server's text as a reason: one line, no control characters, at most ``REASON_LIMIT_CHARS``."""
    line = _CONTROL_CHARACTERS.sub(" ", text).strip()
    return line if len(line) <= REASON_LIMIT_CHARS else line[: REASON_LIMIT_CHARS - 1] + "…"


def _read_success(headers: Mapping[str, str], body: bytes | None) -> Answer:
    answer = _json_object(body)
    if answer is None:
        page = _is_web_page(headers, body)
        what = "a web page instead of JSON" if page else "a body that is not the documented JSON"
        return Unclear("unclear-answer", f"200 with {what}", HTTPStatus.OK, web_page=page)
    number = _unchanged_text(answer.get("Id"))
    status = answer.get("Status")
    if status == "Success":
        if not is_ticket_number(number):
            what = f"with an Id that is no ticket number: {_excerpt(number)}" if number else "without an Id"
            return Unclear("unclear-answer", f"200 with Status Success, but {what}", HTTPStatus.OK)
        return _created(number, answer)
    names = ("ReasonForFailure", "Message", "ExceptionMessage", "ExceptionType")
    reason = next((text for name in names if (text := _text(answer.get(name)))), "no reason given")
    if number:
        reason = f"200 with Status {_excerpt(status)}, but with Id {_excerpt(number)}: {reason}"
        return Unclear("unclear-answer", reason_text(reason), HTTPStatus.OK)
    if "Status" not in answer:
        return Unclear("unclear-answer", "200 with JSON that has no Status", HTTPStatus.OK)
    return Refused(reason_text(reason), HTTPStatus.OK)


def _created(number: str, answer: Mapping[str, Any]) -> Created:
    given = {"TicketId": _text(answer.get("TicketId")), "Key": _text(answer.get("Key"))}
    ids = valid_ids(number, given["TicketId"], given["Key"])
    kept = {"TicketId": ids.ticket_id, "Key": ids.key}
    odd = [f"{name} {_excerpt(text)}" for name, text in given.items() if text not in ("", _NO_GUID) and not kept[name]]
    note = f"ticket {number}: {' and '.join(odd)} of the answer left out because of an unexpected form" if odd else ""
    return Created(ids, note)


def _is_web_page(headers: Mapping[str, str], body: bytes | None) -> bool:
    """Return whether an answer is a web page, such as a login page or a maintenance notice."""
    if body is None:
        return "html" in headers.get("Content-Type", "").lower()
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def _exception_type(body: bytes | None) -> str:
    """Return the type of an application error; empty if it is none, or has a ticket's Id."""
    answer = _json_object(body) or {}
    exception_type = answer.get("ExceptionType")
    if answer.get("Status") != "Error" or not isinstance(exception_type, str) or _unchanged_text(answer.get("Id")):
        return ""
    exception_type = reason_text(_UNSTORABLE.sub("\ufffd", exception_type))
    return exception_type if exception_type.startswith(_APPLICATION_ERROR) else ""


def _excerpt(value: object) -> str:
    """Return the beginning of a server's value in quotes, with escapes."""
    text = value if isinstance(value, str) else str(value)
    return ascii(text[:_EXCERPT_CHARS]) + (f"… ({len(text):,} characters)" if len(text) > _EXCERPT_CHARS else "")


def _json_object(body: bytes | None) -> dict[str, Any] | None:
    answer = parse_json(body)
    return answer if isinstance(answer, dict) else None


def _text(value: object) -> str:
    """Return an ID or a reason (a text or an integer) without outer blanks; empty for other values."""
    return _UNSTORABLE.sub("\ufffd", _unchanged_text(value)).strip()


def _unchanged_text(value: object) -> str:
    """Return a text or an integer unchanged, as text; empty for other values."""
    match value:
        case str():
            return value
        case int() if not isinstance(value, bool):
            return str(value)
        case _:
            return ""


def _reason(http_status: int, body: bytes | None) -> str:
    answer = _json_object(body) or {}
    names = ("ReasonForFailure", "Message", "ExceptionMessage", "message", "error")
    detail = next((text for name in names if (text := _text(answer.get(name)))), "")
    if exception_type := _text(answer.get("ExceptionType")):
        detail = f"{exception_type}: {detail}" if detail else exception_type
    if not detail and body and not body.lstrip().startswith(b"<"):
        detail = body[: REASON_LIMIT_CHARS * 4].decode("utf-8", "replace")
    try:
        phrase = HTTPStatus(http_status).phrase
    except ValueError:
        phrase = "no standard status"
    return reason_text(f"{http_status} {phrase}" + (f": {detail}" if detail else ""))


def _retry_after_s(headers: Mapping[str, str], now_s: float | None) -> float | None:
    """Read ``Retry-After``: seconds, or a date, relative to the answer's ``Date``.

    A date in the past is 0.
    """
    value = headers.get("Retry-After", "")
    if re.fullmatch(r"\s*\d{1,6}(\.\d+)?\s*", value):
        return float(value)
    until_s, since_s = _http_date_s(value), _http_date_s(headers.get("Date", ""))
    if until_s is None or (since_s := now_s if since_s is None else since_s) is None:
        return None
    return min(max(until_s - since_s, 0.0), _RETRY_AFTER_LIMIT_S)


def _http_date_s(text: str) -> float | None:
    """Read an HTTP date, in any of its three forms, as seconds since 1970; ``None`` if it is none."""
    date = parsedate_tz(text)
    try:
        return None if date is None else float(mktime_tz(date))
    except (ValueError, OverflowError):
        return None
