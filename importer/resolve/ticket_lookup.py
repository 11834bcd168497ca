"""Asks the account for tickets by their numbers: each call takes a slot, and one without an answer is made again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

from importer.error_codes import ERROR_CODES
from importer.errors import StoppedEarly
from importer.leadsquared.answers import KeysRefused, WrongUrl
from importer.leadsquared.client import Client
from importer.leadsquared.reads import AccountReads
from importer.leadsquared.ticket_details import TicketDetails, TicketNotShown
from importer.rate_limit.limiter import RateLimiter


@dataclass(frozen=True, kw_only=True)
class LookupResult:
    """What came of it so far: the tickets that are there, by their numbers."""

    tickets: dict[str, TicketDetails]
    calls: int = 0
    throttled: int = 0
    seconds: float = 0.0


class TicketLookup:
    """One round of questions. ``on_call`` is told after every call how many there were."""

    def __init__(
        self, client: Client, limiter: RateLimiter, give_up_after_s: float, on_call: Callable[[int], None]
    ) -> None:
        self._client = client
        self._questions = AccountReads(limiter, give_up_after_s, on_call=on_call)
        self._tickets: dict[str, TicketDetails] = {}

    @property
    def asked(self) -> LookupResult:
        """What came of it so far."""
        return LookupResult(tickets=self._tickets, calls=self._questions.calls, throttled=self._questions.throttled)

    async def ask(self, first: Iterable[str], numbers: Iterator[str], *, concurrency: int) -> None:
        """Ask for ``first``, one after the other until one is there, and then for all ``numbers``.

        Raises StoppedEarly if none of ``first`` is there, if the keys or the address are wrong, or when an answer has
        not come for too long.
        """
        await self._prove(list(first))
        if not self._questions.account_answered and (number := next(numbers, None)) is not None:
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
        answer: TicketDetails | TicketNotShown | KeysRefused | WrongUrl = await self._questions.call(
            lambda gate: self._client.get_ticket(number, gate), f"ticket {number}"
        )
        match answer:
            case TicketDetails():
                self._tickets[number] = answer
                return True
            case TicketNotShown():
                return False
            case KeysRefused(reason):
                raise StoppedEarly(f"the account refuses the keys: {reason}", hint=ERROR_CODES["keys-refused"].advice)
            case WrongUrl(reason):
                raise StoppedEarly(
                    f"the URL is not that of the account's API: {reason}", hint=ERROR_CODES["wrong-url"].advice
                )
            case _:
                assert_never(answer)
