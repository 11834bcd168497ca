"""Where an unanswered request's ticket may be, and which row a found ticket belongs to.

Ticket numbers seem to increase, but no page of the API promises it. So numbers only tell where to search, and a ticket
that is not found proves nothing. The order of requests comes from the ledger, which numbers its attempts as they are
sent, and not from clocks: ``settled_after`` is the number of the last attempt sent when an attempt was settled.

A ticket fits a row if it carries the row's key in its ``key_field``, else if it has all that the row's request asked
for. Two things can't be seen in a request, and then no row is settled: which row a ticket belongs to if another
unanswered request may have created it as well (also if an automation changed one of its fields since, except the
title), and which lead it belongs to if the request described the lead, because the account shows only IDs of leads.

Pure.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from importer.leadsquared.documented_fields import TITLE, is_custom_field, is_lead_field

# So many numbers beyond a neighbour are searched, because a ticket may be created after those of later requests.
LATE_NUMBERS = 25
_TITLE_HASH = "hash of the title"


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchedRequest:
    """A request without a known result, and the fields that it sent.

    ``row``: the ledger's number of the row, unique over all sources. ``title_hash``: all that remains of the fields
    once the row is settled; ``None`` for all others.
    """

    row: int
    key: str
    attempt: int
    settled_after: int | None  # ``None``: not yet
    lead_id: str | None
    fields: Mapping[str, str]  # SchemaName -> Value
    key_field: str | None = None
    title_hash: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownTicket:
    """A request that was answered with a ticket's number."""

    number: int
    attempt: int
    settled_after: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundTicket:
    """A ticket as the account shows it (*Get a Ticket's Details*).

    ``title_hash``: the hash of its title as the ledger stores it.
    """

    number: str
    ticket_id: str
    lead_id: str | None
    fields: Mapping[str, str]
    title_hash: str = ""


class NumberGaps:
    """Ranges of ticket numbers in which the tickets of unanswered requests may be.

    ``known``: numbers that already belong to a row.
    """

    def __init__(self, answered: Iterable[KnownTicket], known: Iterable[int]) -> None:
        answered = list(answered)
        self._known = sorted(set(known))
        self._lower, self._upper = _Bounds(answered, below=True), _Bounds(answered, below=False)
        self._span = (
            (min(each.number for each in answered), max(each.number for each in answered)) if answered else None
        )

    def ranges_around(self, requests: Iterable[SearchedRequest]) -> list[range]:
        """Return the numbers that the tickets may have: rising ranges that do not overlap.

        Returns no range if no ticket before or after them is known.
        """
        if self._span is None:
            return []
        least, greatest = self._span
        ranges = []
        for each in requests:
            above = self._lower.at(each.attempt)
            below = self._upper.at(each.settled_after) if each.settled_after is not None else None
            first = above + 1 if above is not None else least - LATE_NUMBERS
            last = (below if below is not None else greatest) + LATE_NUMBERS
            ranges.append(range(max(1, first), max(1, last + 1)))
        return _merged(ranges)

    def count(self, ranges: Sequence[range]) -> int:
        """Count the numbers to ask for."""
        return sum(len(each) - len(self._known_in(each)) for each in ranges)

    def numbers(self, ranges: Sequence[range]) -> Iterator[int]:
        """Return the numbers to ask for: rising, each once, without known ones."""
        for each in ranges:
            known = set(self._known_in(each))
            yield from (number for number in each if number not in known)

    def _known_in(self, numbers: range) -> list[int]:
        known = self._known
        return known[bisect.bisect_left(known, numbers.start) : bisect.bisect_left(known, numbers.stop)]


def _merged(ranges: Iterable[range]) -> list[range]:
    merged: list[range] = []
    for each in sorted(ranges, key=lambda numbers: numbers.start):
        if merged and each.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, each.stop))
        elif each:
            merged.append(each)
    return merged


class _Bounds:
    """Bounds of the number that any attempt got.

    The greatest number surely assigned before the attempt (``below``), or the least one surely assigned after it.
    """

    def __init__(self, answered: Iterable[KnownTicket], *, below: bool) -> None:
        self._below = below
        order = sorted((each.settled_after if below else -each.attempt, each.number) for each in answered)
        self._at = [at for at, _ in order]
        self._best: list[int] = []
        for _, number in order:
            best = self._best[-1] if self._best else number
            self._best.append(max(best, number) if below else min(best, number))

    def at(self, attempt: int) -> int | None:
        """Return the bound for an attempt; ``None`` if there is none on this side."""
        index = bisect.bisect_left(self._at, attempt if self._below else -attempt)
        return self._best[index - 1] if index else None


