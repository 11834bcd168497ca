"""Asks the account what changes nothing: each call takes a slot, and one without an answer that tells is made again."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from importer.errors import StoppedEarly
from importer.leadsquared.connection_errors import no_connection
from importer.leadsquared.connections import RequestGate
from importer.leadsquared.wire import NotSent, Throttled, Unclear, is_accepted
from importer.rate_limit.backoff import backoff_s
from importer.rate_limit.exhausted import ExhaustedLimit
from importer.rate_limit.limiter import RateLimiter, Slot

log = logging.getLogger("importer")

_Told = TypeVar("_Told")


class AccountReads:
    """The questions of one command. ``calls`` were made so far, ``throttled`` of them answered 429.

    ``on_call`` is told after every call how many there were. ``chance`` is that of the waits, uniform in [0, 1).
    """

    def __init__(
        self,
        quota: RateLimiter,
        give_up_after_s: float,
        *,
        on_call: Callable[[int], None] = lambda _: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._quota = quota
        self._give_up_after_s = give_up_after_s
        self._on_call = on_call
        self._chance = chance
        self._exhausted = ExhaustedLimit(give_up_after_s)
        self.proven = False  # the account has answered; until then, one question goes at a time
        self.calls = 0
        self.throttled = 0

    async def told(
        self, call: Callable[[RequestGate], Awaitable[_Told | Throttled | NotSent | Unclear]], silence: str
    ) -> _Told:
        """Make a call, which gets a gate of its own each time, until its answer tells.

        Raises StoppedEarly for an error of the account's application, and when no answer has come for
        ``give_up_after_s``, or would not. ``silence`` says what the server "has not" done then.
        """
        silent_since, tries = math.inf, 0
        while True:
            slot, answer = await self._made(call)
            now = asyncio.get_running_loop().time()
            if isinstance(answer, Throttled):
                self._hold_back(answer, slot, now)
            elif isinstance(answer, NotSent) and not self.calls and answer.settings_fault:
                raise no_connection(f"{answer.settings_fault}: {answer.reason}")
            elif isinstance(answer, Unclear) and answer.exception_type:
                raise StoppedEarly(
                    f"the server has not {silence}; the account's application answered with an error: {answer.reason}",
                    hint="ask the account's vendor what this error means; the same call would get it again",
                )
            elif isinstance(answer, NotSent | Unclear):
                tries += 1
                if tries == 1:
                    log.warning("the server has not %s yet, and is asked again: %s", silence, answer.reason)
                silent_since = min(silent_since, now)
                wait_s = backoff_s(tries, self._chance())
                if now + wait_s - silent_since >= self._give_up_after_s:
                    raise StoppedEarly(
                        f"the server has not {silence} for {self._give_up_after_s:g} s: {answer.reason}",
                        hint="when the server is back, run the same command again",
                    )
                await asyncio.sleep(wait_s)
            else:
                return answer

    async def _made(
        self, call: Callable[[RequestGate], Awaitable[_Told | Throttled | NotSent | Unclear]]
    ) -> tuple[Slot, _Told | Throttled | NotSent | Unclear]:
        if (too_long := self._exhausted.blocked(self._quota.held_back_s)) is not None:
            raise too_long
        slot = await self._quota.reserve()
        try:
            answer = await call(_Gate(slot, alone=not self.proven))
        finally:
            slot.release()
        self.calls += slot.used_at is not None
        self._exhausted.note(accepted=is_accepted(answer))
        if isinstance(answer, Throttled):
            self.throttled += 1
        elif not isinstance(answer, NotSent | Unclear):
            self.proven = True
        self._on_call(self.calls)
        return slot, answer

    def _hold_back(self, answer: Throttled, slot: Slot, now: float) -> None:
        """Let the whole quota wait; a limit that stays used up ends it, as silence does."""
        wait_s = self._quota.rate.period_s if answer.retry_after_s is None else answer.retry_after_s
        too_long = self._exhausted.refused(wait_s, now)
        self._quota.throttled(min(wait_s, self._give_up_after_s), slot)
        if too_long is not None:
            raise too_long


@dataclass(frozen=True, slots=True)
class _Gate:
    """Where a question with its connection ready waits for its slot; see ``client.Gate``."""

    slot: Slot
    alone: bool

    async def passed(self) -> None:
        await self.slot.ready()

    def leaving(self) -> None:
        self.slot.used(alone=self.alone)
