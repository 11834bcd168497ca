"""Connections to the account: each is used for one request, which is sent when its gate allows it.

A server or a proxy may send an answer twice, or late. A second request on the same connection would receive it. With
one request per connection, no request receives the answer to another.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp

from importer.leadsquared.attachment_streams import CheckedFile
from importer.leadsquared.multipart_body import check_files

# A server that closes a new connection sooner than this has a problem. If it closes one later, the connection was only
# idle for too long, and another one is opened at once.
_MIN_OPEN_S = 1.25
# A connection that waited longer than this for its slot is not used: the server may be closing it.
_MAX_IDLE_S = 10.0
# The longest delay of a write error, until the answer that has arrived is read.
_MAX_ERROR_DELAY_S = 1.0
# A write error is delayed at least this many times, even if the whole process was stalled for longer: before each new
# write, the event loop reads once.
_MIN_ERROR_DELAYS = 3


class RequestGate(Protocol):
    """Delays a request whose connection is ready until it may be sent."""

    async def wait_until_allowed(self) -> None:
        """Return when the request may be sent. An error ends the call, and nothing is sent."""

    @property
    def is_lost(self) -> bool:
        """Whether the permission has expired since: it has to be waited for again."""

    def on_first_byte(self) -> None:
        """Record that the first byte is being sent now."""


@dataclass(slots=True)
class UploadProgress:
    """Progress of an upload of known size."""

    size_bytes: int
    tracker: aiohttp.UploadTracker = field(default_factory=aiohttp.UploadTracker)
    moved_bytes: int = -1  # at the last check


@dataclass(slots=True, eq=False)
class RequestState:
    """State of one request, shared by the client and the connector."""

    gate: RequestGate
    upload: UploadProgress | None = None  # only with files; a text is written at once
    files: Sequence[CheckedFile] = ()
    left: bool = False
    stale: bool = False
    sent_whole: bool = False
    limit: asyncio.Timeout | None = None
    head: tuple[int, Mapping[str, str]] | None = None  # the answer's status and headers
    transport: asyncio.Transport | None = None

    def close(self) -> None:
        """Close the connection at once, without sending buffered bytes or closing TLS."""
        if self.transport is not None:
            self.transport.abort()


current_request: ContextVar[RequestState] = ContextVar("sending")


class GatedConnector(aiohttp.TCPConnector):
    """Returns a connection only when the gate allows the request, so that the first byte is sent at the slot's time."""

    def __init__(self, **options: Any) -> None:
        super().__init__(socket_factory=_new_socket, **options)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> aiohttp.connector.Connection:
        """Open a connection, and return it when the gate allows it. Raises ClientConnectionError."""
        sending = current_request.get()
        if sending.left:  # aiohttp repeats a GET automatically, without a slot
            raise aiohttp.ClientConnectionError("the connection was closed before an answer came")
        connection = await super().connect(req, traces, timeout)
        opened_at = self._loop.time()
        try:
            await _wait_until_allowed(sending)
            _prepare(connection, self._loop.time() - opened_at)
        except BaseException:
            connection.close()  # a cancelled wait would leave the socket open and counted
            raise
        sending.left = True
        sending.transport = connection.transport
        sending.gate.on_first_byte()
        return connection


async def _wait_until_allowed(sending: RequestState) -> None:
    is_allowed = False
    while not is_allowed:
        await sending.gate.wait_until_allowed()
        await check_files(sending.files)
        # Two rounds of the event loop, to read what has arrived meanwhile, including a close.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        is_allowed = not sending.gate.is_lost


def _prepare(connection: aiohttp.connector.Connection, waited_s: float) -> None:
    """Prepare a connection for one request.

    Raises ClientConnectionError if the server has closed it, may be closing it, or has already sent something.
    """
    transport, protocol = connection.transport, connection.protocol
    if transport is None or transport.is_closing() or protocol is None:
        reason = "the connection was closed before anything was sent"
    elif protocol.should_close:
        reason = "the server sent something before the request"
    elif waited_s > _MAX_IDLE_S:
        reason = "the connection was open for too long before anything was sent"
    else:
        # The connector's `force_close` would send `Connection: close`, and then aiohttp's parser refuses an answer with
        # more bytes behind it.
        protocol.force_close()
        return
    current_request.get().stale = waited_s > _MIN_OPEN_S
    raise aiohttp.ClientConnectionError(reason)


class _Socket(socket.socket):
    """A socket that delays write errors until the bytes that have arrived are read.

    A server that refuses a large upload answers early and closes the connection, which resets it. Then the next write
    fails, and the event loop drops the connection with the answer that has arrived and is not read yet. This socket
    reports such a write as a full buffer, so that the answer is read first.
    """

    _delay_until = 0.0
    _delays = 0

    def send(self, data: Any, flags: int = 0, /) -> int:
        try:
            return super().send(data, flags)
        except ConnectionError as error:
            self._delay_if_unread(error)
            raise

    def sendmsg(self, buffers: Any, /, *more: Any) -> int:
        try:
            return super().sendmsg(buffers, *more)
        except ConnectionError as error:
            self._delay_if_unread(error)
            raise

    def _delay_if_unread(self, error: ConnectionError) -> None:
        """Raise BlockingIOError if there are bytes to read, for up to ``_MAX_ERROR_DELAY_S``."""
        try:
            unread = self.recv(1, socket.MSG_PEEK)
        except OSError:
            return
        now = time.monotonic()
        self._delay_until = self._delay_until or now + _MAX_ERROR_DELAY_S
        if unread and (now < self._delay_until or self._delays < _MIN_ERROR_DELAYS):
            self._delays += 1
            raise BlockingIOError(
                errno.EAGAIN, "the connection is reset, and bytes that have arrived are not read yet"
            ) from error


def _new_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    return _Socket(family=family, type=kind, proto=protocol)
