"""`fields` reads every field, however the account counts the Offset of a page."""

from __future__ import annotations

import asyncio
from typing import get_args

import pytest

from importer.account_fields.fields_reader import FieldsReader
from importer.models import Rate
from importer.rate_limit.limiter import LimiterOptions, RateLimiter
from importer.rate_limit.slot_storage import MemorySlots
from importer.runtime.events import to_all
from importer.sandbox import Field, SandboxOptions, default_account, serve
from importer.sandbox.other_calls import Offset
from tests.leadsquared.peers import at, client


@pytest.mark.parametrize("offset", get_args(Offset))
def test_all_fields_are_read(offset: Offset):
    """Read three pages from an account over a real socket."""
    account = default_account().with_fields(Field(schema_name=f"CustomData.F{number}") for number in range(50))
    options = SandboxOptions(account=account, offset=offset, latency_s=0.0, rate=Rate(1000, 1))

    async def main() -> set[str]:
        pool = MemorySlots(asyncio.get_running_loop().time)
        async with (
            serve(options) as sandbox,
            client(at(sandbox)) as session,
            RateLimiter(LimiterOptions(rate=Rate(1000, 60)), pool) as limiter,
        ):
            found = await FieldsReader(session, limiter, 30, to_all(), lambda: 0.0).read("tenant")
            return {field.schema_name for field in found.fields}

    assert asyncio.run(main()) == {field.schema_name for field in account.ticket_fields}
