"""What follows for unknown rows from the tickets that the account shows, and from what a person has decided. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from importer.errors import UsageError
from importer.leadsquared.ticket_details import TicketDetails
from importer.ledger.records import AMBIGUOUS, FOUND, NOT_FOUND, SET_CREATED, SET_PENDING, LedgerEntry, RowFinding
from importer.models import Status, TicketIds
from importer.resolve.decisions import Decisions
from importer.resolve.number_gaps import Found, NumberGaps, UnansweredRequest, fits_gap, matches

_LOOKED = "; resolve "
_TICKETS_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownRow:
    """An unknown row with its requests that have no answer. ``rows``: its import_row; several if it has twins."""

    rows: tuple[int, ...]
    entry: LedgerEntry
    requests: tuple[UnansweredRequest, ...]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known when it is decided. ``requests`` and ``known`` numbers are read after the last question.

    ``hashed`` gives the hash of a title as the ledger has it.
    """

    requests: Sequence[UnansweredRequest]
    known: Mapping[str, str]  # number -> the row that has it, in words
    tickets: Mapping[str, TicketDetails]
    gaps: NumberGaps
    at: str
    hashed: Callable[[str], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conclusion:
    """What is to be recorded of one row, and what a person would want to know of it."""

    finding: RowFinding
    note: str = ""


def conclusions(rows: Iterable[UnknownRow], decisions: Decisions, evidence: Evidence) -> list[Conclusion]:
    """Say what follows for each row. Raises UsageError with all decisions that can't be followed."""
    rows = list(rows)
    _check(decisions, evidence)
    chosen = set(decisions.created.values())
    candidates = [
        replace(_found(ticket), title_hash=evidence.hashed(ticket.fields.get("Title", "")))
        for number, ticket in evidence.tickets.items()
        if number not in chosen and number not in evidence.known
    ]
    matching = matches(evidence.requests, candidates)
    return [
        _decided(row, decisions, evidence) or _searched(row, matching.get(row.entry.id), decisions, evidence)
        for row in rows
    ]


def _check(decisions: Decisions, evidence: Evidence) -> None:
    wrong = list(_contradictions(decisions, evidence))
    if wrong:
        raise UsageError(
            "--set can't be followed, and nothing is settled", details=wrong, hint="look the numbers up in the account"
        )


def _contradictions(decisions: Decisions, evidence: Evidence) -> Iterator[str]:
    for row, number in decisions.created.items():
        if number in evidence.known:
            yield f"'{row}=created:{number}': ticket {number} is that of {evidence.known[number]} meanwhile"
        elif number not in evidence.tickets:
            yield f"'{row}=created:{number}': the account shows no ticket {number}"


def _decided(row: UnknownRow, decisions: Decisions, evidence: Evidence) -> Conclusion | None:
    number = next((decisions.created[each] for each in row.rows if each in decisions.created), None)
    if number is not None:
        ticket = evidence.tickets[number]
        differs = bool(row.requests) and not fits_gap(row.requests, _found(ticket))
        note = f"row {row.rows[0]}: ticket {number} is not what the row asked for; it is set as you say"
        return Conclusion(finding=_created(row, SET_CREATED, ticket), note=note if differs else "")
    if any(each in decisions.pending for each in row.rows):
        return Conclusion(finding=_pending(row, f"set to pending by hand at {evidence.at}"))
    return None


def _searched(row: UnknownRow, tickets: list[Found] | None, decisions: Decisions, evidence: Evidence) -> Conclusion:
    if tickets is not None and len(tickets) == 1:
        return Conclusion(finding=_created(row, FOUND, evidence.tickets[tickets[0].number]))
    before = row.entry.error.partition(_LOOKED)[0]
    if tickets is not None:
        numbers = ", ".join(each.number for each in tickets[:_TICKETS_SHOWN])
        text = (
            f"found several tickets that fit: {numbers}" if tickets else "found a ticket that fits other rows as well"
        )
        return Conclusion(finding=_unknown(row, AMBIGUOUS, f"{before}{_LOOKED}{text} ({evidence.at})"))
    looked = f"{before}{_LOOKED}{_where(row, evidence)}"
    if decisions.not_found_pending:
        return Conclusion(finding=_pending(row, f"{looked}; then it was set to pending by hand"))
    return Conclusion(finding=_unknown(row, NOT_FOUND, looked))


def _where(row: UnknownRow, evidence: Evidence) -> str:
    """What was asked for a row, in words."""
    ranges = evidence.gaps.around(row.requests)
    count = evidence.gaps.count(ranges)
    if not row.requests:
        return f"could not look for it: this ledger does not know what was sent ({evidence.at})"
    if not count:
        why = "all numbers around it are other rows'" if ranges else "no ticket before or after it is known"
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


def _found(ticket: TicketDetails) -> Found:
    return Found(number=ticket.number, ticket_id=ticket.ticket_id, lead_id=ticket.lead_id, fields=ticket.fields)
