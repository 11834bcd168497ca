"""Number gaps and matching of tickets, as laws over random histories of an account."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from importer.resolve.number_gaps import (
    LATE_NUMBERS,
    FoundTicket,
    KnownTicket,
    NumberGaps,
    SearchedRequest,
    fits_any_request,
    match_tickets,
)

KEY_FIELD = "CustomData.LegacyId"
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking a random history takes minutes
THEIR_LEAD = "a lead of others"


@dataclass
class Request:
    """A request as the account and the ledger see it together."""

    row: int
    attempt: int
    fields: dict[str, str]
    lead_id: str | None
    key_field: str | None
    number: int | None = None
    answered: bool = False
    settled_after: int | None = None


class Account:
    """An account whose tickets are created in the order in which requests of several clients reach it."""

    def __init__(self, random: Random, *, orderly: bool) -> None:
        self.random = random
        self.orderly = orderly  # no ticket is late, and numbers increase
        self.next = 100
        self.attempts = 0
        self.in_flight: list[Request] = []
        self.late: list[Request] = []
        self.requests: list[Request] = []
        self.tickets: dict[int, FoundTicket] = {}

    def number(self) -> int:
        """Return the next number, sometimes with a gap before it."""
        self.next += 1 if self.random.random() < 0.8 else self.random.randint(2, 9)
        if not self.orderly and self.random.random() < 0.1:
            return 5000 + self.next
        return self.next

    def send(self, row: int, fields: dict[str, str], lead_id: str | None, key_field: str | None) -> None:
        """Send a client's request for a ticket."""
        self.attempts += 1
        request = Request(row, self.attempts, fields, lead_id, key_field)
        self.requests.append(request)
        self.in_flight.append(request)

    def make(self, request: Request) -> None:
        """Create the ticket of a request; it does not show the details of its lead."""
        request.number = self.number()
        fields = {name: value for name, value in request.fields.items() if not name.startswith("LeadDetail.")}
        self.tickets[request.number] = ticket(request.number, fields, request.lead_id or f"made {request.row}")

    def work(self) -> None:
        """Finish, lose or delay a request in flight, or create a late ticket."""
        if not self.orderly and self.late and self.random.random() < 0.3:
            self.make(self.late.pop(self.random.randrange(len(self.late))))
        if not self.in_flight:
            return
        request = self.in_flight.pop(self.random.randrange(len(self.in_flight)))
        lot = self.random.random()
        if lot < 0.75:
            self.make(request)
        elif lot < 0.85:
            self.late.append(request)
        request.answered = request.number is not None and self.random.random() < 0.6
        request.settled_after = self.attempts

    def others_make(self, fields: dict[str, str], lead_id: str) -> None:
        """Create a ticket for another user of the account."""
        number = self.number()
        self.tickets[number] = ticket(number, fields, lead_id)

    def automate(self) -> None:
        """Change one field of some tickets, as an automation does; never the title or the key."""
        changed = [number for number in self.tickets if self.random.random() < 0.2]
        for number in changed:
            found = self.tickets[number]
            if self.random.random() < 0.2 and found.lead_id != THEIR_LEAD:  # else it would look like any row's ticket
                self.tickets[number] = replace(found, lead_id=self.random.choice("xyz"))
            else:
                status = self.random.choice(["Open", "Closed", "Spam"])
                self.tickets[number] = replace(found, fields={**found.fields, "Status": status})

    @property
    def known(self) -> set[int]:
        """Return the numbers that clients got as answers."""
        return {each.number for each in self.requests if each.answered and each.number is not None}

    def gaps(self) -> NumberGaps:
        """Return the gaps as the ledger knows them."""
        made = [
            KnownTicket(number=each.number, attempt=each.attempt, settled_after=each.settled_after)
            for each in self.requests
            if each.answered and each.number is not None and each.settled_after is not None
        ]
        return NumberGaps(made, self.known)

    def unanswered(self) -> list[SearchedRequest]:
        """Return the unanswered requests as the ledger knows them: bodies of settled rows are erased."""
        settled = {each.row for each in self.requests if each.answered}
        return [
            SearchedRequest(
                row=each.row,
                key=f"K{each.row}",
                attempt=each.attempt,
                settled_after=each.settled_after,
                lead_id=None if each.row in settled else each.lead_id,
                fields={} if each.row in settled else each.fields,
                key_field=each.key_field,
                title_hash=title_hash(each.fields) if each.row in settled else None,
            )
            for each in self.requests
            if not each.answered
        ]


