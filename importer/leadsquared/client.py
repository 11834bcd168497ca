"""One connection pool to one account: sends a ticket and says what became of it, or asks for one.

Every failure of the network is translated here, and only here, into an ``Answer``: ``NotSent`` where not one byte of
the request can have gone out, ``Unclear`` for everything after that.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from aiohttp import hdrs

from importer.leadsquared.answers import (
    ANSWER_LIMIT_BYTES,
    CHANGED_WHILE_SENT,
    Answer,
    NotSendable,
    NotSent,
    Unclear,
    one_line,
    read_answer,
)
from importer.leadsquared.attachment_streams import RESOURCE_ERRORS, AttachmentChanged
from importer.leadsquared.connection_errors import describe_error, suspected_setting
from importer.leadsquared.connections import GatedConnector, RequestGate, RequestState, UploadProgress, current_request
from importer.leadsquared.masking import mask_answer
from importer.leadsquared.multipart_body import is_sent_whole, open_body, text_body
from importer.leadsquared.ticket_details import DetailsAnswer, read_details
from importer.models import Secret, Ticket
from importer.runtime.proxy import parted
from importer.runtime.redaction import HIDDEN, LEAST_CHARS, Redactor

_WATCH_INTERVAL_S = 0.5
# Larger or more headers than any server or gateway sends. aiohttp's own limits are 8 KB and 128 headers.
_HEADER_LIMIT_BYTES = 64 * 1024
_HEADERS_LIMIT = 500


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
    def account_url(self) -> str:
        """What the address of every call begins with."""
        return f"{self.base_url}/api/tenants/{self.tenant_id}"

    @property
    def tickets_url(self) -> str:
        """The address of *Create Ticket with Attachments*."""
        return f"{self.account_url}/tickets"

    def headers(self) -> dict[str, str]:
        """The keys. For each request anew: aiohttp shows the headers of a session to the proxy, too, unencrypted."""
        return {"X-LSQ-ACCESS-KEY": self.access_key.reveal(), "X-LSQ-SECRET-KEY": self.secret_key.reveal()}

    @functools.cached_property
    def redactor(self) -> Redactor:
        """Hides both keys and the proxy's password."""
        _, user, password = parted(self.proxy or "")
        login = f"{user}:{password}" if password else ""
        return Redactor((self.access_key.reveal(), self.secret_key.reveal(), password, login))

    def mask(self, body: bytes | None) -> bytes | None:
        """Take both keys out of an answer that repeats them as they are."""
        for key in (self.access_key.reveal(), self.secret_key.reveal()):
            if body and len(key) >= LEAST_CHARS:
                body = body.replace(key.encode(), HIDDEN.encode())
        return body


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long the parts of a call may take, in seconds. There is no limit on the whole: an upload may take hours."""

    connect_s: float = 15.0
    idle_s: float = 60.0  # without a byte moving in either direction
    answer_s: float = 120.0  # after the last byte has gone


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountReply:
    """An answer as it came; ``body`` is ``None`` where it was too long to be one."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


class _Watched:
    """A request under way. A class, as a generator for each would take twice as long."""

    __slots__ = ("_sending", "_token", "_under_way")

    def __init__(self, sending: RequestState, under_way: set[RequestState]) -> None:
        self._sending = sending
        self._under_way = under_way

    def __enter__(self) -> None:
        self._token = current_request.set(self._sending)
        self._under_way.add(self._sending)

    def __exit__(self, *_: object) -> None:
        self._under_way.discard(self._sending)
        self._sending.close()
        current_request.reset(self._token)


