"""The way to the account: its own address, or a stand-in that lives as long as it is used."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from importer.leadsquared.client import Endpoint
from importer.mapping import Mapping
from importer.models import Rate
from importer.settings import AccountSettings


@contextlib.asynccontextmanager
async def open_endpoint(
    account: AccountSettings | None, mapping: Mapping | None, rate: Rate, *, known: int = 0
) -> AsyncIterator[Endpoint]:
    """Give the endpoint of ``account``; for ``None``, of an empty stand-in with the fields that ``mapping`` names.

    ``known``: the greatest ticket number that an earlier stand-in has given.
    """
    if account is not None:
        yield Endpoint(
            base_url=account.base_url,
            tenant_id=account.tenant_id,
            access_key=account.access_key,
            secret_key=account.secret_key,
            proxy=account.proxy,
            ssl_context=account.ssl_context(),
        )
        return
    from importer.sandbox.embedded import embedded_account  # noqa: PLC0415 - a server is loaded only where one is wanted

    async with embedded_account(mapping, rate, known) as sandbox:
        yield Endpoint(
            base_url=sandbox.url,
            tenant_id=sandbox.tenant_id,
            access_key=sandbox.access_key,
            secret_key=sandbox.secret_key,
        )