def ticket(number: int, fields: dict[str, str], lead_id: str) -> FoundTicket:
    return FoundTicket(
        number=str(number),
        ticket_id=f"guid {number}",
        lead_id=lead_id,
        fields=fields,
        title_hash=title_hash(fields),
    )


def title_hash(fields: dict[str, str]) -> str:
    return f"hash of {fields['Title']}" if "Title" in fields else ""


def wanted(random: Random, row: int) -> tuple[dict[str, str], str | None, str | None]:
    """Return what a row asks for: few titles, states and leads, so that many rows are alike."""
    fields = {"Title": random.choice(["A", "B", "C"]), "Status": random.choice(["Open", "Closed"])}
    key_field = None
    if random.random() < 0.5:
        fields[KEY_FIELD] = f"K{row}"
        key_field = random.choice([KEY_FIELD, None])
    if random.random() < 0.5:
        return fields, random.choice("xyz"), key_field
    return {**fields, "LeadDetail.EmailAddress": random.choice(["x@example.com", "y@example.com"])}, None, key_field


def history(random: Random, *, orderly: bool) -> Account:
    account = Account(random, orderly=orderly)
    rows = {row: wanted(random, row) for row in range(12)}
    for row, wish in rows.items():
        account.send(row, *wish)
        for _ in range(random.randint(0, 2)):
            account.work()
        if random.random() < 0.3:
            fields = {"Title": random.choice(["A", "B", "C"]), "Status": random.choice(["Open", "Closed"])}
            account.others_make({**fields, "Tags": "by hand"}, THEIR_LEAD)
        settled = {each.row for each in account.requests if each.settled_after and not each.answered}
        if settled and random.random() < 0.15:  # sent again on the user's request
            again = random.choice(sorted(settled))
            account.send(again, *rows[again])
    while account.in_flight:
        account.work()
    return account


@settings(max_examples=300, deadline=None, phases=QUICK)
@given(st.randoms(use_true_random=False))
def test_row_never_gets_the_ticket_of_another_row(random: Random):
    """A sole match is the row's own ticket, even if tickets are late, changed or created by others."""
    account = history(random, orderly=False)
    account.automate()
    shown = [found for number, found in account.tickets.items() if number not in account.known]
    own = {(each.row, str(each.number)) for each in account.requests if each.number is not None}
    for row, found in match_tickets(account.unanswered(), shown).items():
        assert len(found) != 1 or (row, found[0].number) in own


@settings(max_examples=100, deadline=None, phases=QUICK)
@given(st.randoms(use_true_random=False))
def test_gaps_contain_the_ticket_if_numbers_increase(random: Random):
    """If tickets are created in order while clients wait, each is inside the gaps."""
    account = history(random, orderly=True)
    gaps = account.gaps()
    if not account.known:
        assert gaps.ranges_around(account.unanswered()) == []
        return
    first = min(account.known)
    for each in account.unanswered():
        ranges = gaps.ranges_around([each])
        made = {request.attempt: request.number for request in account.requests}[each.attempt]
        nearby = made is not None and first - LATE_NUMBERS <= made <= max(account.known) + LATE_NUMBERS
        assert not nearby or any(made in numbers for numbers in ranges)


@settings(max_examples=50, deadline=None, phases=QUICK)
@given(st.randoms(use_true_random=False))
def test_each_unknown_number_is_asked_for_once(random: Random):
    """The numbers rise, none comes twice, none is known, and the count is right."""
    account = history(random, orderly=False)
    gaps = account.gaps()
    ranges = gaps.ranges_around(account.unanswered())
    numbers = list(gaps.numbers(ranges))
    assert numbers == sorted(set(numbers) - account.known)
    assert gaps.count(ranges) == len(numbers)
    assert all(before.stop < after.start for before, after in itertools.pairwise(ranges))


def request(row: int, fields: dict[str, str], **more: object) -> SearchedRequest:
    defaults = {"key": f"K{row}", "attempt": row, "settled_after": row, "lead_id": "x"}
    return SearchedRequest(row=row, fields=fields, **{**defaults, **more})  # type: ignore[arg-type]  # of mixed types


def test_gaps_end_at_the_nearest_known_tickets():
    """Below: the last ticket answered before the request. Above: the first request sent after its end."""
    made = [
        KnownTicket(number=10, attempt=1, settled_after=1),
        KnownTicket(number=14, attempt=2, settled_after=4),  # in flight beside the request in question
        KnownTicket(number=20, attempt=5, settled_after=5),
        KnownTicket(number=30, attempt=6, settled_after=6),
    ]
    (numbers,) = NumberGaps(made, [10, 14, 20, 30]).ranges_around([request(3, {}, settled_after=4)])
    assert (numbers.start, numbers.stop - 1) == (11, 20 + LATE_NUMBERS)


