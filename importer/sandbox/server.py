"""Runs a sandbox account as a server: in the process of an import or a test, or standalone."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from importer.errors import SettingsError
from importer.models import Secret
from importer.sandbox.options import SandboxOptions
from importer.sandbox.request_handler import RequestHandler
from importer.sandbox.state_document import state_document
from importer.sandbox.state_records import CallRecord, LeadRecord, TicketRecord

_SHUTDOWN_S = 0.1


class Sandbox:
    """A running sandbox: its address, its keys, and its state so far."""

    def __init__(self, url: str, options: SandboxOptions, handler: RequestHandler) -> None:
        self.url = url  # value for LSQ_HOST, such as http://127.0.0.1:40123
        self._options = options
        self._handler = handler

    @property
    def tenant_id(self) -> str:
        """Value for LSQ_TENANT_ID."""
        return self._options.tenant_id

    @property
    def access_key(self) -> Secret:
        """Value for LSQ_ACCESS_KEY."""
        return self._options.access_key

    @property
    def secret_key(self) -> Secret:
        """Value for LSQ_SECRET_KEY."""
        return self._options.secret_key

    @property
    def tickets(self) -> tuple[TicketRecord, ...]:
        """All tickets in the order of creation, trashed ones included."""
        return self._handler.state.tickets

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """All calls in the order of arrival, without those for the record."""
        return tuple(self._handler.state.calls)

    @property
    def leads(self) -> tuple[LeadRecord, ...]:
        """All leads that tickets created."""
        return tuple(self._handler.state.leads)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user would have to clean up in a real account, such as two leads for one identifier."""
        return tuple(self._handler.state.warnings)

    def record(self) -> dict[str, object]:
        """Return the whole state as JSON-able data, the same as `GET /sandbox/record`."""
        return state_document(self._options, self._handler.state)

    async def until(self, condition: Callable[[Sandbox], bool]) -> None:
        """Wait until the condition holds; it is checked after every change of the state. Has no timeout."""
        while not condition(self):
            await self._handler.changed()


@asynccontextmanager
async def serve(
    options: SandboxOptions,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncIterator[Sandbox]:
    """Run a sandbox account while the block lasts; port 0 takes a free port.

    At the end it closes at once: requests in flight are dropped and create no more tickets.
    Raises SettingsError if it can't listen there.
    """
    handler = RequestHandler(options)
    server = web.Server(
        handler.handle, handler_cancellation=True, access_log=None, keepalive_timeout=options.keepalive_s
    )
    runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=ssl_context)
        try:
            await site.start()
        except (OSError, OverflowError) as error:
            raise SettingsError(
                f"the sandbox can't listen on {host}, port {port}: {error}",
                hint="choose another port, or 0 for a free one",
            ) from error
        yield Sandbox(_url(runner.addresses[0], secure=ssl_context is not None), options, handler)
    finally:
        for open_site in runner.sites:
            await open_site.stop()
        await handler.stop()
        await runner.cleanup()


def _url(address: tuple[str, int], *, secure: bool) -> str:
    host, port = address[:2]
    return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
