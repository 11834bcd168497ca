"""The sandbox account's state: tickets, leads and all calls. Pure: the caller passes in time and randomness."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from importer.sandbox.state_records import CallRecord, FileRecord, LeadRecord, TicketRecord
from importer.sandbox.ticket_dto import RequestedTicket

FIRST_TICKET_NUMBER = 157  # the number in the documented answer


@dataclass(frozen=True, kw_only=True)
class ReceivedTicket:
    """A valid ticket that was received but not created yet.

    ``lead_id``: the lead that was found when the request arrived; ``None`` for a new lead. It is not looked up again,
    so two requests in flight can create one lead twice.
    """

    call: int
    requested: RequestedTicket
    files: tuple[FileRecord, ...]
    lead_id: str | None


class AccountState:
    """Tickets, leads and calls of one account. ``on_change`` is called after every change."""

    def __init__(self, random: Random, on_change: Callable[[], None], first_number: int = FIRST_TICKET_NUMBER) -> None:
        self.calls: list[CallRecord] = []
        self.leads: list[LeadRecord] = []
        self.warnings: list[str] = []
        self._tickets: dict[str, TicketRecord] = {}
        self._numbers: dict[str, str] = {}  # TicketId -> number
        self._lead_of: dict[tuple[str, str], LeadRecord] = {}
        self._posts = 0
        self._first_number = first_number
        self._random = random
        self._on_change = on_change

    @property
    def tickets(self) -> tuple[TicketRecord, ...]:
        """All tickets in the order of creation, trashed ones included."""
        return tuple(self._tickets.values())

    @property
    def first_ticket(self) -> TicketRecord | None:
        """The ticket that was created first; ``None`` if there is none."""
        return next(iter(self._tickets.values()), None)

    def open_call(self, call: CallRecord, *, is_post: bool) -> CallRecord:
        """Record a call that has arrived; return it with its numbers."""
        if is_post:
            self._posts += 1
        call = replace(call, ordinal=len(self.calls) + 1, post=self._posts if is_post else None)
        self.calls.append(call)
        self._on_change()
        return call

    def record_counted(self, ordinal: int, now_s: float) -> None:
        """Record when the call was counted against the limit, or refused by it."""
        self._change_call(ordinal, lambda call: replace(call, counted_s=now_s))

    def record_body_read(self, ordinal: int, now_s: float) -> None:
        """Record when the last byte of the call's body was read."""
        self._change_call(ordinal, lambda call: replace(call, received_s=now_s))

    def record_fault(self, ordinal: int, fault: str) -> None:
        """Record the fault that affects this call."""
        self._change_call(ordinal, lambda call: replace(call, fault=fault))

    def record_answer(self, ordinal: int, status: int, reason: str | None) -> None:
        """Record the answer to this call."""
        self._change_call(ordinal, lambda call: replace(call, status=status, reason=reason))

    def ticket(self, name: str) -> TicketRecord | None:
        """Return the ticket of this number or TicketId, unless it is in the trash."""
        ticket = self._tickets.get(self._numbers.get(name.lower(), name))
        return None if ticket is None or ticket.trashed else ticket

    def find_lead(self, requested: RequestedTicket) -> str | None:
        """Return a ticket's lead: the one that it names, or a known one with the same identifier."""
        found = (self._lead_of.get(identifier) for identifier in requested.lead_identifiers)
        return requested.lead_id or next((lead.lead_id for lead in found if lead), None)

    def create(self, received: ReceivedTicket, now_s: float) -> TicketRecord:
        """Create the ticket and, if none was found when the request arrived, its lead."""
        number = str(self._first_number + len(self._tickets))
        ticket_id = self._guid()
        requested = received.requested
        ticket = TicketRecord(
            number=number,
            ticket_id=ticket_id,
            key=f"#{number}",
            fields=requested.fields,
            lead_id=received.lead_id or self._make_lead(requested, number),
            lead_details=requested.lead_details,
            files=received.files,
            call=received.call,
            made_s=now_s,
        )
        self._tickets[number] = ticket
        self._numbers[ticket_id] = number
        self._change_call(received.call, lambda call: replace(call, ticket=number))
        return ticket

    def update(self, number: str, received: ReceivedTicket) -> TicketRecord:
        """Replace fields of the same name, and add the other fields and the files."""
        ticket, requested = self._tickets[number], received.requested
        ticket = replace(
            ticket,
            fields=tuple((dict(ticket.fields) | dict(requested.fields)).items()),
            lead_id=received.lead_id or self._make_lead(requested, number),
            lead_details=requested.lead_details or ticket.lead_details,
            files=(*ticket.files, *received.files),
        )
        self._tickets[number] = ticket
        self._on_change()
        return ticket

    def trash(self, number: str) -> bool:
        """Move a ticket to the trash; ``False`` if there is none of this number."""
        ticket = self._tickets.get(number)
        if ticket is None or ticket.trashed:
            return False
        self._tickets[number] = replace(ticket, trashed=True)
        self._on_change()
        return True

    def _make_lead(self, requested: RequestedTicket, number: str) -> str:
        lead = LeadRecord(
            lead_id=self._guid(), identifiers=requested.lead_identifiers, details=requested.lead_details, ticket=number
        )
        for identifier in lead.identifiers:
            first = self._lead_of.setdefault(identifier, lead)
            if first is not lead:
                self.warnings.append(
                    f"two leads were created for {identifier[0]} {identifier[1]!r}: tickets #{first.ticket} and "
                    f"#{number} were in flight at the same time"
                )
        self.leads.append(lead)
        return lead.lead_id

    def _change_call(self, ordinal: int, change: Callable[[CallRecord], CallRecord]) -> None:
        self.calls[ordinal - 1] = change(self.calls[ordinal - 1])
        self._on_change()

    def _guid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
