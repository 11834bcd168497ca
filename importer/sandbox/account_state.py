"""The state of the stand-in account: its tickets, its leads, and every call. Pure: time and chance are handed in."""

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
    """A good ticket on its way into the state.

    ``lead_id`` is the lead as it was found when the request came, ``None`` if there was none: what another request
    makes of it in the meantime is not looked at again.
    """

    call: int
    order: RequestedTicket
    files: tuple[FileRecord, ...]
    lead_id: str | None


class AccountState:
    """Only ever grows; ``on_change`` is called after every entry."""

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
        """Every ticket made, in that order."""
        return tuple(self._tickets.values())

    @property
    def first_ticket(self) -> TicketRecord | None:
        """The ticket that was made first, ``None`` if there is none."""
        return next(iter(self._tickets.values()), None)

    def open_call(self, call: CallRecord, *, is_post: bool) -> CallRecord:
        """Enter a call that has arrived; gives it its ordinals."""
        if is_post:
            self._posts += 1
        call = replace(call, ordinal=len(self.calls) + 1, post=self._posts if is_post else None)
        self.calls.append(call)
        self._on_change()
        return call

    def record_counted(self, ordinal: int, now_s: float) -> None:
        """The limit was charged, or found exhausted, at this time."""
        self._change_call(ordinal, lambda call: replace(call, counted_s=now_s))

    def record_body_read(self, ordinal: int, now_s: float) -> None:
        """The last byte of the call's body was read at this time."""
        self._change_call(ordinal, lambda call: replace(call, received_s=now_s))

    def record_fault(self, ordinal: int, fault: str) -> None:
        """A fault strikes this call."""
        self._change_call(ordinal, lambda call: replace(call, fault=fault))

    def record_answer(self, ordinal: int, status: int, reason: str | None) -> None:
        """This is what the call is being told."""
        self._change_call(ordinal, lambda call: replace(call, status=status, reason=reason))

    def ticket(self, name: str) -> TicketRecord | None:
        """The ticket of this number or TicketId that is not in the trash."""
        ticket = self._tickets.get(self._numbers.get(name.lower(), name))
        return None if ticket is None or ticket.trashed else ticket

    def find_lead(self, order: RequestedTicket) -> str | None:
        """The lead of a ticket as things stand: the one it names, or one known by an identifier."""
        found = (self._lead_of.get(identifier) for identifier in order.lead_identifiers)
        return order.lead_id or next((lead.lead_id for lead in found if lead), None)

    def create(self, received: ReceivedTicket, now_s: float) -> TicketRecord:
        """Make the ticket and, if there was none when the request came, its lead."""
        number = str(self._first_number + len(self._tickets))
        ticket_id = self._guid()
        order = received.order
        ticket = TicketRecord(
            number=number,
            ticket_id=ticket_id,
            key=f"#{number}",
            fields=order.fields,
            lead_id=received.lead_id or self._make_lead(order, number),
            lead_details=order.lead_details,
            files=received.files,
            call=received.call,
            made_s=now_s,
        )
        self._tickets[number] = ticket
        self._numbers[ticket_id] = number
        self._change_call(received.call, lambda call: replace(call, ticket=number))
        return ticket

    def update(self, number: str, received: ReceivedTicket) -> TicketRecord:
        """Put fields into the place of those of the same name, add the others and the files."""
        ticket, order = self._tickets[number], received.order
        ticket = replace(
            ticket,
            fields=tuple((dict(ticket.fields) | dict(order.fields)).items()),
            lead_id=received.lead_id or self._make_lead(order, number),
            lead_details=order.lead_details or ticket.lead_details,
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

    def _make_lead(self, order: RequestedTicket, number: str) -> str:
        lead = LeadRecord(
            lead_id=self._guid(), identifiers=order.lead_identifiers, details=order.lead_details, ticket=number
        )
        for identifier in lead.identifiers:
            first = self._lead_of.setdefault(identifier, lead)
            if first is not lead:
                self.warnings.append(
                    f"two leads were made for {identifier[0]} {identifier[1]!r}: tickets #{first.ticket} and #{number}"
                    " were under way at the same time"
                )
        self.leads.append(lead)
        return lead.lead_id

    def _change_call(self, ordinal: int, change: Callable[[CallRecord], CallRecord]) -> None:
        self.calls[ordinal - 1] = change(self.calls[ordinal - 1])
        self._on_change()

    def _guid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
