"""Where the tickets of unknown rows may be, and the questions to the account. Prints nothing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from importer.leadsquared.client import Client, Timeouts
from importer.ledger import Ledger, RunInfo
from importer.ledger.unanswered_requests import KnownNumber
from importer.models import Rate
from importer.rate_limit import estimated_duration_s
from importer.rate_limit.limiter import LimiterOptions
from importer.rate_limit.shared_slots import shared_rate_limiter
from importer.resolve.conclusions import UnknownRow
from importer.resolve.decisions import Decisions
from importer.resolve.number_gaps import KnownTicket, NumberGaps
from importer.resolve.ticket_lookup import LookupResult, TicketLookup
from importer.runtime.signals import Interruptions
from importer.settings import AccountSettings
from importer.submission.journal import Journal
from importer.workflows.account_access import open_endpoint

_PROOFS = 3
_QUESTIONS_PER_CALL = 4


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """How the account is asked. ``account`` is ``None`` for the embedded sandbox."""

    account: AccountSettings | None
    rate: Rate
    give_up_after_s: float
    answer_timeout_s: float


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """What is about to be asked. ``numbers``: how many, from ``first`` to ``last``. ``seconds``: at the limit."""

    account: str
    results: str
    unknown: int
    decided: int
    numbers: int
    first: int
    last: int
    calls: int
    seconds: float


class ResolveInterface(Protocol):
    """The person, or whatever stands in for one."""

    def show(self, plan: SearchPlan) -> None:
        """Show the plan."""

    def confirm(self, plan: SearchPlan) -> bool:
        """Say whether to go on with a plan that was shown."""

    def asked(self, calls: int, plan: SearchPlan) -> None:
        """So many calls were made."""

    def note(self, text: str) -> None:
        """Take something that a person would want to know."""


@dataclass(frozen=True)
class SearchContext:
    """How the questions get from here to the account."""

    terms: SearchOptions
    desk: ResolveInterface
    signals: Interruptions


class Search:
    """The questions for the rows on which nobody has decided, and for the tickets that somebody has named."""

    def __init__(self, rows: Sequence[UnknownRow], decisions: Decisions, known: Sequence[KnownNumber]) -> None:
        self._rows = rows
        self._decisions = decisions
        numbered = [each for each in known if _is_number(each.number)]
        made = [
            KnownTicket(number=int(each.number), attempt=each.attempt, settled_after=each.settled_after)
            for each in numbered
            if each.attempt is not None and each.settled_after is not None
        ]
        self.gaps = NumberGaps(made, (int(each.number) for each in numbered))
        latest = sorted(made, key=lambda each: each.attempt)[-_PROOFS:]
        self._proofs = [str(each.number) for each in reversed(latest)]
        searched = [row for row in rows if self._decided(row) is None]
        self._ranges = self.gaps.around(request for row in searched for request in row.requests)

    def _decided(self, row: UnknownRow) -> int | None:
        """The row that --set names, if one does."""
        return next((each for each in row.rows if each in self._decisions), None)

    def plan(self, account: str, results: str, rate: Rate) -> SearchPlan:
        """Sum up what is about to be asked."""
        ranges = self._ranges
        numbers = self.gaps.count(ranges) + sum(not _is_in(each, ranges) for each in self._decisions.created.values())
        calls = numbers + bool(numbers and self._proofs)
        return SearchPlan(
            account=account,
            results=results,
            unknown=len(self._rows),
            decided=sum(self._decided(row) is not None for row in self._rows),
            numbers=numbers,
            first=ranges[0].start if ranges else 0,
            last=ranges[-1].stop - 1 if ranges else 0,
            calls=calls,
            seconds=estimated_duration_s(calls, rate),
        )

    # -- ask --------------------------------------------------------------------------------------------------------

    async def ask(self, way: SearchContext, plan: SearchPlan, ledger: Ledger, run: RunInfo) -> LookupResult:
        """Ask for every number; ``run`` keeps its lease meanwhile. Raises StoppedEarly and Interrupted."""
        loop, terms = asyncio.get_running_loop(), way.terms
        started = loop.time()
        concurrency = min(_QUESTIONS_PER_CALL * min(max(terms.rate.calls, 5), 50), plan.numbers)
        chosen = list(self._decisions.created.values())
        in_gaps = (str(number) for number in self.gaps.numbers(self._ranges) if str(number) not in chosen)
        async with contextlib.AsyncExitStack() as stack:
            endpoint = await stack.enter_async_context(open_endpoint(terms.account, None, terms.rate))
            patience = Timeouts(answer_s=terms.answer_timeout_s)
            client = await stack.enter_async_context(Client(endpoint, patience, connections=concurrency))
            await stack.enter_async_context(Journal(ledger, run))  # renews the lease
            asking = TicketLookup(
                client,
                await stack.enter_async_context(
                    shared_rate_limiter(ledger, run.account, LimiterOptions(rate=terms.rate, run=run.id))
                ),
                terms.give_up_after_s,
                lambda calls: way.desk.asked(calls, plan),
            )
            work = asking.ask(self._proofs, itertools.chain(chosen, in_gaps), concurrency=concurrency)
            await way.signals.unless_stopped(work)
        return replace(asking.asked, seconds=loop.time() - started)


def _is_in(number: str, ranges: Sequence[range]) -> bool:
    return _is_number(number) and any(int(number) in each for each in ranges)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and str(int(text)) == text
