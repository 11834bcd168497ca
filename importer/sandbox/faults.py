"""What can go wrong between a client and the account, what each fault leaves behind, and whom a rule strikes. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Fault(enum.StrEnum):
    """A way in which one `POST /tickets` goes wrong. The value is its name in a fault plan."""

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
    APPLICATION_ERROR = "500-mx"  # of the vendor's application: a mandatory field is missing
    BAD_GATEWAY_HTML = "502-html"
    UNAVAILABLE = "503"
    NO_CONTENT = "204"
    REFUSED_200 = "refused-200"  # HTTP 200, Status Failure
    REFUSED_200_WITH_ID = "refused-200-with-id"  # the same, but it names the ticket that was made all the same
    CUT_JSON = "cut-json"  # the announced length, half of the body, then the end of the connection
    SUCCESS_WITHOUT_ID = "success-without-id"
    NOT_JSON = "not-json"
    HUGE_ANSWER = "huge-answer"  # a good answer of 2 MB
    SLOW = "slow"  # a good answer, `delay_s` after the ticket was made
    HANG_BEFORE = "hang-before"
    HANG_AFTER = "hang-after"
    RESET_BEFORE = "reset-before"  # after the whole body was read
    RESET_AFTER = "reset-after"
    EARLY_401 = "early-401"  # answered after the headers, and the connection closed at once
    EARLY_413 = "early-413"
    EARLY_429 = "early-429"
    CLOSE_MID_BODY = "close-mid-body"  # closed before the last byte of the body was read
    CLOSED_BEFORE = "closed-before"  # closed without an answer after the whole body was read; no ticket was made
    CLOSED_AFTER = "closed-after"  # the same, but the ticket was made
    CLOSED_AFTER_ANSWER = "closed-after-answer"  # a good answer that announces keep-alive, then closed at once
    ANSWERED_TWICE = "answered-twice"  # a good answer, and the same bytes again, `delay_s` later (default: at once)
    CACHED_ANSWER = "cached-answer"  # no ticket is made; the answer is the one of the account's first ticket
    REPEATED_NUMBER = "repeated-number"  # the ticket is made, but the answer names the account's first ticket
    REUSED_CLOSED_BEFORE = "reused-closed-before"  # a keep-alive connection closed as the next request comes
    REUSED_MADE_THEN_CLOSED = "reused-made-then-closed"  # the same to the client, but the ticket was made

    @property
    def makes_ticket(self) -> bool:
        """Whether the ticket is made (if the request was good), whatever the client is told."""
        return self in _MAKE_TICKET

    @property
    def comes_early(self) -> bool:
        """Whether it strikes before the body is read, so that no field of the ticket can decide it."""
        return self in _COME_EARLY

    @property
    def needs_reuse(self) -> bool:
        """Whether it strikes only on a connection that has served a request before."""
        return self in (Fault.REUSED_CLOSED_BEFORE, Fault.REUSED_MADE_THEN_CLOSED)

    @property
    def names_first_ticket(self) -> bool:
        """Whether its answer names the account's first ticket, so that it can't strike before there is one."""
        return self in (Fault.CACHED_ANSWER, Fault.REPEATED_NUMBER)

    @property
    def takes_delay(self) -> bool:
        """Whether it waits for ``delay_s`` before it goes on."""
        return self in (Fault.SLOW, Fault.ANSWERED_TWICE)

    @property
    def takes_retry_after(self) -> bool:
        """Whether its answer can carry a ``Retry-After``."""
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
    """One rule: a fault, exactly one choice of calls, and what the fault needs to know.

    ``calls`` are ranges of ordinals, both ends included; the first `POST /tickets` that arrives is 1. ``match`` maps
    SchemaNames to the values that a ticket must have, all of them. ``times`` is how often the rule strikes at most.
    ``delay_s`` is 5 s for ``slow`` and 0 s for ``answered-twice`` unless the plan says otherwise.
    """

    fault: Fault
    calls: tuple[tuple[int, int], ...] = ()
    every: int | None = None
    probability: float | None = None
    match: tuple[tuple[str, str], ...] = ()
    times: int | None = None
    retry_after_s: int | None = None
    delay_s: float = 5.0

    def chooses_call(self, ordinal: int, lot: float) -> bool:
        """Whether the call's number, or its ``lot`` in [0, 1), falls to this rule."""
        if self.every is not None:
            return ordinal % self.every == 0
        if self.probability is not None:
            return lot < self.probability
        return any(first <= ordinal <= last for first, last in self.calls)

    def chooses_ticket(self, fields: Mapping[str, str]) -> bool:
        """Whether the ticket's fields fall to this rule."""
        return bool(self.match) and all(fields.get(name) == value for name, value in self.match)
