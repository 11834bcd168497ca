"""Where an unanswered request's ticket would be, and whether a ticket is the one. Pure.

Ticket numbers seem to run up, which no page promises; so a number only says where to look, and nothing is concluded
from not finding a ticket. Order is told by the ledger's attempts, which are numbered as they go out, and not by clocks:
``settled_after`` is the number of the last attempt that had gone out when an attempt was settled.

A row is known by its key, where the ticket carries that in the ``key_field``; else by all that was asked for. Two
things can't be told from what is asked for, and then nothing is settled: whose a ticket is that another unanswered
request may have made just as well (also if an automation has changed one of its fields since, the title excepted), and
whose lead it is where a lead was described, for the account shows only the IDs of leads.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

# How far beyond its neighbours a ticket is looked for: it may be made late, after requests that went out later.
LATE = 25
_TITLE = "Title"
_TITLE_HASH = "hash of Title"
_LEAD = "LeadDetail."
_OWN_FIELDS = "CustomData."


@dataclass(frozen=True, kw_only=True, slots=True)
class UnansweredRequest:
    """One request whose result is not known, and what it asked for. ``row`` is one number for all sources.

    Where its row is settled, only ``title_hash`` is left of what it asked for; it is ``None`` for all others.
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
class Found:
    """A ticket as the account shows it (*Get a Ticket's Details*). ``title_hash``: as the ledger hashes titles."""

    number: str
    ticket_id: str
    lead_id: str | None
    fields: Mapping[str, str]
    title_hash: str = ""


class NumberGaps:
    """Where the tickets of unanswered requests may be. ``known``: numbers that are some row's already."""

    def __init__(self, made: Iterable[KnownTicket], known: Iterable[int]) -> None:
        made = list(made)
        self._known = sorted(set(known))
        self._lower, self._upper = _Bounds(made, below=True), _Bounds(made, below=False)
        self._span = (min(each.number for each in made), max(each.number for each in made)) if made else None

    def around(self, requests: Iterable[UnansweredRequest]) -> list[range]:
        """The numbers among which the tickets may be: ranges that rise and don't overlap; none without a neighbour."""
        if self._span is None:
            return []
        least, greatest = self._span
        ranges = []
        for each in requests:
            above = self._lower.at(each.attempt)
            below = self._upper.at(each.settled_after) if each.settled_after is not None else None
            first = above + 1 if above is not None else least - LATE
            last = (below if below is not None else greatest) + LATE
            ranges.append(range(max(1, first), max(1, last + 1)))
        return _merged(ranges)

    def count(self, ranges: Sequence[range]) -> int:
        """How many numbers there are to ask for."""
        return sum(len(each) - len(self._known_in(each)) for each in ranges)

    def numbers(self, ranges: Sequence[range]) -> Iterator[int]:
        """The numbers to ask for, rising, each once; none that is known."""
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
    """For any attempt: the greatest number that was surely given out before it, or the least surely given after."""

    def __init__(self, made: Iterable[KnownTicket], *, below: bool) -> None:
        self._below = below
        order = sorted((each.settled_after if below else -each.attempt, each.number) for each in made)
        self._at = [at for at, _ in order]
        self._best: list[int] = []
        for _, number in order:
            best = self._best[-1] if self._best else number
            self._best.append(max(best, number) if below else min(best, number))

    def at(self, attempt: int) -> int | None:
        """The bound for an attempt; ``None`` where there is none on this side."""
        index = bisect.bisect_left(self._at, attempt if self._below else -attempt)
        return self._best[index - 1] if index else None


def matches(requests: Iterable[UnansweredRequest], found: Iterable[Found]) -> dict[int, list[Found]]:
    """Row -> the tickets that may be its own; exactly one means that it surely is.

    ``requests`` are all unanswered ones of the account: one that is left out could have made another's ticket. A row
    for which no ticket fits is not there; one whose only ticket may be another row's as well has an empty list.
    """
    index = _Index(requests)
    fitting: defaultdict[int, dict[str, Found]] = defaultdict(dict)
    for ticket in found:
        for each in index.near(ticket):
            if _fits(each, ticket):
                fitting[each.row][ticket.number] = ticket
    return {
        row: [] if len(tickets) == 1 and index.is_doubtful(row, *tickets.values()) else list(tickets.values())
        for row, tickets in fitting.items()
    }


