"""Connections to the account: each carries one request, and is handed out when that request's gate is passed.

A server or a proxy may send an answer twice, or late. On a connection that carries a second request, such an answer is
taken for that request's. On a connection that carries one request, no request receives the answer to another.
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

# A server that closes a new connection sooner than this is in trouble. Later, it has only lost patience with one that
# carries no request, and another is opened at once.
_TROUBLE_S = 1.25
# A connection that has waited longer than this for its slot is not used: the server may be just closing it.
_WAITS_S = 10.0
# For how long at most a write error waits until what has arrived is read.
_READS_ON_S = 1.0


class RequestGate(Protocol):
    """What a request waits for when its connection is ready to be written to."""

    async def wait_until_allowed(self) -> None:
        """Return when the request may go out now. What is raised instead ends the call, with nothing sent."""

    def on_first_byte(self) -> None:
        """Take note that the first byte goes out now."""


@dataclass(slots=True)
class UploadProgress:
    """How far a body of known size is."""

    size_bytes: int
    tracker: aiohttp.UploadTracker = field(default_factory=aiohttp.UploadTracker)
    moved_bytes: int = -1  # when it was looked at last


@dataclass(slots=True, eq=False)
class RequestState:
    """One request on its way, as the connector and the watch see it."""

    gate: RequestGate
    upload: UploadProgress | None = None  # where files are sent; a text is given to the connection as a whole
    files: Sequence[CheckedFile] = ()
    left: bool = False
    stale: bool = False
    sent_whole: bool = False
    limit: asyncio.Timeout | None = None
    head: tuple[int, Mapping[str, str]] | None = None  # the answer's status and headers
    transport: asyncio.Transport | None = None

    def close(self) -> None:
        """Close the connection at once, without waiting for bytes still on their way out or for the end of TLS."""
        if self.transport is not None:
            self.transport.abort()


current_request: ContextVar[RequestState] = ContextVar("sending")


class GatedConnector(aiohttp.TCPConnector):
    """Hands a connection out only when the gate is passed, so that the slot's time is the time of the first byte."""

    def __init__(self, **options: Any) -> None:
        super().__init__(socket_factory=_new_socket, **options)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> aiohttp.connector.Connection:
        """Open a connection, and give it when the gate is passed. Raises ClientConnectionError if it can't be used."""
        sending = current_request.get()
        if sending.left:  # aiohttp repeats a GET by itself, which would take no slot
            raise aiohttp.ClientConnectionError("the connection was closed before an answer came")
        connection = await super().connect(req, traces, timeout)
        opened_at = self._loop.time()
        try:
            await sending.gate.wait_until_allowed()
            await check_files(sending.files)
            # The event loop reads what has arrived meanwhile, the end of the connection included: two rounds.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            _take(connection, self._loop.time() - opened_at)
        except BaseException:
            connection.close()  # a cancelled wait would leave the socket open and counted
            raise
        sending.left = True
        sending.transport = connection.transport
        sending.gate.on_first_byte()
        return connection


def _take(connection: aiohttp.connector.Connection, waited_s: float) -> None:
    """Take a connection for one request.

    Raises ClientConnectionError if the server has closed it, may just be closing it, or has said something on it.
    """
    transport, protocol = connection.transport, connection.protocol
    if transport is None or transport.is_closing() or protocol is None:
        reason = "the connection was closed before anything was sent"
    elif protocol.should_close:
        reason = "the server sent something before it was asked"
    elif waited_s > _WAITS_S:
        reason = "the connection was open for too long before anything was sent"
    else:
        # Not by the connector's `force_close`, which announces the end of the connection: then aiohttp's parser refuses
        # an answer that has anything behind it.
        protocol.force_close()
        return
    current_request.get().stale = waited_s > _TROUBLE_S
    raise aiohttp.ClientConnectionError(reason)


class _Socket(socket.socket):
    """A socket whose write errors wait until what has arrived is read.

    A server that refuses a large upload answers early and closes the connection, which resets it. The next write fails
    then, and the event loop drops the connection together with the answer, which has arrived and is not read yet. Here
    such a write is put off like one to a full buffer, so that the answer is read first.
    """

    _reads_until = 0.0

    def send(self, data: Any, flags: int = 0, /) -> int:
        try:
            return super().send(data, flags)
        except ConnectionError as error:
            self._put_off_if_unread(error)
            raise

    def sendmsg(self, buffers: Any, /, *more: Any) -> int:
        try:
            return super().sendmsg(buffers, *more)
        except ConnectionError as error:
            self._put_off_if_unread(error)
            raise

    def _put_off_if_unread(self, error: ConnectionError) -> None:
        """Raise BlockingIOError if there is something to read, but not for longer than ``_READS_ON_S``."""
        try:
            unread = self.recv(1, socket.MSG_PEEK)
        except OSError:
            return
        now = time.monotonic()
        self._reads_until = self._reads_until or now + _READS_ON_S
        if unread and now < self._reads_until:
            raise BlockingIOError(
                errno.EAGAIN, "the connection is reset, and what has arrived is not read yet"
            ) from error


def _new_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    return _Socket(family=family, type=kind, proto=protocol)
