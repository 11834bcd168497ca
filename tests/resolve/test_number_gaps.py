"""Where tickets are looked for, and whose they are: laws over random histories of an account."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from importer.resolve.number_gaps import LATE, Found, KnownTicket, NumberGaps, UnansweredRequest, fits_gap, matches

KEY_FIELD = "CustomData.LegacyId"
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # a history is told by lot: making it smaller takes minutes
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
    """Makes tickets in the order in which it comes to them, as several clients ask at once."""

    def __init__(self, random: Random, *, orderly: bool) -> None:
        self.random = random
        self.orderly = orderly  # nothing is late, and numbers run up by one or more
        self.next = 100
        self.attempts = 0
        self.under_way: list[Request] = []
        self.late: list[Request] = []
        self.requests: list[Request] = []
        self.tickets: dict[int, Found] = {}

    def number(self) -> int:
        """The next number, now and then a higher one."""
        self.next += 1 if self.random.random() < 0.8 else self.random.randint(2, 9)
        if not self.orderly and self.random.random() < 0.1:
            return 5000 + self.next
        return self.next

    def send(self, row: int, fields: dict[str, str], lead_id: str | None, key_field: str | None) -> None:
        """A client asks for a ticket."""
        self.attempts += 1
        request = Request(row, self.attempts, fields, lead_id, key_field)
        self.requests.append(request)
        self.under_way.append(request)

    def make(self, request: Request) -> None:
        """Make the ticket of a request, which shows no details of its lead."""
        request.number = self.number()
        fields = {name: value for name, value in request.fields.items() if not name.startswith("LeadDetail.")}
        self.tickets[request.number] = ticket(request.number, fields, request.lead_id or f"made {request.row}")

    def work(self) -> None:
        """Something becomes of a request that is under way; or of one that its client has given up."""
        if not self.orderly and self.late and self.random.random() < 0.3:
            self.make(self.late.pop(self.random.randrange(len(self.late))))
        if not self.under_way:
            return
        request = self.under_way.pop(self.random.randrange(len(self.under_way)))
        lot = self.random.random()
        if lot < 0.75:
            self.make(request)
        elif lot < 0.85:
            self.late.append(request)
        request.answered = request.number is not None and self.random.random() < 0.6
        request.settled_after = self.attempts

    def others_make(self, fields: dict[str, str], lead_id: str) -> None:
        """Somebody else makes a ticket."""
        number = self.number()
        self.tickets[number] = ticket(number, fields, lead_id)

    def automate(self) -> None:
        """Change one field of a ticket that had not been changed; never its title or its key."""
        changed = [number for number in self.tickets if self.random.random() < 0.2]
        for number in changed:
            found = self.tickets[number]
            if self.random.random() < 0.2 and found.lead_id != THEIR_LEAD:  # or it is as any row's in all it shows
                self.tickets[number] = replace(found, lead_id=self.random.choice("xyz"))
            else:
                status = self.random.choice(["Open", "Closed", "Spam"])
                self.tickets[number] = replace(found, fields={**found.fields, "Status": status})

    @property
    def known(self) -> set[int]:
        """The numbers that clients were told."""
        return {each.number for each in self.requests if each.answered and each.number is not None}

    def gaps(self) -> NumberGaps:
        """What the ledger knows of where to look."""
        made = [
            KnownTicket(number=each.number, attempt=each.attempt, settled_after=each.settled_after)
            for each in self.requests
            if each.answered and each.number is not None and each.settled_after is not None
        ]
        return NumberGaps(made, self.known)

    def unanswered(self) -> list[UnansweredRequest]:
        """What the ledger knows of requests without an answer; of those of settled rows it has erased the bodies."""
        settled = {each.row for each in self.requests if each.answered}
        return [
            UnansweredRequest(
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


def ticket(number: int, fields: dict[str, str], lead_id: str) -> Found:
    return Found(
        number=str(number),
        ticket_id=f"guid {number}",
        lead_id=lead_id,
        fields=fields,
        title_hash=title_hash(fields),
    )


def title_hash(fields: dict[str, str]) -> str:
    return f"hash of {fields['Title']}" if "Title" in fields else ""


def wanted(random: Random, row: int) -> tuple[dict[str, str], str | None, str | None]:
    """What a row asks for: few titles, states and leads, so that rows are often alike."""
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
        if settled and random.random() < 0.15:  # sent again, as the user has asked for
            again = random.choice(sorted(settled))
            account.send(again, *rows[again])
    while account.under_way:
        account.work()
    return account


@settings(max_examples=300, deadline=None, phases=QUICK)
@given(st.randoms(use_true_random=False))
def test_no_row_ever_gets_the_ticket_of_another(random: Random):
    """Whatever is late, numbered elsewhere, changed, made twice or made by others: a sole match is the row's own."""
    account = history(random, orderly=False)
    account.automate()
    shown = [found for number, found in account.tickets.items() if number not in account.known]
    own = {(each.row, str(each.number)) for each in account.requests if each.number is not None}
    for row, found in matches(account.unanswered(), shown).items():
        assert len(found) != 1 or (row, found[0].number) in own


