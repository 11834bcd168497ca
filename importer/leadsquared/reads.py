"""Read from the account.

Each call takes a slot; a call without a usable answer is repeated.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from importer.errors import StoppedEarly
from importer.leadsquared.answers import NotSent, Throttled, Unclear, is_accepted
from importer.leadsquared.connection_errors import connection_error
from importer.leadsquared.connections import RequestGate
from importer.rate_limit.backoff import backoff_s
from importer.rate_limit.exhausted import ExhaustedLimit
from importer.rate_limit.limiter import RateLimiter, Slot
from importer.runtime.display_text import duration
from importer.runtime.events import CallEnded, Emit, Warned

_Result = TypeVar("_Result")


class AccountReads:
    """The read calls of one command.

    ``calls`` counts the calls that were sent, ``throttled`` those that were answered 429. ``jitter`` is uniform in
    [0, 1).
    """

    def __init__(
        self,
        limiter: RateLimiter,
        give_up_after_s: float,
        emit: Emit,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._limiter = limiter
        self._give_up_after_s = give_up_after_s
        self._emit = emit
        self._jitter = jitter
        self._exhausted = ExhaustedLimit(give_up_after_s)
        self.account_answered = False  # until then, calls go one at a time
        self.calls = 0
        self.throttled = 0

    async def call(
        self, call: Callable[[RequestGate], Awaitable[_Result | Throttled | NotSent | Unclear]], subject: str
    ) -> _Result:
        """Call until there is a usable answer, and return it. Each call gets a new gate.

        ``subject`` names what is read, for messages. Raises StoppedEarly if the account's application answers with an
        error, or if no usable answer comes within ``give_up_after_s``.
        """
        unanswered_since, tries = math.inf, 0
        while True:
            slot, answer = await self._call_once(call)
            now = asyncio.get_running_loop().time()
            if isinstance(answer, Throttled):
                self._pause(answer, slot, now)
            elif isinstance(answer, NotSent) and not self.calls and answer.settings_fault:
                raise connection_error(f"{answer.settings_fault}: {answer.reason}")
            elif isinstance(answer, Unclear) and answer.exception_type:
                raise StoppedEarly(
                    f"the account's application answered the request for {subject} with an error: {answer.reason}",
                    hint="ask LeadSquared's support what this error means; a repeated call would get it again",
                )
            elif isinstance(answer, NotSent | Unclear):
                tries += 1
                if tries == 1:
                    self._emit(Warned(f"no usable answer to the request for {subject}, trying again: {answer.reason}"))
                unanswered_since = min(unanswered_since, now)
                wait_s = backoff_s(tries, self._jitter())
                if now + wait_s - unanswered_since >= self._give_up_after_s:
                    raise StoppedEarly(
                        f"no usable answer to the request for {subject} for {duration(self._give_up_after_s)}: "
                        f"{answer.reason}",
                        hint="when the server is back, run the same command again",
                    )
                await asyncio.sleep(wait_s)
            else:
                return answer

    async def _call_once(
        self, call: Callable[[RequestGate], Awaitable[_Result | Throttled | NotSent | Unclear]]
    ) -> tuple[Slot, _Result | Throttled | NotSent | Unclear]:
        if (too_long := self._exhausted.blocked(self._limiter.pause_left_s)) is not None:
            raise too_long
        slot = await self._limiter.reserve()
        try:
            answer = await call(_ReadGate(slot, alone=not self.account_answered))
        finally:
            slot.release()
        self.calls += slot.used_at is not None
        self._exhausted.note(accepted=is_accepted(answer))
        if isinstance(answer, Throttled):
            self.throttled += 1
        elif not isinstance(answer, NotSent | Unclear):
            self.account_answered = True
        if slot.used_at is not None:
            is_usable = not isinstance(answer, Throttled | NotSent | Unclear)
            self._emit(CallEnded("read" if is_usable else type(answer).__name__.lower()))
        return slot, answer

    def _pause(self, answer: Throttled, slot: Slot, now: float) -> None:
        """Pause all calls after a 429.

        Raises StoppedEarly if the limit stays used up for too long.
        """
        wait_s = self._limiter.rate.period_s if answer.retry_after_s is None else answer.retry_after_s
        too_long = self._exhausted.refused(wait_s, now)
        self._limiter.pause(min(wait_s, self._give_up_after_s), slot)
        if too_long is not None:
            raise too_long


@dataclass(frozen=True, slots=True)
class _ReadGate:
    """Gate of one read call: waits for its slot. See ``RequestGate``."""

    slot: Slot
    alone: bool

    async def wait_until_allowed(self) -> None:
        await self.slot.wait_until_ready()

    @property
    def is_lost(self) -> bool:
        return self.slot.is_lost

    def on_first_byte(self) -> None:
        self.slot.mark_used(alone=self.alone)