class _Index:
    """Requests by what a ticket of theirs has in any case: their title, if they have one, or what a key field holds."""

    def __init__(self, requests: Iterable[UnansweredRequest]) -> None:
        requests = list(requests)
        self._key_fields = {each.key_field for each in requests if each.key_field is not None}
        self._by_value: defaultdict[tuple[str, str], list[UnansweredRequest]] = defaultdict(list)
        for each in requests:
            if each.title_hash is not None:
                self._by_value[_TITLE_HASH, each.title_hash].append(each)
                continue
            self._by_value[_TITLE, each.fields.get(_TITLE, "")].append(each)
            for name in self._key_fields - {_TITLE}:
                if value := each.fields.get(name, "").strip():
                    self._by_value[name, value].append(each)

    def near(self, ticket: Found) -> Iterator[UnansweredRequest]:
        """Those whose ticket it may be; some come twice."""
        values = {(_TITLE, ""), (_TITLE, ticket.fields.get(_TITLE, ""))}
        values |= {(_TITLE_HASH, ""), (_TITLE_HASH, ticket.title_hash)}
        values |= {(name, ticket.fields.get(name, "").strip()) for name in self._key_fields - {_TITLE}}
        for value in values:
            yield from self._by_value.get(value, ())

    def is_doubtful(self, row: int, ticket: Found) -> bool:
        """Say whether the request of another row may have made a ticket that fits this one's."""
        near = list(self.near(ticket))
        own = [each for each in near if each.row == row]
        return any(_may_have_made(each, ticket, own) for each in near if each.row != row)


def fits_gap(requests: Sequence[UnansweredRequest], ticket: Found) -> bool:
    """Say whether a ticket is what one of a row's requests asked for."""
    return any(_fits(each, ticket) for each in requests)


def _fits(request: UnansweredRequest, ticket: Found) -> bool:
    if _carries_its_key(request):
        field = request.key_field
        return field is not None and ticket.fields.get(field, "").strip() == request.key.strip()
    own = {name: value for name, value in request.fields.items() if not name.startswith(_LEAD)}
    if not own or any(ticket.fields.get(name, "") != value for name, value in own.items()):
        return False
    if request.lead_id is not None:
        return _same_id(request.lead_id, ticket.lead_id)
    details = {name: value for name, value in request.fields.items() if name.startswith(_LEAD)}
    shown = {name: ticket.fields[name] for name in details if name in ticket.fields}
    if any(shown[name] != details[name] for name in shown):
        return False
    return len(shown) == len(details) or _is_marked(request)


def _may_have_made(other: UnansweredRequest, ticket: Found, own: Sequence[UnansweredRequest]) -> bool:
    """Say whether another row's request may have made a ticket that fits this one."""
    by_key = next((each.key_field for each in own if _carries_its_key(each) and _fits(each, ticket)), None)
    if by_key is not None and other.title_hash is not None:
        return other.key.strip() == ticket.fields[by_key].strip()
    if by_key is not None:
        return other.fields.get(by_key, "").strip() == ticket.fields[by_key].strip()
    if other.title_hash is not None:
        return other.title_hash in ("", ticket.title_hash)
    if _carries_its_key(other):
        return _fits(other, ticket)
    if other.fields.get(_TITLE, ticket.fields.get(_TITLE, "")) != ticket.fields.get(_TITLE, ""):
        return False
    changed = sum(
        ticket.fields.get(name, "") != value for name, value in other.fields.items() if not name.startswith(_LEAD)
    )
    changed += other.lead_id is not None and not _same_id(other.lead_id, ticket.lead_id)
    return changed <= 1


def _carries_its_key(request: UnansweredRequest) -> bool:
    """Whether the ticket has the key itself in its key field; a template or a value of the mapping is not the key."""
    value = request.fields.get(request.key_field, "").strip() if request.key_field is not None else ""
    return bool(value) and value == request.key.strip()


def _is_marked(request: UnansweredRequest) -> bool:
    """Whether one of the ticket's own fields tells the row apart from all others, so that the lead needn't be seen."""
    if request.key_field is not None and request.fields.get(request.key_field):
        return True
    key = request.key.strip()
    return bool(key) and any(
        value.strip() == key for name, value in request.fields.items() if name.startswith(_OWN_FIELDS)
    )


def _same_id(one: str, other: str | None) -> bool:
    return other is not None and one.strip("{}").lower() == other.strip("{}").lower()