class _Watch:
    """Looks at all requests under way every now and then: a task for each would cost more than the request."""

    def __init__(self, patience: Timeouts) -> None:
        self._patience = patience
        self._interval_s = min(_WATCH_INTERVAL_S, patience.idle_s / 4, patience.answer_s / 4)
        self._under_way: set[RequestState] = set()

    def over(self, sending: RequestState) -> _Watched:
        """Watch one request while a block lasts, and let the connector know of it."""
        return _Watched(sending, self._under_way)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            now = asyncio.get_running_loop().time()
            for sending in self._under_way:
                if sending.left and not sending.sent_whole and sending.limit is not None:
                    self._look(sending, sending.limit, now)

    def _look(self, sending: RequestState, limit: asyncio.Timeout, now: float) -> None:
        """Move the request's time limit forward as long as bytes move; after the last byte, set the answer's."""
        upload = sending.upload
        written = upload.tracker.bytes_written if upload is not None else 0
        if upload is None or written >= upload.size_bytes:
            sending.sent_whole = True
            limit.reschedule(now + self._patience.answer_s)
        elif written != upload.moved_bytes:
            upload.moved_bytes = written
            limit.reschedule(now + self._patience.idle_s)


class Client:
    """Use as ``async with Client(endpoint, patience, connections=N) as client``."""

    def __init__(self, endpoint: Endpoint, patience: Timeouts, *, connections: int) -> None:
        self._endpoint = endpoint
        self._patience = patience
        self._proxy = _proxy_options(endpoint.proxy)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._watch = _Watch(patience)
        self._watching: asyncio.Task[None] | None = None
        self._boundary = uuid.uuid4().hex
        self._text_type = {hdrs.CONTENT_TYPE: f"multipart/form-data; boundary={self._boundary}"}

    async def __aenter__(self) -> Self:
        connector = GatedConnector(limit=self._connections, ssl=self._endpoint.ssl_context or True)
        self._session = aiohttp.ClientSession(
            connector=connector,
            # `connect` ends before the gate, and counts DNS, TLS and a proxy's CONNECT in.
            timeout=aiohttp.ClientTimeout(total=None, connect=self._patience.connect_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=_HEADER_LIMIT_BYTES,
            max_field_size=_HEADER_LIMIT_BYTES,
            max_headers=_HEADERS_LIMIT,
        )
        self._watching = asyncio.create_task(self._watch.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def create_ticket(self, ticket: Ticket, gate: RequestGate) -> Answer:
        """Send one ticket (*Create Ticket with Attachments*). Raises nothing but what the gate raises.

        The body is built anew at each call. Cancelling is safe: whether a byte had gone out is known to the gate.
        """
        if not ticket.attachments:
            body = text_body(ticket, self._boundary)
            return await self._post(body, RequestState(gate))
        with contextlib.ExitStack() as files:
            try:
                parts, checked = await open_body(ticket, files)
            except AttachmentChanged as error:
                return NotSendable("attachment-changed", str(error))
            except OSError as error:
                return self._not_sent(error, RequestState(gate))
            return await self._post(parts, RequestState(gate, upload=UploadProgress(parts.size or 0), files=checked))

    async def _post(self, body: bytes | aiohttp.MultipartWriter, sending: RequestState) -> Answer:
        assert self._session is not None, "use the client as an async context manager"
        keys = self._endpoint.headers()
        try:
            with self._watch.over(sending):
                async with (
                    asyncio.timeout(None) as sending.limit,
                    self._session.post(
                        self._endpoint.tickets_url,
                        data=body,
                        headers=keys | self._text_type if isinstance(body, bytes) else keys,
                        allow_redirects=False,
                        **self._proxy,
                        upload_tracker=sending.upload.tracker if sending.upload is not None else None,
                    ) as response,
                ):
                    sending.head = (response.status, response.headers)
                    if response.status == HTTPStatus.OK and not (isinstance(body, bytes) or is_sent_whole(body)):
                        return Unclear("unclear-answer", "200 before the request had been sent whole", HTTPStatus.OK)
                    answer_body = self._endpoint.mask(await _read_limited(response))
                    answer = read_answer(response.status, response.headers, answer_body, time.time())
                    return mask_answer(answer, self._endpoint.redactor)
        except (aiohttp.ClientError, OSError, AttachmentChanged) as error:
            return self._explain(error, sending)

    async def get_ticket(self, number: str, gate: RequestGate) -> DetailsAnswer:
        """Ask for one ticket (*Get a Ticket's Details by Id*). Raises nothing but what the gate raises.

        Nothing is changed by it, so whoever gets no answer may ask again: through a gate of its own.
        """
        said = await self.read(f"tickets/{quote(number, safe='')}", gate)
        return read_details(number, said.status, said.headers, said.body) if isinstance(said, AccountReply) else said

    async def read(
        self, path: str, gate: RequestGate, question: bytes | None = None
    ) -> AccountReply | Unclear | NotSent:
        """Ask for what is at ``path`` below the account's address: GET, or POST of a ``question`` in JSON.

        Nothing is changed by it, so whoever gets no answer may ask again. Raises nothing but what the gate raises.
        """
        assert self._session is not None, "use the client as an async context manager"
        sending = RequestState(gate)
        headers = self._endpoint.headers() | ({hdrs.CONTENT_TYPE: "application/json"} if question is not None else {})
        try:
            with self._watch.over(sending):
                async with (
                    asyncio.timeout(None) as sending.limit,
                    self._session.request(
                        hdrs.METH_GET if question is None else hdrs.METH_POST,
                        f"{self._endpoint.account_url}/{path}",
                        data=question,
                        headers=headers,
                        allow_redirects=False,
                        **self._proxy,
                    ) as response,
                ):
                    body = self._endpoint.mask(await _read_limited(response))
                    return AccountReply(status=response.status, headers=response.headers, body=body)
        except (aiohttp.ClientError, OSError) as error:
            if not sending.left:
                return self._not_sent(error, sending)
            return Unclear("no-answer", self._described(error, sending))

    def _described(self, error: BaseException, sending: RequestState) -> str:
        # An error's message may quote the answer, which may repeat a key.
        if sending.left and isinstance(error, aiohttp.ClientResponseError):
            return one_line(self._endpoint.redactor.text(f"an answer came that can't be read: {error.message}"))
        return one_line(self._endpoint.redactor.text(describe_error(error)))

    def _explain(self, error: BaseException, sending: RequestState) -> Answer:
        changed = next((each for each in (error, error.__cause__) if isinstance(each, AttachmentChanged)), None)
        if not sending.left:
            return (
                self._not_sent(error, sending) if changed is None else NotSendable("attachment-changed", str(changed))
            )
        if sending.head is not None and sending.head[0] != HTTPStatus.OK:
            # The status alone decides, although the connection broke off.
            return read_answer(*sending.head, None, time.time())
        if changed is not None:
            return Unclear(CHANGED_WHILE_SENT, f"{changed}; the request was broken off")
        if not isinstance(error, TimeoutError):
            return Unclear("no-answer", self._described(error, sending))
        if sending.sent_whole:
            return Unclear("answer-timeout", f"no answer within {self._patience.answer_s:g} s after the last byte")
        return Unclear("upload-stalled", f"no byte moved for {self._patience.idle_s:g} s")

    def _not_sent(self, error: BaseException, sending: RequestState) -> NotSent:
        out_of_resources = isinstance(error, OSError) and error.errno in RESOURCE_ERRORS
        return NotSent(
            self._described(error, sending),
            stale=sending.stale,
            out_of_resources=out_of_resources,
            settings_fault=suspected_setting(error),
        )


async def _read_limited(response: aiohttp.ClientResponse) -> bytes | None:
    """Read the answer's body; ``None`` if it is longer than ``ANSWER_LIMIT_BYTES``."""
    body = bytearray()
    while not response.content.at_eof():
        body += await response.content.readany()  # mostly all of it
        if len(body) > ANSWER_LIMIT_BYTES:
            return None
    return bytes(body)


def _proxy_options(proxy: str | None) -> dict[str, Any]:
    """A request's proxy. Its address is given without the user name and password: aiohttp's errors name it."""
    if proxy is None:
        return {}
    url, user, password = parted(proxy)
    if not (user or password):
        return {"proxy": url}
    return {"proxy": url, "proxy_headers": {hdrs.PROXY_AUTHORIZATION: aiohttp.encode_basic_auth(user, password)}}
