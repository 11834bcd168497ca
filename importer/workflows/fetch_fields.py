"""The story of one reading: reach the account, ask for its fields within its limit, give what it told."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from importer.account_fields.reading import FieldsReader
from importer.account_fields.ticket_fields import AccountFields
from importer.leadsquared.client import Client, Timeouts
from importer.ledger import Ledger
from importer.mapping import Mapping
from importer.models import Rate
from importer.rate_limit.limiter import LimiterOptions, RateLimiter
from importer.rate_limit.shared_slots import shared_rate_limiter
from importer.rate_limit.slot_storage import MemorySlots
from importer.runtime.signals import Interruptions, interruptions
from importer.settings import AccountSettings
from importer.workflows.account_access import open_endpoint


@dataclass(frozen=True, kw_only=True)
class FetchOptions:
    """How the account is asked. ``account`` is ``None`` for the embedded sandbox, with what ``mapping`` names.

    ``ledger_url``: where the account's calls are counted, if there is a ledger; its limit is then shared with all runs.
    """

    account: AccountSettings | None
    account_name: str
    rate: Rate
    give_up_after_s: float
    answer_timeout_s: float
    ledger_url: str | None = None
    mapping: Mapping | None = None


@dataclass(frozen=True, kw_only=True)
class FetchedFields:
    """What the account told, and what it took."""

    fields: AccountFields
    calls: int
    throttled: int
    seconds: float


def fetch(terms: FetchOptions) -> FetchedFields:
    """Read the account's fields and their values.

    Raises FieldsNotShown where the keys may not, StoppedEarly, Interrupted, and LedgerError for an unusable ledger.
    """
    with interruptions() as signals:
        return asyncio.run(_fetch(terms, signals))


async def _fetch(terms: FetchOptions, signals: Interruptions) -> FetchedFields:
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with contextlib.AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(open_endpoint(terms.account, terms.mapping, terms.rate))
        patience = Timeouts(answer_s=terms.answer_timeout_s)
        client = await stack.enter_async_context(Client(endpoint, patience, connections=1))
        limiter = await stack.enter_async_context(_limiter(terms))
        reader = FieldsReader(client, limiter, terms.give_up_after_s)
        fields = await signals.unless_stopped(reader.read(terms.account_name))
    return FetchedFields(fields=fields, calls=reader.calls, throttled=reader.throttled, seconds=loop.time() - started)


@contextlib.asynccontextmanager
async def _limiter(terms: FetchOptions) -> AsyncIterator[RateLimiter]:
    limits = LimiterOptions(rate=terms.rate, run=f"fields-{uuid.uuid4().hex[:8]}")
    if terms.ledger_url is None:
        async with RateLimiter(limits, MemorySlots(asyncio.get_running_loop().time)) as limiter:
            yield limiter
        return
    ledger = Ledger.open(terms.ledger_url)
    try:
        async with shared_rate_limiter(ledger, terms.account_name, limits) as limiter:
            yield limiter
    finally:
        ledger.close()
