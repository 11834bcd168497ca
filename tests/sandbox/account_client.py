"""Shared helpers: valid requests, and a client that follows the API exactly."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from importer.models import Rate
from importer.sandbox import FaultPlan, Sandbox, SandboxOptions, serve

LEAD_ID = "8eee83bb-0462-4d6b-b396-6afb9a4608f2"
UNLIMITED = Rate(1_000_000, 1)
MULTIPART = "multipart/form-data; boundary=the-boundary"


def options(faults: object = None, **changes: Any) -> SandboxOptions:
    """Return options of a fast account without a limit; ``faults`` as in a fault plan."""
    return SandboxOptions(**{"rate": UNLIMITED, "latency_s": 0.0, "faults": FaultPlan.parse(faults), **changes})


def dto(*fields: tuple[str, str], **changes: Any) -> dict[str, Any]:
    """Return a valid ticket with these fields beside a Title; a member with the value ``...`` is left out."""
    pairs = dict([("Title", "Printer on fire"), *fields])
    entries = [{"SchemaName": name, "Value": value} for name, value in pairs.items()]
    whole = {"TypeId": "1", "LeadId": LEAD_ID, "Fields": entries, "RelatedTicketTypeId": 1, **changes}
    return {name: value for name, value in whole.items() if value is not ...}


def part(content: bytes, disposition: str, *headers: str) -> bytes:
    lines = "\r\n".join([f"Content-Disposition: {disposition}", *headers])
    return b"\r\n--the-boundary\r\n" + lines.encode() + b"\r\n\r\n" + content


def file_part(content: bytes, name: str = "a.txt") -> bytes:
    return part(content, f'form-data; name="files"; filename="{name}"', "Content-Type: text/plain")


def ticket_part(document: Any) -> bytes:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return part(text, 'form-data; name="ticketDTO"')


def multipart(*parts: bytes) -> bytes:
    return b"".join(parts)[2:] + b"\r\n--the-boundary--\r\n"


def keys(sandbox: Sandbox) -> dict[str, str]:
    return {
        "X-LSQ-ACCESS-KEY": sandbox.access_key.reveal(),
        "X-LSQ-SECRET-KEY": sandbox.secret_key.reveal(),
    }


class Client:
    """Calls of one account; answers are (HTTP status, JSON)."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self.base = f"{sandbox.url}/api/tenants/{sandbox.tenant_id}"

    async def send(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> tuple[int, Any]:
        """Send any call below the account's base URL, with the keys."""
        headers = keys(self.sandbox) | ({"Content-Type": content_type} if content_type else {})
        async with self.session.request(
            method, self.base + path, data=io.BytesIO(body) if body else None, headers=headers, allow_redirects=False
        ) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type == "application/json" and text else text

    async def create(self, document: Any = None, *files: bytes) -> tuple[int, Any]:
        """Create a ticket, by default a valid one."""
        body = multipart(ticket_part(document or dto()), *(file_part(content) for content in files))
        return await self.send("POST", "/tickets", body, MULTIPART)

    async def post(self, *parts: bytes) -> tuple[int, Any]:
        """Create a ticket from hand-written parts."""
        return await self.send("POST", "/tickets", multipart(*parts), MULTIPART)

    async def json(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        """Send any call with a JSON body."""
        return await self.send(method, path, json.dumps(data).encode(), "application/json")


@asynccontextmanager
async def account(settings: SandboxOptions | None = None) -> AsyncIterator[Client]:
    async with asyncio.timeout(10), serve(settings or options()) as sandbox, aiohttp.ClientSession() as session:
        yield Client(sandbox, session)


async def raw_connection(sandbox: Sandbox) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = sandbox.url.removeprefix("http://").rpartition(":")
    return await asyncio.open_connection(host, int(port))


def raw_head(sandbox: Sandbox, length: int, *headers: str) -> bytes:
    """Return the head of a `POST /tickets` that announces a body of this length."""
    lines = [
        f"POST /api/tenants/{sandbox.tenant_id}/tickets HTTP/1.1",
        "Host: sandbox.test",
        *(f"{name}: {value}" for name, value in keys(sandbox).items()),
        f"Content-Type: {MULTIPART}",
        f"Content-Length: {length}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()
