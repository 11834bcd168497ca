"""Sends requests to one account over HTTP.

Every network error is translated here, and only here: to ``NotSent`` if not one byte of the request was sent, and to
``Unclear`` after that.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol, Self

import aiohttp
from aiohttp import hdrs

from importer.leadsquared.answers import (
    ANSWER_LIMIT_BYTES,
    CHANGED_WHILE_SENT,
    NotSendable,
    NotSent,
    Unclear,
    reason_text,
)
from importer.leadsquared.attachment_streams import RESOURCE_ERRORS, AttachmentChanged
from importer.leadsquared.connection_errors import describe_error, suspected_setting
from importer.leadsquared.connections import GatedConnector, RequestGate, RequestState, UploadProgress, current_request
from importer.leadsquared.multipart_body import is_sent_whole, open_body, text_body
from importer.leadsquared.requests import Request
from importer.models import Secret
from importer.runtime.proxy import parted
from importer.runtime.redaction import HIDDEN, LEAST_CHARS, Redactor

_CHECK_INTERVAL_S = 0.5
# More than any server or gateway sends. The defaults of aiohttp are 8 KB and 128 headers.
_HEADER_LIMIT_BYTES = 64 * 1024
_HEADERS_LIMIT = 500


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Address and keys of the account. ``base_url`` has no path: ``https://host``."""

    base_url: str
    tenant_id: str
    access_key: Secret
    secret_key: Secret
    proxy: str | None = None
    ssl_context: ssl.SSLContext | None = None

    @property
    def account_url(self) -> str:
        """The beginning of every call's URL."""
        return f"{self.base_url}/api/tenants/{self.tenant_id}"

    def headers(self) -> dict[str, str]:
        """Return the keys, for each request: aiohttp sends a session's headers to the proxy, too, unencrypted."""
        return {"X-LSQ-ACCESS-KEY": self.access_key.reveal(), "X-LSQ-SECRET-KEY": self.secret_key.reveal()}

    @functools.cached_property
    def redactor(self) -> Redactor:
        """Redactor of both keys and the proxy's password."""
        _, user, password = parted(self.proxy or "")
        login = f"{user}:{password}" if password else ""
        return Redactor((self.access_key.reveal(), self.secret_key.reveal(), password, login))

    def mask(self, body: bytes | None) -> bytes | None:
        """Hide both keys in an answer that repeats them."""
        for key in (self.access_key.reveal(), self.secret_key.reveal()):
            if body and len(key) >= LEAST_CHARS:
                body = body.replace(key.encode(), HIDDEN.encode())
        return body


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Limits on the parts of a call, in seconds.

    The whole call has none: an upload may take hours.
    """

    connect_s: float = 15.0
    idle_s: float = 60.0  # without a byte moving in either direction
    answer_s: float = 120.0  # after the last byte was sent


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountReply:
    """An answer of the account. ``body`` is ``None`` if it was too long."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


Reply = AccountReply | Unclear | NotSent | NotSendable


class Transport(Protocol):
    """Sends requests to the account."""

    async def send(self, request: Request, gate: RequestGate) -> Reply:
        """Send one request when its gate allows it, and return the answer. Raises only the errors of the gate.

        Cancelling is safe: the gate knows whether a byte was sent.
        """


class _WatchedRequest:
    """Context of a request in flight. A class, as a generator would take twice as long."""

    __slots__ = ("_in_flight", "_state", "_token")

    def __init__(self, state: RequestState, in_flight: set[RequestState]) -> None:
        self._state = state
        self._in_flight = in_flight

    def __enter__(self) -> None:
        self._token = current_request.set(self._state)
        self._in_flight.add(self._state)

    def __exit__(self, *_: object) -> None:
        self._in_flight.discard(self._state)
        self._state.close()
        current_request.reset(self._token)


