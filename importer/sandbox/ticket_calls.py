"""The calls that carry a ticket: read, judged, struck by a fault or entered in the state after the latency."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

from importer.sandbox import answers
from importer.sandbox.account_state import AccountState, ReceivedTicket
from importer.sandbox.answers import Answer
from importer.sandbox.connection import close, reset
from importer.sandbox.fault_selection import FaultSelector
from importer.sandbox.faults import Fault, FaultRule
from importer.sandbox.options import SandboxOptions
from importer.sandbox.request_body import TicketBody, read_ticket
from importer.sandbox.state_records import CallRecord, TicketRecord
from importer.sandbox.ticket_dto import CREATE, CREATE_AS_JSON, ExpectedTicket, RequestedTicket, check_ticket


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request under way. ``gone`` is set when its client has gone, or the server stops."""

    request: web.BaseRequest
    call: CallRecord
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class TicketCalls:
    """Creates and updates tickets. An answer of ``None`` means that the client gets none."""

    def __init__(self, options: SandboxOptions, state: AccountState) -> None:
        self._options = options
        self._state = state
        self._faults = FaultSelector(options.faults, options.seed)

    async def create(self, exchange: Exchange) -> Answer | None:
        """*Create Ticket with Attachments*, or *Create Tickets* where the body is JSON."""
        call = exchange.call
        first = self._state.first_ticket is None
        rule = self._faults.for_call(call.post or 0, reused=call.reused, first=first)
        if rule is not None and rule.fault.comes_early:
            return await self._strike_early(exchange, rule)
        body = await self._receive(exchange)
        order, problems = self._judge(body, CREATE_AS_JSON if body.as_json else CREATE)
        if rule is None and order is not None:
            rule = self._faults.for_ticket(dict(order.fields), reused=call.reused, first=first)
        if rule is not None and not rule.fault.makes_ticket:
            return await self._strike(exchange, rule, None)
        if order is None:
            return await self._refuse(problems)
        received = self._received(call, order, body)
        await asyncio.sleep(self._options.latency_s)
        ticket = self._state.create(received, asyncio.get_running_loop().time())
        return answers.success(ticket) if rule is None else await self._strike(exchange, rule, ticket)

    async def update(self, exchange: Exchange, name: str) -> Answer:
        """*Update Ticket with Attachments*: a whole document, its ``Id`` the number of the ticket in the URL."""
        body = await self._receive(exchange)
        ticket = self._state.ticket(name)
        if ticket is None:
            return answers.failure(404, f"no ticket {name!r}")
        if body.as_json:
            return await self._refuse(("an update is multipart/form-data",))
        order, problems = self._judge(body, ExpectedTicket(id_member=True, number=ticket.number))
        if order is None:
            return await self._refuse(problems)
        received = self._received(exchange.call, order, body)
        await asyncio.sleep(self._options.latency_s)
        return answers.success(self._state.update(ticket.number, received), "Ticket updated successfully.")

    async def _receive(self, exchange: Exchange) -> TicketBody:
        body = await read_ticket(exchange.request, self._options.max_body_bytes)
        self._state.record_body_read(exchange.call.ordinal, asyncio.get_running_loop().time())
        return body

    def _judge(self, body: TicketBody, expected: ExpectedTicket) -> tuple[RequestedTicket | None, tuple[str, ...]]:
        if body.document is None:
            return None, body.problems
        order, problems = check_ticket(body.document, self._options.account, expected)
        return (None if body.problems else order), (*body.problems, *problems)

    def _received(self, call: CallRecord, order: RequestedTicket, body: TicketBody) -> ReceivedTicket:
        # The lead is looked up now and made after the latency: two requests at once can make it twice.
        return ReceivedTicket(call=call.ordinal, order=order, files=body.files, lead_id=self._state.find_lead(order))

    async def _refuse(self, problems: tuple[str, ...]) -> Answer:
        await asyncio.sleep(self._options.latency_s)
        return answers.failure(400, "; ".join(problems))

    async def _strike_early(self, exchange: Exchange, rule: FaultRule) -> Answer | None:
        self._state.record_fault(exchange.call.ordinal, rule.fault)
        if rule.fault is Fault.CLOSE_MID_BODY:
            await _read_half(exchange.request)
        elif rule.fault is not Fault.REUSED_CLOSED_BEFORE:
            return answers.of_fault(rule, None, self._options.rate)
        close(exchange.request)
        return None

    async def _strike(self, exchange: Exchange, rule: FaultRule, ticket: TicketRecord | None) -> Answer | None:
        self._state.record_fault(exchange.call.ordinal, rule.fault)
        if ticket is None:
            await asyncio.sleep(self._options.latency_s)
        match rule.fault:
            case Fault.HANG_BEFORE | Fault.HANG_AFTER:
                await exchange.gone.wait()
                return None
            case Fault.RESET_BEFORE | Fault.RESET_AFTER:
                reset(exchange.request)
                return None
            case Fault.CLOSED_BEFORE | Fault.CLOSED_AFTER | Fault.REUSED_MADE_THEN_CLOSED:
                close(exchange.request)
                return None
            case Fault.SLOW:
                await asyncio.sleep(rule.delay_s)
        told = self._state.first_ticket if rule.fault.names_first_ticket else ticket
        return answers.of_fault(rule, told, self._options.rate)


async def _read_half(request: web.BaseRequest) -> None:
    # Half of the announced body, or the first bytes of one that announces nothing: never its last byte.
    left = (request.content_length or 2) // 2
    while left > 0:
        chunk = await request.content.read(min(left, 64 * 1024))
        if not chunk:
            return
        left -= len(chunk)
