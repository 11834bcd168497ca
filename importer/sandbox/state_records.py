"""What the stand-in account remembers of what it was asked and what it did. Pure values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """One attachment as it arrived; its content is hashed and forgotten."""

    name: str
    content_type: str | None
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class TicketRecord:
    """One ticket. ``call`` is the ordinal of the call that made it, ``made_s`` the loop's monotonic time.

    ``lead_details`` are the ``LeadDetail.*`` entries of ``fields``; ``lead_id`` is the lead that the ticket hangs on:
    one that was named, found or made.
    """

    number: str
    ticket_id: str
    key: str
    fields: tuple[tuple[str, str], ...]
    lead_id: str
    lead_details: tuple[tuple[str, str], ...]
    files: tuple[FileRecord, ...]
    call: int
    made_s: float
    trashed: bool = False

    def value(self, schema_name: str) -> str | None:
        """The value of one field, ``None`` where the ticket has none."""
        return dict(self.fields).get(schema_name)


@dataclass(frozen=True, kw_only=True)
class LeadRecord:
    """One lead that a ticket made. Identifiers are in lower case, as they are compared."""

    lead_id: str
    identifiers: tuple[tuple[str, str], ...]
    details: tuple[tuple[str, str], ...]
    ticket: str


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """One call, in the order of arrival, from 1 on. Times are the loop's monotonic seconds; ``None``: not so far.

    ``arrived_s`` is when its headers were there, ``counted_s`` when the limit was charged (later by the jitter), and
    ``received_s`` when the last byte of a ticket's body was read. ``reused``: the connection had served a request
    before. ``post`` numbers the `POST /tickets` among the calls, as fault plans do. ``status`` and ``reason`` are what
    the client was told, if anything; ``ticket`` is the number of the ticket that the call made, told or not.
    """

    ordinal: int
    arrived_s: float
    method: str
    path: str
    reused: bool
    post: int | None = None
    counted_s: float | None = None
    received_s: float | None = None
    status: int | None = None
    reason: str | None = None
    fault: str | None = None
    ticket: str | None = None
