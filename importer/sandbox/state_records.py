"""Records of the sandbox account's tickets, leads, files and calls. Pure: no I/O."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """One received attachment; only the hash of its content is kept."""

    name: str
    content_type: str | None
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class TicketRecord:
    """One ticket. ``call``: number of the call that created it. ``made_s``: the loop's monotonic time.

    ``lead_details``: the ``LeadDetail.*`` entries of ``fields``. ``lead_id``: the ticket's lead, which was named in the
    request, found or created.
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
        """Return the value of one field; ``None`` if the ticket has none."""
        return dict(self.fields).get(schema_name)


@dataclass(frozen=True, kw_only=True)
class LeadRecord:
    """One lead that a ticket created. Identifiers are in lower case for comparison."""

    lead_id: str
    identifiers: tuple[tuple[str, str], ...]
    details: tuple[tuple[str, str], ...]
    ticket: str


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """One call, numbered from 1 in the order of arrival. Times are the loop's monotonic seconds; ``None``: not yet.

    ``arrived_s``: when its headers had arrived. ``counted_s``: when it was counted against the limit, later by the
    jitter. ``received_s``: when the last byte of a ticket's body was read. ``reused``: the connection had served a
    request before. ``post``: number among the `POST /tickets`, as in fault plans. ``status``, ``reason``: of the
    answer, if any. ``ticket``: number of the ticket that the call created, even without an answer.
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
