"""Reads the fields of an account within its rate limit."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from importer.account_fields.fields_reader import FieldsNotShown, FieldsReader
from importer.account_fields.ticket_fields import AccountFields
from importer.leadsquared.client import open_client
from importer.leadsquared.transport import Timeouts
from importer.ledger.store import Ledger
from importer.mapping import Mapping, load_mapping
from importer.models import Rate
from importer.rate_limit.limiter import LimiterOptions, RateLimiter
from importer.rate_limit.shared_slots import shared_rate_limiter
from importer.rate_limit.slot_storage import MemorySlots
from importer.runtime.events import Emit
from importer.runtime.signals import Interruptions, interruptions
from importer.settings import SANDBOX_ACCOUNT, AccountSettings, Environment, ledger_url, read_rate
from importer.workflows.account_access import open_endpoint
from importer.workflows.options import Options

__all__ = ["FetchedFields", "FieldsNotShown", "fetch", "fetch_fields"]


@dataclass(frozen=True, kw_only=True)
class FetchOptions:
    """How to read the fields. ``account`` is ``None`` for the embedded sandbox with the fields of ``mapping``.

    ``ledger_url``: the ledger, if there is one; it counts the calls, so that all runs share the limit.
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
    """The fields of an account, and the calls that it took to read them."""

    fields: AccountFields
    calls: int
    throttled: int
    seconds: float


def fetch_fields(
    account: AccountSettings | None,
    environment: Environment,
    options: Options,
    emit: Emit,
    mapping: Path | None = None,
) -> FetchedFields:
    """Read the fields of an account; for ``None``, of a sandbox account with the fields of ``mapping``.

    Raises FieldsNotShown, StoppedEarly and Interrupted.
    """
    url = ledger_url(options.ledger, environment) if account is not None else ""
    known = load_mapping(mapping, source=options.source, key=options.key) if account is None and mapping else None
    return fetch(
        FetchOptions(
            account=account,
            account_name=account.name if account else SANDBOX_ACCOUNT,
            rate=options.rate or read_rate(None, environment),
            give_up_after_s=options.give_up_after_s,
            answer_timeout_s=options.answer_timeout_s,
            ledger_url=url if account is not None and Ledger.exists(url) else None,
            mapping=known,
        ),
        emit,
    )


def fetch(options: FetchOptions, emit: Emit) -> FetchedFields:
    """Read the account's fields and their values.

    Raises FieldsNotShown if the keys may not read them, and StoppedEarly, Interrupted and LedgerError.
    """
    with interruptions() as signals:
        return asyncio.run(_fetch(options, signals, emit))


async def _fetch(options: FetchOptions, signals: Interruptions, emit: Emit) -> FetchedFields:
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with contextlib.AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(open_endpoint(options.account, options.mapping, options.rate))
        timeouts = Timeouts(answer_s=options.answer_timeout_s)
        client = await stack.enter_async_context(open_client(endpoint, timeouts, connections=1))
        limiter = await stack.enter_async_context(_limiter(options))
        reader = FieldsReader(client, limiter, options.give_up_after_s, emit)
        fields = await signals.unless_stopped(reader.read(options.account_name))
    return FetchedFields(fields=fields, calls=reader.calls, throttled=reader.throttled, seconds=loop.time() - started)


@contextlib.asynccontextmanager
async def _limiter(options: FetchOptions) -> AsyncIterator[RateLimiter]:
    limits = LimiterOptions(rate=options.rate, run=f"fields-{uuid.uuid4().hex[:8]}")
    if options.ledger_url is None:
        async with RateLimiter(limits, MemorySlots(asyncio.get_running_loop().time)) as limiter:
            yield limiter
        return
    ledger = Ledger.open(options.ledger_url)
    try:
        async with shared_rate_limiter(ledger, options.account_name, limits) as limiter:
            yield limiter
    finally:
        ledger.close()
