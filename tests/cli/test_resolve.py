"""`resolve`: what it settles is right, whatever else happens in the account; what it can't tell stays unknown."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.cli.shop import KEY_FIELD, MAPPING, Account, Shop, good_row
from tests.sandbox.account_client import MULTIPART, keys, multipart, ticket_part

Open = Callable[..., Account]
ROWS = 60
CUT = [number for number in range(1, ROWS + 1) if number % 3 == 0]
AFTER, BEFORE = CUT[::2], CUT[1::2]  # the ticket was made, and was not
OUTSIDE, LATE, CHANGED = AFTER[:1], AFTER[3:4], AFTER[6:8]
LEAD_IDS = """\
version: 1
source: shop
key: ID
ignore: [ID, Email]
columns:
  Subject: {field: Title, required: true}
  State: Status
  Lead: {field: LeadId, type: guid}
"""
MAPPINGS = {
    "key_field": MAPPING,
    "the key in a field, and no key_field": MAPPING.replace(f"key_field: {KEY_FIELD}\n", ""),
    "no key in the ticket": LEAD_IDS,
}


def send(account: Account, method: str, path: str, document: dict[str, Any]) -> dict[str, Any]:
    """A call by somebody else."""
    sandbox = account.sandbox
    request = urllib.request.Request(
        f"{sandbox.url}/api/tenants/{sandbox.tenant_id}{path}",
        data=multipart(ticket_part(document)),
        headers={**keys(sandbox), "Content-Type": MULTIPART},
        method=method,
    )
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())  # type: ignore[no-any-return]


def document(*fields: tuple[str, str], **members: Any) -> dict[str, Any]:
    entries = [{"SchemaName": name, "Value": value} for name, value in fields]
    return {"TypeId": "1", "Fields": entries, "RelatedTicketTypeId": 1, **members}


@dataclass
class Others:
    """Who else makes tickets in the account."""

    account: Account
    numbers: set[str] = field(default_factory=set)

    def make(self, title: str, *fields: tuple[str, str]) -> str:
        """Make a ticket for a lead of their own."""
        email = ("LeadDetail.EmailAddress", f"other{len(self.numbers)}@example.com")
        number: str = send(self.account, "POST", "/tickets", document(("Title", title), *fields, email))["Id"]
        self.numbers.add(number)
        return number

    def truth(self) -> dict[str, set[str]]:
        """Title -> the numbers of the tickets that the importer's requests made."""
        truth: dict[str, set[str]] = {}
        for ticket in self.account.tickets:
            if ticket.number not in self.numbers:
                truth.setdefault(str(ticket.value("Title")), set()).add(ticket.number)
        return truth


def renumber(account: Account, number: str, new: str) -> None:
    """Number a ticket as if the account counted in another way."""

    async def change() -> None:
        books = account.sandbox._handler.state
        ticket = books._tickets.pop(number)
        books._tickets[new] = replace(ticket, number=new, key=f"#{new}")
        books._numbers[ticket.ticket_id] = new

    account._do(change())


def change_state(account: Account, number: str) -> None:
    """Change a field of a ticket as an automation does."""
    (ticket,) = [each for each in account.tickets if each.number == number]
    fields = [pair for pair in (dict(ticket.fields) | {"Status": "Closed"}).items() if "Lead" not in pair[0]]
    send(account, "PUT", f"/tickets/{number}/update", document(*fields, LeadId=ticket.lead_id, Id=number))


def lead_id(number: int) -> str:
    return f"8eee83bb-0462-4d6b-b396-{number:012}"


def make_manifest(shop: Shop) -> None:
    shop.manifest([*(good_row(number) for number in range(1, ROWS + 1))])
    lines = shop.path("tickets.csv").read_text(encoding="utf-8").splitlines()
    if "Lead:" in shop.path("mapping.yaml").read_text(encoding="utf-8"):
        lines = [f"{line},{lead_id(n) if n else 'Lead'}" for n, line in enumerate(lines)]
    shop.path("tickets.csv").write_text("\n".join(lines), encoding="utf-8")


def an_eventful_import(shop: Shop, account: Account) -> Others:
    """Twenty requests without an answer, amid the tickets of others; some made late, numbered elsewhere, or changed."""
    others = Others(account)
    make_manifest(shop)
    for part in range(0, ROWS, 15):
        shop.run("--limit", "10", "--concurrency", "2")
        others.make(f"Ticket {BEFORE[part // 8]}", ("Status", "Open"))
        others.make("Something else", ("Status", "Open"), (KEY_FIELD, "4711"))
    shop.run("--concurrency", "2")
    numbers = {title: next(iter(found)) for title, found in others.truth().items()}
    for index, number in enumerate(OUTSIDE):
        renumber(account, numbers[f"Ticket {number}"], str(9000 + index))
    for number in CHANGED:
        change_state(account, numbers[f"Ticket {number}"])
    for number in LATE:  # the server comes to it long after the client has gone
        key, title, state, email = good_row(number)
        if "Lead:" in shop.path("mapping.yaml").read_text(encoding="utf-8"):
            late = document(("Title", title), ("Status", state), LeadId=lead_id(number))
        else:
            late = document((KEY_FIELD, key), ("Title", title), ("Status", state), ("LeadDetail.EmailAddress", email))
        send(account, "POST", "/tickets", late)
    return others


@pytest.mark.parametrize(("way", "found"), list(zip(MAPPINGS, (9, 7, 7), strict=True)))
def test_every_found_ticket_is_the_right_one(shop: Shop, open_account: Open, way: str, found: int):
    """Of twenty cut requests ten created a ticket: no row gets another row's ticket, and most tickets are found."""
    made = [number for number in AFTER if number not in LATE]
    rules: list[dict[str, object]] = [
        {"match": {"Title": f"Ticket {number}"}, "fault": "reset-after"} for number in made
    ]
    rules += [{"match": {"Title": f"Ticket {number}"}, "fault": "reset-before", "times": 1} for number in BEFORE + LATE]
    account = open_account(rules)
    shop.path("mapping.yaml").write_text(MAPPINGS[way], encoding="utf-8")
    others = an_eventful_import(shop, account)
    assert shop.statuses()["unknown"] == 20
    calls = account.calls
    ended = shop.do("resolve", "tickets.results.csv", "--json")
    assert ended.code == 1, ended.err
    truth = others.truth()
    rows = shop.results()
    for row in rows:
        if row["import_status"] in ("created", "skipped"):
            assert truth[row["Subject"]] == {row["import_ticket_number"]}, row
    assert ended.summary["found"] == found
    assert ended.summary["unknown"] == 20 - found == ended.summary["not_found"] + ended.summary["ambiguous"]
    assert ended.summary["calls"] == account.calls - calls
    settled = [row for row in rows if row["import_run"] == ended.summary["run"]]
    assert len(settled) == found
    assert all(row["import_status"] == "created" and row["import_ticket_id"] for row in settled)
    assert [row["Subject"] for row in rows] == [f"Ticket {number}" for number in range(1, ROWS + 1)]