@settings(max_examples=100, deadline=None, phases=QUICK)
@given(st.randoms(use_true_random=False))
def test_where_numbers_run_up_the_ticket_is_among_those_asked_for(random: Random):
    """If tickets are made while their clients wait, in rising numbers, no unanswered one is outside the gaps."""
    account = history(random, orderly=True)
    gaps = account.gaps()
    if not account.known:
        assert gaps.around(account.unanswered()) == []
        return
    first = min(account.known)
    for each in account.unanswered():
        ranges = gaps.around([each])
        made = {request.attempt: request.number for request in account.requests}[each.attempt]
        nearby = made is not None and first - LATE <= made <= max(account.known) + LATE
        assert not nearby or any(made in numbers for numbers in ranges)


@settings(max_examples=50, deadline=None, phases=QUICK)
@given(st.randoms(use_true_random=False))
def test_every_number_is_asked_for_once(random: Random):
    """What is counted is what is asked: rising, none twice, none that is known."""
    account = history(random, orderly=False)
    gaps = account.gaps()
    ranges = gaps.around(account.unanswered())
    numbers = list(gaps.numbers(ranges))
    assert numbers == sorted(set(numbers) - account.known)
    assert gaps.count(ranges) == len(numbers)
    assert all(before.stop < after.start for before, after in itertools.pairwise(ranges))


def request(row: int, fields: dict[str, str], **more: object) -> UnansweredRequest:
    defaults = {"key": f"K{row}", "attempt": row, "settled_after": row, "lead_id": "x"}
    return UnansweredRequest(row=row, fields=fields, **{**defaults, **more})  # type: ignore[arg-type]  # of mixed types


def test_gaps_end_where_neighbours_were_surely_made():
    """Below: the last ticket that was answered before the request went out. Above: the first sent after its end."""
    made = [
        KnownTicket(number=10, attempt=1, settled_after=1),
        KnownTicket(number=14, attempt=2, settled_after=4),  # under way beside the one that is looked for
        KnownTicket(number=20, attempt=5, settled_after=5),
        KnownTicket(number=30, attempt=6, settled_after=6),
    ]
    (numbers,) = NumberGaps(made, [10, 14, 20, 30]).around([request(3, {}, settled_after=4)])
    assert (numbers.start, numbers.stop - 1) == (11, 20 + LATE)


def test_several_attempts_for_one_row_are_one():
    """Two requests of one row that fit the same ticket don't stand in each other's way."""
    fields = {"Title": "A", "Status": "Open"}
    both = [request(1, fields, attempt=1), request(1, fields, attempt=2)]
    assert [found.number for found in matches(both, [ticket(7, fields, "x")])[1]] == ["7"]


