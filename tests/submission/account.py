"""The sandbox account without a network: requests reach it, and its answers come back, as values."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from importer.leadsquared.answers import Unclear
from importer.leadsquared.connections import RequestGate
from importer.leadsquared.requests import Request
from importer.leadsquared.transport import AccountReply, Reply
from importer.sandbox import answers
from importer.sandbox.account_state import AccountState, ReceivedTicket
from importer.sandbox.fault_selection import FaultSelector
from importer.sandbox.faults import Fault
from importer.sandbox.state_records import CallRecord, LeadRecord, TicketRecord
from importer.sandbox.ticket_dto import CREATE, check_ticket
from tests.leadsquared.peers import quick

_HANGS = (Fault.HANG_BEFORE, Fault.HANG_AFTER)
_CUTS = (Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.CLOSED_BEFORE, Fault.CLOSED_AFTER)


class Account:
    """A ``Transport`` to an account in this process. ``faults`` and ``options`` as for ``quick``."""

    def __init__(self, faults: object = None, **options: Any) -> None:
        self._options = quick(faults, **options)
        self._changed = asyncio.Event()
        self._state = AccountState(random.Random(0), self._changed.set)
        self._faults = FaultSelector(self._options.faults, seed=0)
        self._work: set[asyncio.Task[Reply]] = set()
        self.answer_s = 20.0

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """All calls in the order of arrival."""
        return tuple(self._state.calls)

    @property
    def tickets(self) -> tuple[TicketRecord, ...]:
        """All tickets in the order of creation."""
        return self._state.tickets

    @property
    def leads(self) -> tuple[LeadRecord, ...]:
        """All leads that tickets created."""
        return tuple(self._state.leads)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user would have to clean up."""
        return tuple(self._state.warnings)

    async def until(self, condition: Callable[[Account], bool]) -> None:
        """Wait until the condition holds."""
        while not condition(self):
            self._changed.clear()
            await self._changed.wait()

    async def send(self, request: Request, gate: RequestGate) -> Reply:
        """See ``Transport``. A request that was sent is processed even if its client leaves."""
        assert not request.attachments, "files are sent only over a real connection"
        await gate.wait_until_allowed()
        gate.on_first_byte()
        work = asyncio.create_task(self._process(request))
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        return await asyncio.shield(work)

    async def _process(self, request: Request) -> Reply:
        now, state, options = asyncio.get_running_loop().time, self._state, self._options
        call = CallRecord(ordinal=0, arrived_s=now(), method="POST", path=request.path, reused=False)
        call = state.open_call(call, is_post=True)
        rule = self._faults.for_call(call.ordinal, reused=False, first=state.first_ticket is None)
        requested, problems = check_ticket(request.text.encode(), options.account, CREATE)
        assert requested is not None, problems
        received = ReceivedTicket(call=call.ordinal, requested=requested, files=(), lead_id=state.find_lead(requested))
        await asyncio.sleep(options.latency_s)
        ticket = state.create(received, now()) if rule is None or rule.fault.makes_ticket else None
        if rule is not None:
            state.record_fault(call.ordinal, rule.fault)
        if rule is not None and rule.fault in _HANGS:
            await asyncio.sleep(self.answer_s)
            return Unclear("answer-timeout", f"no answer within {self.answer_s:g} s after the last byte")
        if rule is not None and rule.fault in _CUTS:
            return Unclear("no-answer", "the connection was closed")
        if rule is None:
            assert ticket is not None
            answer = answers.success(ticket)
        else:
            named = state.first_ticket if rule.fault.names_first_ticket else ticket
            answer = answers.of_fault(rule, named, options.rate)
        headers = {"Content-Type": answer.content_type, **dict(answer.headers)}
        return AccountReply(status=answer.status, headers=headers, body=answer.body)