def test_two_attempts_of_one_row_share_their_ticket():
    """Two requests of one row that fit the same ticket are no contradiction."""
    fields = {"Title": "A", "Status": "Open"}
    both = [request(1, fields, attempt=1), request(1, fields, attempt=2)]
    assert [found.number for found in match_tickets(both, [ticket(7, fields, "x")])[1]] == ["7"]


@pytest.mark.parametrize(
    ("shown", "own"),
    [
        ({"Title": "A", "Status": "Open", KEY_FIELD: "K1"}, True),
        ({"Title": "A", "Status": "Closed", KEY_FIELD: "K1"}, True),
        ({"Title": "A", "Status": "Open"}, False),
        ({"Title": "A", "Status": "Open", KEY_FIELD: "K10"}, False),
    ],
)
def test_key_field_alone_decides(shown: dict[str, str], own: bool):  # noqa: FBT001 - a column of the table
    """With the key in the key field nothing else matters, and without it nothing helps."""
    asked = request(1, {"Title": "A", "Status": "Open", KEY_FIELD: "K1"}, key_field=KEY_FIELD)
    assert fits_any_request([asked], ticket(7, shown, "another lead")) == own


def test_described_lead_needs_an_identifying_field():
    """A ticket shows no e-mail address: only a field with the key proves whose it is."""
    fields = {"Title": "A", "LeadDetail.EmailAddress": "a@example.com"}
    assert not fits_any_request([request(1, fields, lead_id=None)], ticket(7, {"Title": "A"}, "x"))
    marked = {**fields, "CustomData.Old": "K1"}
    assert fits_any_request([request(1, marked, lead_id=None)], ticket(7, {"Title": "A", "CustomData.Old": "K1"}, "x"))
    told = {"Title": "A", "LeadDetail.EmailAddress": "b@example.com"}
    assert not fits_any_request([request(1, fields, lead_id=None)], ticket(7, told, "x"))


def test_ticket_that_another_row_may_have_created_is_ambiguous():
    """An automation may have changed one field of the other row's ticket."""
    one, other = {"Title": "A", "Status": "Open"}, {"Title": "A", "Status": "Closed"}
    rows = [request(1, one), request(2, other)]
    assert match_tickets(rows, [ticket(7, one, "x")]) == {1: []}
    assert [
        found.number
        for found in match_tickets([rows[0], request(2, {**other, "Title": "B"})], [ticket(7, one, "x")])[1]
    ] == ["7"]


def test_same_key_of_two_sources_is_ambiguous():
    """If rows of two sources have the same key in the same field, neither gets the ticket."""
    fields = {"Title": "A", KEY_FIELD: "K1"}
    rows = [
        request(1, fields, key_field=KEY_FIELD),
        request(2, {**fields, "Title": "B"}, key="K1", key_field=KEY_FIELD),
    ]
    assert match_tickets(rows, [ticket(7, fields, "x")]) == {1: [], 2: []}


def erased(row: int, title: str, **more: object) -> SearchedRequest:
    """Return a request whose body is erased, because another request has settled its row."""
    return request(row, {}, lead_id=None, title_hash=title and title_hash({"Title": title}), **more)


@pytest.mark.parametrize(("title", "found"), [("A", []), ("", []), ("B", ["7"])])
def test_erased_request_may_have_created_a_ticket_of_its_title(title: str, found: list[str]):
    """Only its title is left to compare; one without a title may have created any ticket."""
    fields = {"Title": "A", "Status": "Open"}
    rows = [request(1, fields), erased(2, title)]
    assert [each.number for each in match_tickets(rows, [ticket(7, fields, "x")])[1]] == found


@pytest.mark.parametrize(("key", "found"), [("K2", ["7"]), ("K1", [])])
def test_key_field_decides_beside_an_erased_request(key: str, found: list[str]):
    """Only a row of another source with the same key may have created the ticket, too."""
    fields = {"Title": "A", KEY_FIELD: "K1"}
    rows = [request(1, fields, key_field=KEY_FIELD), erased(2, "A", key=key, key_field=KEY_FIELD)]
    assert [each.number for each in match_tickets(rows, [ticket(7, fields, "x")])[1]] == found


def test_erased_request_gets_no_ticket():
    """Its row already has one."""
    assert match_tickets([erased(1, "A"), erased(2, "")], [ticket(7, {"Title": "A"}, "x"), ticket(8, {}, "x")]) == {}
