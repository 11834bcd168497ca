"""The calls that create or update a ticket: read, check, simulate a fault or change the state after the latency."""

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
    """One request in flight. ``gone`` is set when its client disconnects, or the server stops."""

    request: web.BaseRequest
    call: CallRecord
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class TicketCalls:
    """Creates and updates tickets. ``None`` instead of an answer means that the client gets none."""

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
            return await self._early_fault(exchange, rule)
        body = await self._receive(exchange)
        requested, problems = self._check(body, CREATE_AS_JSON if body.as_json else CREATE)
        if rule is None and requested is not None:
            rule = self._faults.for_ticket(dict(requested.fields), reused=call.reused, first=first)
        if rule is not None and not rule.fault.makes_ticket:
            return await self._fault(exchange, rule, None)
        if requested is None:
            return await self._refuse(problems)
        received = self._received(call, requested, body)
        await asyncio.sleep(self._options.latency_s)
        ticket = self._state.create(received, asyncio.get_running_loop().time())
        return answers.success(ticket) if rule is None else await self._fault(exchange, rule, ticket)

    async def update(self, exchange: Exchange, name: str) -> Answer:
        """*Update Ticket with Attachments*: a complete document with the number of the URL's ticket as ``Id``."""
        body = await self._receive(exchange)
        ticket = self._state.ticket(name)
        if ticket is None:
            return answers.failure(404, f"no ticket {name!r}")
        if body.as_json:
            return await self._refuse(("an update is multipart/form-data",))
        requested, problems = self._check(body, ExpectedTicket(id_member=True, number=ticket.number))
        if requested is None:
            return await self._refuse(problems)
        received = self._received(exchange.call, requested, body)
        await asyncio.sleep(self._options.latency_s)
        return answers.success(self._state.update(ticket.number, received), "Ticket updated successfully.")

    async def _receive(self, exchange: Exchange) -> TicketBody:
        body = await read_ticket(exchange.request, self._options.max_body_bytes)
        self._state.record_body_read(exchange.call.ordinal, asyncio.get_running_loop().time())
        return body

    def _check(self, body: TicketBody, expected: ExpectedTicket) -> tuple[RequestedTicket | None, tuple[str, ...]]:
        if body.document is None:
            return None, body.problems
        requested, problems = check_ticket(body.document, self._options.account, expected)
        return (None if body.problems else requested), (*body.problems, *problems)

    def _received(self, call: CallRecord, requested: RequestedTicket, body: TicketBody) -> ReceivedTicket:
        # The lead is looked up now and created after the latency: two requests at once can create it twice.
        return ReceivedTicket(
            call=call.ordinal, requested=requested, files=body.files, lead_id=self._state.find_lead(requested)
        )

    async def _refuse(self, problems: tuple[str, ...]) -> Answer:
        await asyncio.sleep(self._options.latency_s)
        return answers.failure(400, "; ".join(problems))

    async def _early_fault(self, exchange: Exchange, rule: FaultRule) -> Answer | None:
        self._state.record_fault(exchange.call.ordinal, rule.fault)
        if rule.fault is Fault.CLOSE_MID_BODY:
            await _read_half(exchange.request)
        elif rule.fault is not Fault.REUSED_CLOSED_BEFORE:
            return answers.of_fault(rule, None, self._options.rate)
        close(exchange.request)
        return None

    async def _fault(self, exchange: Exchange, rule: FaultRule, ticket: TicketRecord | None) -> Answer | None:
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
        named = self._state.first_ticket if rule.fault.names_first_ticket else ticket
        return answers.of_fault(rule, named, self._options.rate)


async def _read_half(request: web.BaseRequest) -> None:
    # Half of the announced body, or the first bytes of a body without a length: never the last byte.
    left = (request.content_length or 2) // 2
    while left > 0:
        chunk = await request.content.read(min(left, 64 * 1024))
        if not chunk:
            return
        left -= len(chunk)
