"""Plans which ticket numbers to ask the account for, and asks for them. Prints nothing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from importer.leadsquared.client import open_client
from importer.leadsquared.transport import Timeouts
from importer.ledger.unanswered_requests import KnownNumber
from importer.models import Rate
from importer.rate_limit import estimated_duration_s
from importer.rate_limit.limiter import LimiterOptions
from importer.rate_limit.shared_slots import shared_rate_limiter
from importer.resolve.conclusions import UnknownRow
from importer.resolve.decisions import Decisions
from importer.resolve.number_gaps import KnownTicket, NumberGaps
from importer.resolve.run import LedgerRun
from importer.resolve.ticket_lookup import LookupResult, TicketLookup
from importer.runtime.events import Emit, Event
from importer.runtime.signals import Interruptions
from importer.settings import AccountSettings
from importer.submission.journal import Journal
from importer.workflows.account_access import open_endpoint

_PROOF_TICKETS = 3
_LOOKUPS_PER_CALL_OF_LIMIT = 4  # a lookup takes longer than the period of the limit at times


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """How to ask the account. ``account`` is ``None`` for the embedded sandbox."""

    account: AccountSettings | None
    rate: Rate
    give_up_after_s: float
    answer_timeout_s: float


@dataclass(frozen=True, kw_only=True)
class SearchPlan(Event):
    """The calls that are about to be made.

    ``numbers``: how many ticket numbers, from ``first`` to ``last``. ``seconds``: how long they take at the limit.
    """

    account: str
    results: str
    unknown: int
    decided: int
    numbers: int
    first: int
    last: int
    calls: int
    seconds: float


class TicketSearch:
    """The ticket numbers to ask for: those around undecided rows, and those that the user named."""

    def __init__(self, rows: Sequence[UnknownRow], decisions: Decisions, known: Sequence[KnownNumber]) -> None:
        self._rows = rows
        self._decisions = decisions
        numeric = [each for each in known if _is_number(each.number)]
        answered = [
            KnownTicket(number=int(each.number), attempt=each.attempt, settled_after=each.settled_after)
            for each in numeric
            if each.attempt is not None and each.settled_after is not None
        ]
        self.gaps = NumberGaps(answered, (int(each.number) for each in numeric))
        latest = sorted(answered, key=lambda each: each.attempt)[-_PROOF_TICKETS:]
        self.proof_numbers = [str(each.number) for each in reversed(latest)]
        undecided = [row for row in rows if not self._is_decided(row)]
        self._ranges = self.gaps.ranges_around(request for row in undecided for request in row.requests)

    def _is_decided(self, row: UnknownRow) -> bool:
        return any(each in self._decisions for each in row.import_rows)

    def __len__(self) -> int:
        named = self._decisions.created.values()
        return self.gaps.count(self._ranges) + sum(not _is_in(each, self._ranges) for each in named)

    def numbers(self) -> Iterator[str]:
        """Return the numbers to ask for, each once: first those that the user named."""
        named = list(self._decisions.created.values())
        in_gaps = map(str, self.gaps.numbers(self._ranges))
        return itertools.chain(named, (number for number in in_gaps if number not in named))

    def plan(self, account: str, results: str, rate: Rate) -> SearchPlan:
        """Sum up the calls that are about to be made."""
        ranges, numbers = self._ranges, len(self)
        calls = numbers + bool(numbers and self.proof_numbers)
        return SearchPlan(
            account=account,
            results=results,
            unknown=len(self._rows),
            decided=sum(map(self._is_decided, self._rows)),
            numbers=numbers,
            first=ranges[0].start if ranges else 0,
            last=ranges[-1].stop - 1 if ranges else 0,
            calls=calls,
            seconds=estimated_duration_s(calls, rate),
        )


class NumbersToAsk(Protocol):
    """Ticket numbers to ask for."""

    @property
    def proof_numbers(self) -> Sequence[str]:
        """Numbers of known tickets: the account must show one of them."""

    def __len__(self) -> int:
        """Return how many numbers there are."""

    def numbers(self) -> Iterator[str]:
        """Return the numbers to ask for."""


async def look_up_tickets(
    search: NumbersToAsk,
    options: SearchOptions,
    run: LedgerRun,
    signals: Interruptions,
    emit: Emit,
) -> LookupResult:
    """Ask the account for each number, and renew the run's lease meanwhile. Raises StoppedEarly and Interrupted."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    concurrency = min(_LOOKUPS_PER_CALL_OF_LIMIT * min(max(options.rate.calls, 5), 50), len(search))
    async with contextlib.AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(open_endpoint(options.account, None, options.rate))
        timeouts = Timeouts(answer_s=options.answer_timeout_s)
        client = await stack.enter_async_context(open_client(endpoint, timeouts, connections=concurrency))
        await stack.enter_async_context(Journal(run.ledger, run.info))  # renews the lease
        limiter_options = LimiterOptions(rate=options.rate, run=run.info.id)
        limiter = await stack.enter_async_context(shared_rate_limiter(run.ledger, run.info.account, limiter_options))
        lookup = TicketLookup(client, limiter, options.give_up_after_s, emit)
        work = lookup.ask(search.proof_numbers, search.numbers(), concurrency=concurrency)
        await signals.unless_stopped(work)
    return replace(lookup.result, seconds=loop.time() - started)


def _is_in(number: str, ranges: Sequence[range]) -> bool:
    return _is_number(number) and any(int(number) in each for each in ranges)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and str(int(text)) == text
