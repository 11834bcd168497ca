"""Asks the account for tickets by number, within the rate limit. A call without an answer is repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from importer.error_codes import ERROR_CODES
from importer.errors import StoppedEarly
from importer.leadsquared.answers import KeysRefused, WrongUrl
from importer.leadsquared.client import Client
from importer.leadsquared.reads import AccountReads
from importer.leadsquared.ticket_details import TicketDetails, TicketNotShown
from importer.rate_limit.limiter import RateLimiter
from importer.runtime.display_text import one_line
from importer.runtime.events import Emit


@dataclass(frozen=True, kw_only=True)
class LookupResult:
    """The tickets that the account has shown so far, by their numbers, and how many calls this took.

    ``not_shown``: what the account answered last about a ticket that it does not show.
    """

    tickets: dict[str, TicketDetails]
    not_shown: str = ""
    calls: int = 0
    throttled: int = 0
    seconds: float = 0.0


class TicketLookup:
    """One series of lookups."""

    def __init__(self, client: Client, limiter: RateLimiter, give_up_after_s: float, emit: Emit) -> None:
        self._client = client
        self._reads = AccountReads(limiter, give_up_after_s, emit)
        self._tickets: dict[str, TicketDetails] = {}
        self._not_shown = ""

    @property
    def result(self) -> LookupResult:
        """The result so far."""
        return LookupResult(
            tickets=self._tickets,
            not_shown=self._not_shown,
            calls=self._reads.calls,
            throttled=self._reads.throttled,
        )

    async def ask(self, proof_numbers: Sequence[str], numbers: Iterator[str], *, concurrency: int) -> None:
        """Ask for ``proof_numbers``, one by one until the account shows one, and then for all ``numbers``.

        Raises StoppedEarly if the account shows none of ``proof_numbers``, if the keys or the address are wrong, or
        if there is no answer for too long.
        """
        await self._prove_access(proof_numbers)
        if not self._reads.account_answered and (number := next(numbers, None)) is not None:
            await self._ask(number)  # alone: wrong keys cost one call
        workers = [asyncio.create_task(self._work(numbers)) for _ in range(concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _prove_access(self, numbers: Sequence[str]) -> None:
        """Raise StoppedEarly if the account shows none of its own tickets: then it would show no other one either."""
        for number in numbers:
            if await self._ask(number):
                return
        if numbers:
            raise StoppedEarly(
                f"the account does not show ticket {', '.join(numbers)} (it answered: {one_line(self._not_shown)}), "
                "although the ledger knows that it exists; so tickets that are not shown prove nothing",
                hint="check LSQ_HOST and LSQ_TENANT_ID, and whether these keys may read tickets",
            )

    async def _work(self, numbers: Iterator[str]) -> None:
        for number in numbers:
            await self._ask(number)

    async def _ask(self, number: str) -> bool:
        """Ask until there is a usable answer; return whether the ticket exists."""
        answer: TicketDetails | TicketNotShown | KeysRefused | WrongUrl = await self._reads.call(
            lambda gate: self._client.get_ticket(number, gate), f"ticket {number}"
        )
        match answer:
            case TicketDetails():
                self._tickets[number] = answer
                return True
            case TicketNotShown(reason):
                self._not_shown = reason
                return False
            case KeysRefused(reason):
                raise StoppedEarly(f"the account refuses the keys: {reason}", hint=ERROR_CODES["keys-refused"].advice)
            case WrongUrl(reason):
                raise StoppedEarly(
                    f"the account's API is not at this URL: {reason}", hint=ERROR_CODES["wrong-url"].advice
                )
            case _:
                assert_never(answer)