class _TimeLimits:
    """Checks the time limits of all requests in flight: a task for each would cost more than the request."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._interval_s = min(_CHECK_INTERVAL_S, timeouts.idle_s / 4, timeouts.answer_s / 4)
        self._in_flight: set[RequestState] = set()

    def over(self, state: RequestState) -> _WatchedRequest:
        """Watch one request during a ``with`` block, in which the connector can get it."""
        return _WatchedRequest(state, self._in_flight)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            now = asyncio.get_running_loop().time()
            for state in self._in_flight:
                if state.left and not state.sent_whole and state.limit is not None:
                    self._check(state, state.limit, now)

    def _check(self, state: RequestState, limit: asyncio.Timeout, now: float) -> None:
        """Extend the request's time limit while bytes move; after the last byte, set the answer's limit."""
        upload = state.upload
        written = upload.tracker.bytes_written if upload is not None else 0
        if upload is None or written >= upload.size_bytes:
            state.sent_whole = True
            limit.reschedule(now + self._timeouts.answer_s)
        elif written != upload.moved_bytes:
            upload.moved_bytes = written
            limit.reschedule(now + self._timeouts.idle_s)


class HttpTransport:
    """The account's API on the network. Use as ``async with HttpTransport(endpoint, timeouts, connections=N)``."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts, *, connections: int) -> None:
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._proxy = _proxy_options(endpoint.proxy)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._watch = _TimeLimits(timeouts)
        self._watch_task: asyncio.Task[None] | None = None
        self._boundary = uuid.uuid4().hex

    async def __aenter__(self) -> Self:
        connector = GatedConnector(limit=self._connections, ssl=self._endpoint.ssl_context or True)
        self._session = aiohttp.ClientSession(
            connector=connector,
            # `connect` includes DNS, TLS and a proxy's CONNECT, and ends before the gate.
            timeout=aiohttp.ClientTimeout(total=None, connect=self._timeouts.connect_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=_HEADER_LIMIT_BYTES,
            max_field_size=_HEADER_LIMIT_BYTES,
            max_headers=_HEADERS_LIMIT,
        )
        self._watch_task = asyncio.create_task(self._watch.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watch_task is not None:
            self._watch_task.cancel()
            await asyncio.gather(self._watch_task, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def send(self, request: Request, gate: RequestGate) -> Reply:
        """See ``Transport``."""
        if not request.attachments:
            return await self._exchange(request, self._body(request), RequestState(gate))
        with contextlib.ExitStack() as files:
            try:
                parts, checked = await open_body(request, files)
            except AttachmentChanged as error:
                return NotSendable("attachment-changed", str(error))
            except OSError as error:
                return self._not_sent(error, RequestState(gate))
            state = RequestState(gate, upload=UploadProgress(parts.size or 0), files=checked)
            return await self._exchange(request, parts, state)

    def _body(self, request: Request) -> bytes | None:
        if request.part:
            return text_body(request, self._boundary)
        return request.text.encode() or None

    def _headers(self, request: Request) -> dict[str, str]:
        headers = self._endpoint.headers()
        if request.part and not request.attachments:
            headers[hdrs.CONTENT_TYPE] = f"multipart/form-data; boundary={self._boundary}"
        elif request.text and not request.part:
            headers[hdrs.CONTENT_TYPE] = "application/json"
        return headers

    async def _exchange(
        self, request: Request, body: bytes | aiohttp.MultipartWriter | None, state: RequestState
    ) -> Reply:
        """Send one request and read its answer."""
        try:
            return await self._request(request, body, state)
        except (aiohttp.ClientError, OSError, AttachmentChanged) as error:
            return self._explain(error, state)

    async def _request(
        self, request: Request, body: bytes | aiohttp.MultipartWriter | None, state: RequestState
    ) -> AccountReply | Unclear:
        assert self._session is not None, "use the transport as an async context manager"
        with self._watch.over(state):
            async with (
                asyncio.timeout(None) as state.limit,
                self._session.request(
                    hdrs.METH_POST if request.text else hdrs.METH_GET,
                    f"{self._endpoint.account_url}/{request.path}",
                    data=body,
                    headers=self._headers(request),
                    allow_redirects=False,
                    **self._proxy,
                    upload_tracker=state.upload.tracker if state.upload is not None else None,
                ) as response,
            ):
                state.head = (response.status, response.headers)
                is_partly_sent = isinstance(body, aiohttp.MultipartWriter) and not is_sent_whole(body)
                if response.status == HTTPStatus.OK and is_partly_sent:
                    return Unclear("unclear-answer", "200 before the whole request was sent", HTTPStatus.OK)
                answer_body = self._endpoint.mask(await _read_limited(response))
                return AccountReply(status=response.status, headers=response.headers, body=answer_body)

    def _described(self, error: BaseException, state: RequestState) -> str:
        # The message of an error may quote the answer, which may repeat a key.
        if state.left and isinstance(error, aiohttp.ClientResponseError):
            return reason_text(self._endpoint.redactor.text(f"the answer can't be read: {error.message}"))
        return reason_text(self._endpoint.redactor.text(describe_error(error)))

    def _explain(self, error: BaseException, state: RequestState) -> Reply:
        changed = next((each for each in (error, error.__cause__) if isinstance(each, AttachmentChanged)), None)
        if not state.left:
            return self._not_sent(error, state) if changed is None else NotSendable("attachment-changed", str(changed))
        if state.head is not None and state.head[0] != HTTPStatus.OK:
            # The status is enough, although the connection broke.
            return AccountReply(status=state.head[0], headers=state.head[1], body=None)
        if changed is not None:
            return Unclear(CHANGED_WHILE_SENT, f"{changed}; the request was aborted")
        if not isinstance(error, TimeoutError):
            return Unclear("no-answer", self._described(error, state))
        if state.sent_whole:
            return Unclear("answer-timeout", f"no answer within {self._timeouts.answer_s:g} s after the last byte")
        return Unclear("upload-stalled", f"the upload stalled for {self._timeouts.idle_s:g} s")

    def _not_sent(self, error: BaseException, state: RequestState) -> NotSent:
        out_of_resources = isinstance(error, OSError) and error.errno in RESOURCE_ERRORS
        return NotSent(
            self._described(error, state),
            stale=state.stale,
            out_of_resources=out_of_resources,
            settings_fault=suspected_setting(error),
        )


async def _read_limited(response: aiohttp.ClientResponse) -> bytes | None:
    """Read the answer's body; return ``None`` if it is longer than ``ANSWER_LIMIT_BYTES``."""
    body = bytearray()
    while not response.content.at_eof():
        body += await response.content.readany()  # usually all of it
        if len(body) > ANSWER_LIMIT_BYTES:
            return None
    return bytes(body)


def _proxy_options(proxy: str | None) -> dict[str, Any]:
    """Return the proxy options of a request.

    The URL has no user name and password: errors of aiohttp show it.
    """
    if proxy is None:
        return {}
    url, user, password = parted(proxy)
    if not (user or password):
        return {"proxy": url}
    return {"proxy": url, "proxy_headers": {hdrs.PROXY_AUTHORIZATION: aiohttp.encode_basic_auth(user, password)}}
