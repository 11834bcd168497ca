"""Concludes from found tickets and the user's decisions what happens to unknown rows.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from importer.errors import UsageError
from importer.leadsquared.documented_fields import TITLE
from importer.leadsquared.ticket_details import TicketDetails
from importer.ledger.records import AMBIGUOUS, FOUND, NOT_FOUND, SET_CREATED, SET_PENDING, LedgerEntry, RowFinding
from importer.models import Status, TicketIds
from importer.resolve.decisions import Decisions
from importer.resolve.number_gaps import FoundTicket, NumberGaps, SearchedRequest, fits_any_request, match_tickets

_RESOLVE_NOTE = "; resolve "
_MAX_TICKETS_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownRow:
    """An unknown row with its unanswered requests.

    ``import_rows``: several if `duplicates: first` gave several rows the same key.
    """

    import_rows: tuple[int, ...]
    entry: LedgerEntry
    requests: tuple[SearchedRequest, ...]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All facts for the conclusions.

    ``requests`` and ``known`` are read after the last call to the account. ``known``: ticket number -> description of
    the row that has it. ``hash_title`` returns the hash of a title as the ledger stores it.
    """

    requests: Sequence[SearchedRequest]
    known: Mapping[str, str]
    tickets: Mapping[str, TicketDetails]
    gaps: NumberGaps
    at: str
    hash_title: Callable[[str], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conclusion:
    """What the ledger records about one row, and a warning for the user."""

    finding: RowFinding
    warning: str = ""


def conclusions(rows: Iterable[UnknownRow], decisions: Decisions, evidence: Evidence) -> list[Conclusion]:
    """Return the conclusion for each row. Raises UsageError with all contradictory decisions."""
    rows = list(rows)
    _refuse_contradictions(decisions, evidence)
    chosen = set(decisions.created.values())
    candidates = [
        replace(_found(ticket), title_hash=evidence.hash_title(ticket.fields.get(TITLE, "")))
        for number, ticket in evidence.tickets.items()
        if number not in chosen and number not in evidence.known
    ]
    matching = match_tickets(evidence.requests, candidates)
    return [
        _conclude_decided(row, decisions, evidence)
        or _conclude_searched(row, matching.get(row.entry.id), decisions, evidence)
        for row in rows
    ]


def _refuse_contradictions(decisions: Decisions, evidence: Evidence) -> None:
    wrong = list(_contradictions(decisions, evidence))
    if wrong:
        raise UsageError(
            "--set can't be followed; no row is settled",
            details=wrong,
            hint="look up the ticket numbers in the account",
        )


def _contradictions(decisions: Decisions, evidence: Evidence) -> Iterator[str]:
    for row, number in decisions.created.items():
        if number in evidence.known:
            yield f"'{row}=created:{number}': ticket {number} now belongs to {evidence.known[number]}"
        elif number not in evidence.tickets:
            yield f"'{row}=created:{number}': the account shows no ticket {number}"


def _conclude_decided(row: UnknownRow, decisions: Decisions, evidence: Evidence) -> Conclusion | None:
    number = next((decisions.created[each] for each in row.import_rows if each in decisions.created), None)
    if number is not None:
        ticket = evidence.tickets[number]
        differs = bool(row.requests) and not fits_any_request(row.requests, _found(ticket))
        warning = (
            f"row {row.import_rows[0]}: ticket {number} differs from the row's request; it is set because --set says so"
        )
        return Conclusion(finding=_created(row, SET_CREATED, ticket), warning=warning if differs else "")
    if any(each in decisions.pending for each in row.import_rows):
        return Conclusion(finding=_pending(row, f"set to pending by hand at {evidence.at}"))
    return None


def _conclude_searched(
    row: UnknownRow, tickets: list[FoundTicket] | None, decisions: Decisions, evidence: Evidence
) -> Conclusion:
    if tickets is not None and len(tickets) == 1:
        return Conclusion(finding=_created(row, FOUND, evidence.tickets[tickets[0].number]))
    before = row.entry.error.partition(_RESOLVE_NOTE)[0]
    if tickets is not None:
        numbers = ", ".join(each.number for each in tickets[:_MAX_TICKETS_SHOWN])
        text = f"found several tickets that fit: {numbers}" if tickets else "found a ticket that also fits other rows"
        return Conclusion(finding=_unknown(row, AMBIGUOUS, f"{before}{_RESOLVE_NOTE}{text} ({evidence.at})"))
    looked = f"{before}{_RESOLVE_NOTE}{_describe_search(row, evidence)}"
    if decisions.not_found_pending:
        return Conclusion(finding=_pending(row, f"{looked}; then it was set to pending by hand"))
    return Conclusion(finding=_unknown(row, NOT_FOUND, looked))


def _describe_search(row: UnknownRow, evidence: Evidence) -> str:
    """Describe which numbers were asked for a row."""
    ranges = evidence.gaps.ranges_around(row.requests)
    count = evidence.gaps.count(ranges)
    if not row.requests:
        return f"could not search: this ledger does not know what was sent ({evidence.at})"
    if not count:
        why = "all numbers around it belong to other rows" if ranges else "no ticket before or after it is known"
        return f"had no number to ask for: {why} ({evidence.at})"
    span = f"from {ranges[0].start} to {ranges[-1].stop - 1}"
    numbers = "1 ticket number" if count == 1 else f"{count:,} ticket numbers"
    return f"asked for {numbers} {span} at {evidence.at}, and no ticket there fits"


def _created(row: UnknownRow, outcome: str, ticket: TicketDetails) -> RowFinding:
    ids = TicketIds(number=ticket.number, ticket_id=ticket.ticket_id, key=ticket.key)
    return RowFinding(key=row.entry.key, state=Status.CREATED.value, outcome=outcome, ids=ids)


def _pending(row: UnknownRow, error: str) -> RowFinding:
    return RowFinding(
        key=row.entry.key, state=Status.PENDING.value, outcome=SET_PENDING, error_code=SET_PENDING, error=error
    )


def _unknown(row: UnknownRow, outcome: str, error: str) -> RowFinding:
    return RowFinding(key=row.entry.key, state=Status.UNKNOWN.value, outcome=outcome, error_code=outcome, error=error)


def _found(ticket: TicketDetails) -> FoundTicket:
    return FoundTicket(number=ticket.number, ticket_id=ticket.ticket_id, lead_id=ticket.lead_id, fields=ticket.fields)
