"""One connection pool to one account: sends a ticket and says what became of it.

Every failure of the network is translated here, and only here, into an ``Answer``: ``NotSent`` where not one byte of
the request can have gone out, ``Unclear`` for everything after that.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import ssl
import weakref
from collections.abc import AsyncIterator, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import aiohttp
from aiohttp import hdrs, payload
from aiohttp.abc import AbstractStreamWriter

from importer.leadsquared.wire import (
    ANSWER_LIMIT_BYTES,
    Answer,
    NotSendable,
    NotSent,
    Unclear,
    one_line,
    read_answer,
    ticket_json,
)
from importer.models import Attachment, Secret, Ticket

_READ_SIZE_BYTES = 256 * 1024
_WATCH_INTERVAL_S = 0.5


class Withdrawn(Exception):
    """The gate let the request not pass: the run is stopping. Nothing was sent."""


class AttachmentChanged(Exception):
    """A file is not what was checked any more."""


class Gate(Protocol):
    """What a request waits for when its connection is ready to be written to."""

    async def passed(self) -> None:
        """Return when the request may go out now; raise ``Withdrawn`` if it may not."""

    def leaving(self) -> None:
        """Take note that the first byte goes out now."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where the account is and how it knows us. ``base_url`` has no path: ``https://host``."""

    base_url: str
    tenant_id: str
    access_key: Secret
    secret_key: Secret
    proxy: str | None = None
    ssl_context: ssl.SSLContext | None = None

    @property
    def tickets_url(self) -> str:
        """The address of *Create Ticket with Attachments*."""
        return f"{self.base_url}/api/tenants/{self.tenant_id}/tickets"

    def mask(self, body: bytes | None) -> bytes | None:
        """Take both keys out of an answer that repeats them."""
        for key in (self.access_key, self.secret_key):
            if body and key:
                body = body.replace(key.reveal().encode(), b"********")
        return body


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long the parts of a call may take, in seconds. There is no limit on the whole: an upload may take hours."""

    connect_s: float = 15.0
    idle_s: float = 60.0  # without a byte moving in either direction
    answer_s: float = 120.0  # after the last byte has gone


@dataclass(slots=True)
class _Sending:
    """One request on its way, as the connector and the watch see it."""

    gate: Gate
    left: bool = False
    kept: bool = False  # its connection has carried a request before
    stale: bool = False
    sent_whole: bool = False


_sending: ContextVar[_Sending] = ContextVar("sending")


class _GatedConnector(aiohttp.TCPConnector):
    """Hands a connection out only when the gate is passed, so that the slot's time is the time of the first byte."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> aiohttp.connector.Connection:
        sending = _sending.get()
        connection = await super().connect(req, traces, timeout)
        sending.kept = connection.protocol in self._seen
        self._seen.add(connection.protocol)
        try:
            await sending.gate.passed()
            await _refuse_closed(connection)
        except BaseException:
            connection.close()  # a cancelled wait would leave the socket open and counted
            raise
        sending.left = True
        sending.gate.leaving()
        return connection


