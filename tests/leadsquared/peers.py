"""What the tests of the client share: gates, files, and peers that speak raw bytes."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from importer.leadsquared.client import Client, open_client
from importer.leadsquared.transport import Endpoint, Timeouts
from importer.models import Attachment, Rate, Secret, Ticket, file_identity
from importer.sandbox import FaultPlan, Sandbox, SandboxOptions

LEAD_ID = "8eee83bb-0462-4d6b-b396-6afb9a4608f2"
ACCESS_KEY, SECRET_KEY = "the-access-key", "the-secret-key"
MADE = b'{"Status": "Success", "Id": "157", "Key": "#157", "TicketId": null}'

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class OpenGate:
    """Lets everything pass, and remembers whether something did."""

    is_lost = False

    def __init__(self) -> None:
        self.left = False

    async def wait_until_allowed(self) -> None:
        """See `client.Gate`."""

    def on_first_byte(self) -> None:
        """See `client.Gate`."""
        self.left = True


class ClosedGate(OpenGate):
    """Keeps everything waiting until `opened` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def wait_until_allowed(self) -> None:
        """See `client.Gate`."""
        self.reached.set()
        await self.opened.wait()


def ticket(*attachments: Attachment, title: str = "Printer on fire") -> Ticket:
    """A good ticket."""
    return Ticket(fields=(("Title", title),), lead_id=LEAD_ID, attachments=attachments)


def attach(path: Path, content: bytes, *, name: str = "", content_type: str = "text/plain") -> Attachment:
    """Write a file, and give it as it was checked."""
    path.write_bytes(content)
    status = path.stat()
    return Attachment(
        path=path.resolve(),
        name=name or path.name,
        size_bytes=status.st_size,
        identity=file_identity(status),
        content_type=content_type,
    )


def quick(faults: object = None, **changes: Any) -> SandboxOptions:
    """An account that answers at once and limits nobody; ``faults`` as in a fault plan."""
    return SandboxOptions(**{"rate": Rate(1000, 1), "latency_s": 0.0, "faults": FaultPlan.parse(faults), **changes})


def at(sandbox: Sandbox, **changes: Any) -> Endpoint:
    """The way to a stand-in account."""
    known = {
        "base_url": sandbox.url,
        "tenant_id": sandbox.tenant_id,
        "access_key": sandbox.access_key,
        "secret_key": sandbox.secret_key,
    }
    return Endpoint(**{**known, **changes})


def to(url: str, **changes: Any) -> Endpoint:
    """The way to anything else."""
    known = {"tenant_id": "t", "access_key": Secret(ACCESS_KEY), "secret_key": Secret(SECRET_KEY)}
    return Endpoint(base_url=url, **{**known, **changes})


def client(endpoint: Endpoint, *, connections: int = 5, **patience: float) -> AbstractAsyncContextManager[Client]:
    """A client with short limits where a test sets them."""
    return open_client(endpoint, Timeouts(**patience), connections=connections)


@asynccontextmanager
async def peer(handle: Peer, ssl_context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that does with each connection what ``handle`` does; gives its URL."""
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await handle(reader, writer)
        finally:
            writer.close()
            handlers.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=ssl_context)
    try:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"{'https' if ssl_context else 'http'}://{host}:{port}"
    finally:
        server.close()
        for task in tuple(handlers):
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """The bytes of a request up to and with the empty line."""
    return await reader.readuntil(b"\r\n\r\n")


def header(head: bytes, name: str) -> str:
    """The value of one header."""
    lines = head.decode().split("\r\n")[1:]
    values = [line.partition(":")[2].strip() for line in lines if line.lower().startswith(f"{name.lower()}:")]
    assert len(values) == 1, (name, lines)
    return values[0]


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """One whole request: head, body."""
    head = await read_head(reader)
    return head, await reader.readexactly(int(header(head, "Content-Length")))


def reply(body: bytes = MADE, status: str = "200 OK", *headers: str) -> bytes:
    """An answer of known length."""
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]).encode() + body


def answering(answer: bytes, *, ends: bool = False) -> Peer:
    """A peer that reads whole requests and gives each the same answer; ``ends``: and closes the connection then."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()
            if ends:
                return

    return handle


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A peer that says nothing until the other side leaves."""
    del writer
    await reader.read()