@pytest.mark.parametrize(
    ("shown", "own"),
    [
        ({"Title": "A", "Status": "Open", KEY_FIELD: "K1"}, True),
        ({"Title": "A", "Status": "Closed", KEY_FIELD: "K1"}, True),
        ({"Title": "A", "Status": "Open"}, False),
        ({"Title": "A", "Status": "Open", KEY_FIELD: "K10"}, False),
    ],
)
def test_a_key_field_decides_alone(shown: dict[str, str], own: bool):  # noqa: FBT001 - a column of the table
    """With the key in the key field nothing else matters, and without it nothing helps."""
    asked = request(1, {"Title": "A", "Status": "Open", KEY_FIELD: "K1"}, key_field=KEY_FIELD)
    assert fits_gap([asked], ticket(7, shown, "another lead")) == own


def test_a_lead_that_is_not_seen_needs_a_mark():
    """A ticket shows no e-mail address: without the key in a field of its own it could be anybody's of that title."""
    fields = {"Title": "A", "LeadDetail.EmailAddress": "a@example.com"}
    assert not fits_gap([request(1, fields, lead_id=None)], ticket(7, {"Title": "A"}, "x"))
    marked = {**fields, "CustomData.Old": "K1"}
    assert fits_gap([request(1, marked, lead_id=None)], ticket(7, {"Title": "A", "CustomData.Old": "K1"}, "x"))
    told = {"Title": "A", "LeadDetail.EmailAddress": "b@example.com"}
    assert not fits_gap([request(1, fields, lead_id=None)], ticket(7, told, "x"))


def test_another_row_that_a_change_may_have_made_alike_is_in_the_way():
    """An automation may have changed one field of the other row's ticket: then nobody can tell whose it is."""
    one, other = {"Title": "A", "Status": "Open"}, {"Title": "A", "Status": "Closed"}
    rows = [request(1, one), request(2, other)]
    assert matches(rows, [ticket(7, one, "x")]) == {1: []}
    assert [
        found.number for found in matches([rows[0], request(2, {**other, "Title": "B"})], [ticket(7, one, "x")])[1]
    ] == ["7"]


def test_keys_of_two_sources_in_one_field_are_told_apart_by_nobody():
    """Rows of two sources have the same key in the same field: neither gets the ticket."""
    fields = {"Title": "A", KEY_FIELD: "K1"}
    rows = [
        request(1, fields, key_field=KEY_FIELD),
        request(2, {**fields, "Title": "B"}, key="K1", key_field=KEY_FIELD),
    ]
    assert matches(rows, [ticket(7, fields, "x")]) == {1: [], 2: []}


def erased(row: int, title: str, **more: object) -> UnansweredRequest:
    """A request without an answer whose row another request has settled: its body is erased."""
    return request(row, {}, lead_id=None, title_hash=title and title_hash({"Title": title}), **more)


@pytest.mark.parametrize(("title", "found"), [("A", []), ("", []), ("B", ["7"])])
def test_a_request_whose_body_is_erased_may_have_made_a_ticket_of_its_title(title: str, found: list[str]):
    """It can't be compared field by field any more, so the title decides: one that has none may have made any."""
    fields = {"Title": "A", "Status": "Open"}
    rows = [request(1, fields), erased(2, title)]
    assert [each.number for each in matches(rows, [ticket(7, fields, "x")])[1]] == found


@pytest.mark.parametrize(("key", "found"), [("K2", ["7"]), ("K1", [])])
def test_a_key_in_the_key_field_decides_beside_an_erased_body(key: str, found: list[str]):
    """The ticket names its row; only a row of another source with the same key may have made it, too."""
    fields = {"Title": "A", KEY_FIELD: "K1"}
    rows = [request(1, fields, key_field=KEY_FIELD), erased(2, "A", key=key, key_field=KEY_FIELD)]
    assert [each.number for each in matches(rows, [ticket(7, fields, "x")])[1]] == found


def test_a_request_whose_body_is_erased_gets_no_ticket():
    """Its row has one already."""
    assert matches([erased(1, "A"), erased(2, "")], [ticket(7, {"Title": "A"}, "x"), ticket(8, {}, "x")]) == {}
