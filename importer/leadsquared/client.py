"""Client of one account: sends requests that change it, and reads tickets and fields."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from importer.leadsquared.answers import Answer, AnswerReader, NotSendable, NotSent, Unclear, read_answer
from importer.leadsquared.connections import RequestGate
from importer.leadsquared.masking import mask_answer
from importer.leadsquared.requests import Request
from importer.leadsquared.ticket_details import DetailsAnswer, read_details
from importer.leadsquared.transport import AccountReply, Endpoint, HttpTransport, Timeouts, Transport
from importer.runtime.redaction import Redactor


class Client:
    """Client of one account. ``redactor`` hides the account's keys in answers that repeat them."""

    def __init__(self, transport: Transport, redactor: Redactor) -> None:
        self._transport = transport
        self._redactor = redactor

    async def send(self, request: Request, gate: RequestGate, read: AnswerReader = read_answer) -> Answer:
        """Send a request that changes the account, and ``read`` its answer. Raises only the errors of the gate."""
        reply = await self._transport.send(request, gate)
        if isinstance(reply, AccountReply):
            return mask_answer(read(reply.status, reply.headers, reply.body, time.time()), self._redactor)
        return reply

    async def read(self, request: Request, gate: RequestGate) -> AccountReply | Unclear | NotSent:
        """Send a request that changes nothing, so that it may be repeated. Raises only the errors of the gate."""
        reply = await self._transport.send(request, gate)
        assert not isinstance(reply, NotSendable), "a request that reads has no files"
        return reply

    async def get_ticket(self, number: str, gate: RequestGate) -> DetailsAnswer:
        """Read one ticket (*Get a Ticket's Details by Id*). Raises only the errors of the gate."""
        reply = await self.read(Request(path=f"tickets/{quote(number, safe='')}"), gate)
        if isinstance(reply, AccountReply):
            return read_details(number, reply.status, reply.headers, reply.body)
        return reply


@asynccontextmanager
async def open_client(endpoint: Endpoint, timeouts: Timeouts, *, connections: int) -> AsyncIterator[Client]:
    """Yield a client that sends over at most ``connections`` connections at a time."""
    async with HttpTransport(endpoint, timeouts, connections=connections) as transport:
        yield Client(transport, endpoint.redactor)