def match_tickets(requests: Iterable[SearchedRequest], found: Iterable[FoundTicket]) -> dict[int, list[FoundTicket]]:
    """Return row -> the tickets that may belong to it; exactly one surely belongs to it.

    ``requests`` must be all unanswered ones of the account: one that is left out could have created another row's
    ticket. A row without a fitting ticket is left out; a row whose only ticket may also belong to another row gets an
    empty list.
    """
    index = _Index(requests)
    fitting: defaultdict[int, dict[str, FoundTicket]] = defaultdict(dict)
    for ticket in found:
        for each in index.possible_requests(ticket):
            if _fits(each, ticket):
                fitting[each.row][ticket.number] = ticket
    return {
        row: [] if len(tickets) == 1 and index.is_doubtful(row, *tickets.values()) else list(tickets.values())
        for row, tickets in fitting.items()
    }


class _Index:
    """Requests by a value that each of their tickets surely has: the title, or a key field."""

    def __init__(self, requests: Iterable[SearchedRequest]) -> None:
        requests = list(requests)
        self._key_fields = {each.key_field for each in requests if each.key_field is not None}
        self._by_value: defaultdict[tuple[str, str], list[SearchedRequest]] = defaultdict(list)
        for each in requests:
            if each.title_hash is not None:
                self._by_value[_TITLE_HASH, each.title_hash].append(each)
                continue
            self._by_value[TITLE, each.fields.get(TITLE, "")].append(each)
            for name in self._key_fields - {TITLE}:
                if value := each.fields.get(name, "").strip():
                    self._by_value[name, value].append(each)

    def possible_requests(self, ticket: FoundTicket) -> Iterator[SearchedRequest]:
        """Return the requests that may have created the ticket; some come twice."""
        values = {(TITLE, ""), (TITLE, ticket.fields.get(TITLE, ""))}
        values |= {(_TITLE_HASH, ""), (_TITLE_HASH, ticket.title_hash)}
        values |= {(name, ticket.fields.get(name, "").strip()) for name in self._key_fields - {TITLE}}
        for value in values:
            yield from self._by_value.get(value, ())

    def is_doubtful(self, row: int, ticket: FoundTicket) -> bool:
        """Return whether another row's request may have created a ticket that fits this row."""
        possible_requests = list(self.possible_requests(ticket))
        own = [each for each in possible_requests if each.row == row]
        return any(_may_have_created(each, ticket, own) for each in possible_requests if each.row != row)


def fits_any_request(requests: Sequence[SearchedRequest], ticket: FoundTicket) -> bool:
    """Return whether a ticket has what one of a row's requests asked for."""
    return any(_fits(each, ticket) for each in requests)


def _fits(request: SearchedRequest, ticket: FoundTicket) -> bool:
    if _carries_its_key(request):
        field = request.key_field
        return field is not None and ticket.fields.get(field, "").strip() == request.key.strip()
    own = {name: value for name, value in request.fields.items() if not is_lead_field(name)}
    if not own or any(ticket.fields.get(name, "") != value for name, value in own.items()):
        return False
    if request.lead_id is not None:
        return _same_id(request.lead_id, ticket.lead_id)
    details = {name: value for name, value in request.fields.items() if is_lead_field(name)}
    shown = {name: ticket.fields[name] for name in details if name in ticket.fields}
    if any(shown[name] != details[name] for name in shown):
        return False
    return len(shown) == len(details) or _has_identifying_field(request)


def _may_have_created(other: SearchedRequest, ticket: FoundTicket, own: Sequence[SearchedRequest]) -> bool:
    """Return whether another row's request may have created a ticket that fits this row."""
    by_key = next((each.key_field for each in own if _carries_its_key(each) and _fits(each, ticket)), None)
    if by_key is not None and other.title_hash is not None:
        return other.key.strip() == ticket.fields[by_key].strip()
    if by_key is not None:
        return other.fields.get(by_key, "").strip() == ticket.fields[by_key].strip()
    if other.title_hash is not None:
        return other.title_hash in ("", ticket.title_hash)
    if _carries_its_key(other):
        return _fits(other, ticket)
    if other.fields.get(TITLE, ticket.fields.get(TITLE, "")) != ticket.fields.get(TITLE, ""):
        return False
    changed = sum(
        ticket.fields.get(name, "") != value for name, value in other.fields.items() if not is_lead_field(name)
    )
    changed += other.lead_id is not None and not _same_id(other.lead_id, ticket.lead_id)
    return changed <= 1


def _carries_its_key(request: SearchedRequest) -> bool:
    """Return whether the ticket has the row's key in its key field.

    False for a template or a fixed value of the mapping.
    """
    value = request.fields.get(request.key_field, "").strip() if request.key_field is not None else ""
    return bool(value) and value == request.key.strip()


def _has_identifying_field(request: SearchedRequest) -> bool:
    """Return whether a field of the ticket identifies the row; then its lead does not matter."""
    if request.key_field is not None and request.fields.get(request.key_field):
        return True
    key = request.key.strip()
    return bool(key) and any(value.strip() == key for name, value in request.fields.items() if is_custom_field(name))


def _same_id(one: str, other: str | None) -> bool:
    return other is not None and one.strip("{}").lower() == other.strip("{}").lower()
