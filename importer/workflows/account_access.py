"""Opens the endpoint of an account, or of an embedded sandbox account."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from importer.account_fields import AccountFields
from importer.leadsquared.transport import Endpoint
from importer.mapping import Mapping
from importer.models import Rate
from importer.settings import AccountSettings


@contextlib.asynccontextmanager
async def open_endpoint(
    account: AccountSettings | None,
    mapping: Mapping | None,
    rate: Rate,
    *,
    last_number: int = 0,
    fields: AccountFields | None = None,
) -> AsyncIterator[Endpoint]:
    """Yield the endpoint of ``account``; for ``None``, of an empty sandbox account with the fields of ``mapping``.

    ``last_number``: the greatest ticket number that an earlier sandbox has given. ``fields``: of the account that is
    rehearsed, whose values the sandbox accepts, too.
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
    from importer.sandbox.embedded import embedded_account  # noqa: PLC0415 - only the sandbox needs a server

    values = {field.schema_name: field.values or () for field in fields or ()}
    async with embedded_account(mapping, rate, last_number, values) as sandbox:
        yield Endpoint(
            base_url=sandbox.url,
            tenant_id=sandbox.tenant_id,
            access_key=sandbox.access_key,
            secret_key=sandbox.secret_key,
        )
