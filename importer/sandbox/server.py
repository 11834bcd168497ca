"""The stand-in account as a server: embedded in a process that runs an import or a test, or on its own."""

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
    """A running stand-in: where it is, what opens it, and what has happened in it so far."""

    def __init__(self, url: str, options: SandboxOptions, service: RequestHandler) -> None:
        self.url = url  # what LSQ_HOST takes, such as http://127.0.0.1:40123
        self._options = options
        self._service = service

    @property
    def tenant_id(self) -> str:
        """What LSQ_TENANT_ID takes."""
        return self._options.tenant_id

    @property
    def access_key(self) -> Secret:
        """What LSQ_ACCESS_KEY takes."""
        return self._options.access_key

    @property
    def secret_key(self) -> Secret:
        """What LSQ_SECRET_KEY takes."""
        return self._options.secret_key

    @property
    def tickets(self) -> tuple[TicketRecord, ...]:
        """Every ticket made, trashed ones included, in the order of making."""
        return self._service.state.tickets

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """Every call, in the order of arrival; those for the record are not among them."""
        return tuple(self._service.state.calls)

    @property
    def leads(self) -> tuple[LeadRecord, ...]:
        """Every lead that a ticket made."""
        return tuple(self._service.state.leads)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What would need cleaning up in a real account, such as two leads for one identifier."""
        return tuple(self._service.state.warnings)

    def record(self) -> dict[str, object]:
        """All of it as JSON-able data, the same that `GET /sandbox/record` answers."""
        return state_document(self._options, self._service.state)

    async def until(self, condition: Callable[[Sandbox], bool]) -> None:
        """Wait until the condition holds; it is looked at after every entry in the state. Bring your own timeout."""
        while not condition(self):
            await self._service.changed()


@asynccontextmanager
async def serve(
    options: SandboxOptions,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncIterator[Sandbox]:
    """Run a stand-in account for as long as the block lasts; port 0 takes a free one.

    At the end it closes at once, whatever hangs: requests under way are dropped, and make no ticket any more.
    Raises SettingsError if it can't listen there.
    """
    service = RequestHandler(options)
    server = web.Server(
        service.handle, handler_cancellation=True, access_log=None, keepalive_timeout=options.keepalive_s
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
        yield Sandbox(_url(runner.addresses[0], secure=ssl_context is not None), options, service)
    finally:
        for open_site in runner.sites:
            await open_site.stop()
        await service.stop()
        await runner.cleanup()


def _url(address: tuple[str, int], *, secure: bool) -> str:
    host, port = address[:2]
    return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