async def _refuse_closed(connection: aiohttp.connector.Connection) -> None:
    """Raise if the peer has closed the connection; the event loop needs two rounds to notice."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    if connection.transport is None or connection.transport.is_closing():
        sending = _sending.get()
        sending.stale = sending.kept  # a new one that is closed at once is the server's or the network's trouble
        raise aiohttp.ClientConnectionError("the connection was closed before anything was sent")


class _FilePart(payload.Payload):
    """A file of known size, read chunk by chunk and never held; raises if it does not yield exactly that size."""

    _value: io.BufferedReader

    def __init__(self, attachment: Attachment, file: io.BufferedReader) -> None:
        super().__init__(file, content_type=attachment.content_type, filename=None)
        self._size = attachment.size_bytes
        self._path = attachment.path

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise NotImplementedError("a file part is streamed")

    async def write(self, writer: AbstractStreamWriter) -> None:
        loop = asyncio.get_running_loop()
        left = self._size or 0
        while left:
            data = await loop.run_in_executor(None, self._value.read, min(_READ_SIZE_BYTES, left))
            if not data:
                raise AttachmentChanged(f"{self._path} became shorter while it was being sent")
            left -= len(data)
            await writer.write(data)


class Client:
    """Use as ``async with Client(endpoint, patience, connections=N) as client``."""

    def __init__(self, endpoint: Endpoint, patience: Patience, *, connections: int) -> None:
        self._endpoint = endpoint
        self._patience = patience
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = _GatedConnector(
            limit=self._connections, keepalive_timeout=60, ssl=self._endpoint.ssl_context or True
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._patience.connect_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "X-LSQ-ACCESS-KEY": self._endpoint.access_key.reveal(),
                "X-LSQ-SECRET-KEY": self._endpoint.secret_key.reveal(),
            },
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def create_ticket(self, ticket: Ticket, gate: Gate) -> Answer:
        """Send one ticket (*Create Ticket with Attachments*). Raises nothing but what the gate raises.

        The body is built anew at each call. Cancelling is safe: whether a byte had gone out is known to the gate.
        """
        sending = _Sending(gate)
        with contextlib.ExitStack() as files:
            try:
                body = await asyncio.to_thread(_multipart, ticket, files)
            except AttachmentChanged as error:
                return NotSendable("attachment-changed", str(error))
            token = _sending.set(sending)
            try:
                return await self._post(body, sending)
            finally:
                _sending.reset(token)

    async def _post(self, body: aiohttp.MultipartWriter, sending: _Sending) -> Answer:
        assert self._session is not None, "use the client as an async context manager"
        tracker = aiohttp.UploadTracker()
        try:
            async with (
                asyncio.timeout(None) as limit,
                _watching(self._watch(tracker, body.size or 0, limit, sending)),
                self._session.post(
                    self._endpoint.tickets_url,
                    data=body,
                    allow_redirects=False,
                    proxy=self._endpoint.proxy,
                    upload_tracker=tracker,
                ) as response,
            ):
                answer_body = self._endpoint.mask(await _read_limited(response))
                return read_answer(response.status, response.headers, answer_body)
        except (aiohttp.ClientError, OSError, AttachmentChanged) as error:
            return self._explain(error, sending)

    async def _watch(
        self, tracker: aiohttp.UploadTracker, size_bytes: int, limit: asyncio.Timeout, sending: _Sending
    ) -> None:
        """Move the request's time limit forward as long as bytes move; after the last byte, set the answer's."""
        loop = asyncio.get_running_loop()
        moved = -1
        while True:
            if sending.left:
                written = tracker.bytes_written
                if written >= size_bytes:
                    sending.sent_whole = True
                    limit.reschedule(loop.time() + self._patience.answer_s)
                    return
                if written != moved:
                    moved = written
                    limit.reschedule(loop.time() + self._patience.idle_s)
            await asyncio.sleep(_WATCH_INTERVAL_S)

    def _explain(self, error: BaseException, sending: _Sending) -> Answer:
        text = one_line(_describe(error))
        if not sending.left:
            return NotSent(text, stale=sending.stale)
        if isinstance(error, TimeoutError):
            if sending.sent_whole:
                return Unclear("answer-timeout", f"no answer within {self._patience.answer_s:g} s after the last byte")
            return Unclear("upload-stalled", f"no byte moved for {self._patience.idle_s:g} s")
        return Unclear("no-answer", text)


@contextlib.asynccontextmanager
async def _watching(watch: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(watch)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _read_limited(response: aiohttp.ClientResponse) -> bytes | None:
    """Read the answer's body; ``None`` if it is longer than ``ANSWER_LIMIT_BYTES``."""
    body = bytearray()
    async for data in response.content.iter_any():
        body += data
        if len(body) > ANSWER_LIMIT_BYTES:
            return None
    return bytes(body)


def _multipart(ticket: Ticket, files: contextlib.ExitStack) -> aiohttp.MultipartWriter:
    """Build the body: ``ticketDTO`` as a text part without a Content-Type of its own, then a ``files`` part each.

    Every file is opened, and held against what was checked, before a slot is taken for the call.
    """
    body = aiohttp.MultipartWriter("form-data")
    body.append_payload(_form_part(payload.StringPayload(ticket_json(ticket)), "ticketDTO"))
    for attachment in ticket.attachments:
        file = files.enter_context(_open_checked(attachment))
        part = _form_part(_FilePart(attachment, file), "files", filename=attachment.name)
        part.headers[hdrs.CONTENT_TYPE] = attachment.content_type
        body.append_payload(part)
    return body


def _form_part(part: payload.Payload, name: str, **disposition: str) -> payload.Payload:
    # Without quote_fields=False a file name would arrive as my%20file.pdf; browsers and curl send it as UTF-8.
    part.set_content_disposition("form-data", quote_fields=False, name=name, **disposition)
    part.headers.popall(hdrs.CONTENT_LENGTH, None)
    part.headers.popall(hdrs.CONTENT_TYPE, None)
    return part


def _open_checked(attachment: Attachment) -> io.BufferedReader:
    try:
        file = attachment.path.open("rb")
    except OSError as error:
        raise AttachmentChanged(f"{attachment.path} can't be opened any more: {error.strerror}") from error
    now = os.fstat(file.fileno())
    real_path = Path(os.path.realpath(attachment.path))
    if (now.st_size, now.st_mtime_ns, real_path) != (attachment.size_bytes, attachment.modified_ns, attachment.path):
        file.close()
        raise AttachmentChanged(f"{attachment.path} changed after it had been checked")
    return file


def _describe(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
