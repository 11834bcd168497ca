"""The faults that can be simulated, and the rules that select calls for them. Pure: no I/O."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Fault(enum.StrEnum):
    """One way in which a `POST /tickets` can fail. The value is its name in a fault plan."""

    BAD_REQUEST = "400"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    REDIRECT = "301"
    FOUND = "302"  # to a sign-in page
    TIMEOUT = "408"
    TOO_MANY = "429"
    SERVER_ERROR = "500"
    SERVER_ERROR_AFTER = "500-after"
    APPLICATION_ERROR = "500-mx"  # the vendor's application reports a missing mandatory field
    BAD_GATEWAY_HTML = "502-html"
    UNAVAILABLE = "503"
    NO_CONTENT = "204"
    REFUSED_200 = "refused-200"  # HTTP 200, Status Failure
    REFUSED_200_WITH_ID = "refused-200-with-id"  # the same, but the ticket was created, and the answer names it
    CUT_JSON = "cut-json"  # half of the announced body, then the connection is closed
    SUCCESS_WITHOUT_ID = "success-without-id"
    NOT_JSON = "not-json"
    HUGE_ANSWER = "huge-answer"  # a success answer of 2 MB
    SLOW = "slow"  # a success answer, `delay_s` after the ticket was created
    HANG_BEFORE = "hang-before"
    HANG_AFTER = "hang-after"
    RESET_BEFORE = "reset-before"  # after the whole body was read; no ticket is created
    RESET_AFTER = "reset-after"
    EARLY_401 = "early-401"  # answered after the headers, then the connection is closed
    EARLY_413 = "early-413"
    EARLY_429 = "early-429"
    CLOSE_MID_BODY = "close-mid-body"  # closed before the last byte of the body was read
    CLOSED_BEFORE = "closed-before"  # closed without an answer after the whole body was read; no ticket is created
    CLOSED_AFTER = "closed-after"  # the same, but the ticket is created
    CLOSED_AFTER_ANSWER = "closed-after-answer"  # a success answer that announces keep-alive, then closed at once
    ANSWERED_TWICE = "answered-twice"  # a success answer, and the same bytes again `delay_s` later (default: at once)
    CACHED_ANSWER = "cached-answer"  # no ticket is created; the answer is that of the account's first ticket
    REPEATED_NUMBER = "repeated-number"  # the ticket is created, but the answer names the account's first ticket
    REUSED_CLOSED_BEFORE = "reused-closed-before"  # a keep-alive connection is closed when the next request arrives
    REUSED_MADE_THEN_CLOSED = "reused-made-then-closed"  # the same for the client, but the ticket is created

    @property
    def makes_ticket(self) -> bool:
        """Whether a valid ticket is created, independent of the answer."""
        return self in _MAKE_TICKET

    @property
    def comes_early(self) -> bool:
        """Whether the fault occurs before the body is read, so that a rule can't match the ticket's fields."""
        return self in _COME_EARLY

    @property
    def needs_reuse(self) -> bool:
        """Whether the fault occurs only on a connection that has served a request before."""
        return self in (Fault.REUSED_CLOSED_BEFORE, Fault.REUSED_MADE_THEN_CLOSED)

    @property
    def names_first_ticket(self) -> bool:
        """Whether the answer names the account's first ticket, so that the fault needs an existing ticket."""
        return self in (Fault.CACHED_ANSWER, Fault.REPEATED_NUMBER)

    @property
    def takes_delay(self) -> bool:
        """Whether ``delay_s`` applies."""
        return self in (Fault.SLOW, Fault.ANSWERED_TWICE)

    @property
    def takes_retry_after(self) -> bool:
        """Whether the answer can have a ``Retry-After``."""
        return self in (Fault.TOO_MANY, Fault.EARLY_429, Fault.UNAVAILABLE)


_MAKE_TICKET = frozenset(
    {
        Fault.SERVER_ERROR_AFTER,
        Fault.REFUSED_200_WITH_ID,
        Fault.CUT_JSON,
        Fault.SUCCESS_WITHOUT_ID,
        Fault.HUGE_ANSWER,
        Fault.SLOW,
        Fault.HANG_AFTER,
        Fault.RESET_AFTER,
        Fault.CLOSED_AFTER,
        Fault.CLOSED_AFTER_ANSWER,
        Fault.ANSWERED_TWICE,
        Fault.REPEATED_NUMBER,
        Fault.REUSED_MADE_THEN_CLOSED,
    }
)
_COME_EARLY = frozenset(
    {Fault.EARLY_401, Fault.EARLY_413, Fault.EARLY_429, Fault.CLOSE_MID_BODY, Fault.REUSED_CLOSED_BEFORE}
)


@dataclass(frozen=True, kw_only=True)
class FaultRule:
    """One rule: a fault, exactly one selection of calls, and the fault's settings.

    ``calls``: ranges of call numbers, both ends included; the first `POST /tickets` is 1. ``match``: SchemaNames and
    values that a ticket must have, all of them. ``times``: how often the rule applies at most. ``delay_s``: by default
    5 s for ``slow`` and 0 s for ``answered-twice``.
    """

    fault: Fault
    calls: tuple[tuple[int, int], ...] = ()
    every: int | None = None
    probability: float | None = None
    match: tuple[tuple[str, str], ...] = ()
    times: int | None = None
    retry_after_s: int | None = None
    delay_s: float = 5.0

    def selects_call(self, ordinal: int, random_number: float) -> bool:
        """Return whether the rule selects a call by its number, or by its random number ``random_number`` in [0, 1)."""
        if self.every is not None:
            return ordinal % self.every == 0
        if self.probability is not None:
            return random_number < self.probability
        return any(first <= ordinal <= last for first, last in self.calls)

    def selects_ticket(self, fields: Mapping[str, str]) -> bool:
        """Return whether the rule selects a ticket by its fields."""
        return bool(self.match) and all(fields.get(name) == value for name, value in self.match)
