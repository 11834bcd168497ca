"""Asks the account for tickets by their numbers: each call takes a slot, and one without an answer is made again."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

from importer.catalogue import CATALOGUE
from importer.errors import StoppedEarly
from importer.leadsquared.client import Client
from importer.leadsquared.details import Details, Looked, NotShown
from importer.leadsquared.quota import Quota, Slot
from importer.leadsquared.wire import KeysRefused, NotSent, Throttled, Unclear, WrongUrl
from importer.submission.retry import backoff_s


@dataclass(kw_only=True)
class Asked:
    """What came of it so far."""

    tickets: dict[str, Details]
    calls: int = 0
    throttled: int = 0
    seconds: float = 0.0


class _Gate:
    """Where a question with its connection ready waits for its slot."""

    def __init__(self, slot: Slot, *, alone: bool) -> None:
        self._slot = slot
        self._alone = alone

    async def passed(self) -> None:
        """See ``client.Gate``."""
        await self._slot.ready()

    def leaving(self) -> None:
        """See ``client.Gate``."""
        self._slot.used(alone=self._alone)


class Asking:
    """One round of questions. ``on_call`` is told after every call how many there were."""

    def __init__(self, client: Client, quota: Quota, give_up_after_s: float, on_call: Callable[[int], None]) -> None:
        self._client = client
        self._quota = quota
        self._give_up_after_s = give_up_after_s
        self._on_call = on_call
        self._proven = False
        self._throttled_since = math.inf
        self.asked = Asked(tickets={})

    async def ask(self, first: Iterable[str], numbers: Iterator[str], *, concurrency: int) -> None:
        """Ask for ``first``, one after the other until one is there, and then for all ``numbers``.

        Raises StoppedEarly if none of ``first`` is there, if the keys or the address are wrong, or when an answer has
        not come for too long.
        """
        await self._prove(list(first))
        if not self._proven and (number := next(numbers, None)) is not None:
            await self._ask(number)  # alone: wrong keys cost one call
        workers = [asyncio.create_task(self._work(numbers)) for _ in range(concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _prove(self, numbers: list[str]) -> None:
        """An account that doesn't show its own tickets would show none: then nothing may follow from that."""
        for number in numbers:
            if await self._ask(number):
                return
        if numbers:
            raise StoppedEarly(
                f"the account does not show ticket {', '.join(numbers)}, which the ledger knows of it; so nothing "
                "follows from what else it does not show",
                hint="check LSQ_HOST and LSQ_TENANT_ID, and whether these keys may read tickets",
            )

    async def _work(self, numbers: Iterator[str]) -> None:
        for number in numbers:
            await self._ask(number)

    async def _ask(self, number: str) -> bool:
        """Ask until there is an answer that tells; say whether the ticket is there."""
        silent_since = math.inf
        tries = 0
        while True:
            slot, answer = await self._call(number)
            now = asyncio.get_running_loop().time()
            match answer:
                case Details():
                    self.asked.tickets[number] = answer
                    return True
                case NotShown():
                    return False
                case KeysRefused(reason):
                    raise StoppedEarly(f"the account refuses the keys: {reason}", hint=CATALOGUE["keys-refused"].advice)
                case WrongUrl(reason):
                    raise StoppedEarly(
                        f"the URL is not that of the account's API: {reason}", hint=CATALOGUE["wrong-url"].advice
                    )
                case Throttled(retry_after_s):
                    self._hold_back(self._quota.rate.period_s if retry_after_s is None else retry_after_s, now, slot)
                case NotSent(reason) | Unclear(_, reason):
                    silent_since = min(silent_since, now)
                    if now - silent_since >= self._give_up_after_s:
                        raise StoppedEarly(
                            f"the server has not said for {self._give_up_after_s:g} s whether there is a ticket "
                            f"{number}: {reason}",
                            hint="when the server is back, run the same command again",
                        )
                    tries += 1
                    await asyncio.sleep(backoff_s(tries, random.random()))  # noqa: S311 - jitter, not a secret
                case _:
                    assert_never(answer)

    async def _call(self, number: str) -> tuple[Slot, Looked]:
        slot = await self._quota.reserve()
        try:
            answer = await self._client.get_ticket(number, _Gate(slot, alone=not self._proven))
        finally:
            slot.release()
        self.asked.calls += 1
        if isinstance(answer, Throttled):
            self.asked.throttled += 1
        elif not isinstance(answer, NotSent | Unclear):
            self._proven = True
            self._throttled_since = math.inf
        self._on_call(self.asked.calls)
        return slot, answer

    def _hold_back(self, wait_s: float, now: float, slot: Slot) -> None:
        self._throttled_since = min(self._throttled_since, now)
        if now + wait_s - self._throttled_since > self._give_up_after_s:
            raise StoppedEarly(
                f"the account's limit is used up, and would be for longer than {self._give_up_after_s:g} s",
                hint="when the account has calls left, run the same command again",
            )
        self._quota.throttled(wait_s, slot)


async def unless(work: asyncio.Task[None], stopped: asyncio.Future[None]) -> None:
    """Wait for the work; raise what ``stopped`` holds if that comes first."""
    try:
        await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
        (work if work.done() else stopped).result()
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        if stopped.done():
            stopped.exception()  # looked at, or the event loop would complain of it
