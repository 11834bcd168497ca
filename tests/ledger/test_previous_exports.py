"""What the ledger stores of an export for the comparison with the next: hashes, never keys, titles or leads."""

from __future__ import annotations

import contextlib
import tracemalloc
from pathlib import Path

import pytest

from importer.leadsquared.documented_fields import lead_of, title_of
from importer.ledger.keyed_hashes import KeyedHash
from importer.ledger.previous_exports import (
    ExportRecord,
    KnownRow,
    content_hashes,
    count_other_keys,
    key_hashes,
    known_keys,
    known_rows,
    last_export,
    pack_keys,
    record_export,
    unpack_contents,
    unpack_keys,
)
from importer.ledger.records import Intent
from importer.ledger.store import Ledger
from importer.models import Ticket
from tests.ledger.ledgers import claims, created, intent, live_run, new_ledger, new_run, query

HASH = KeyedHash(b"secret")


def export(run: str, **changes: object) -> ExportRecord:
    values: dict[str, object] = {
        "account": "tenant",
        "source": "old-helpdesk",
        "manifest_name": "tickets.csv",
        "content_sha256": "00",
        "run": run,
        "keys": b"\0" * 8,
        "rows": 1,
        "known_share": None,
        "held_share": None,
        "previous_held_share": None,
        "finished_at": "2026-03-01T09:30:00Z",
    }
    return ExportRecord(**{**values, **changes})  # type: ignore[arg-type]


def test_an_export_is_found_by_account_source_and_name(ledger: Ledger) -> None:
    """A new record of one name replaces the former; those of other names, sources and accounts stay."""
    run = live_run(ledger).id
    first = export(run)
    others = [export(run, **{name: "other"}) for name in ("account", "source", "manifest_name")]
    for each in (first, *others):
        record_export(ledger, each)
    assert last_export(ledger, "tenant", "old-helpdesk", "tickets.csv") == first
    second = export(
        run, content_sha256="11", keys=b"\1" * 16, rows=2, known_share=0.5, held_share=1.0, previous_held_share=0.0
    )
    record_export(ledger, second)
    assert last_export(ledger, "tenant", "old-helpdesk", "tickets.csv") == second
    found = [last_export(ledger, each.account, each.source, each.manifest_name) for each in others]
    assert found == others
    assert last_export(ledger, "tenant", "old-helpdesk", "more.csv") is None


def test_packed_keys_are_sorted_without_repetitions() -> None:
    """The same keys in another order and number give the same bytes, eight for each; contents follow their keys."""
    contents = content_hashes(["0000000b55", "0000000a55", "0000000c55", "0000000a55", "0000000d55"])
    packed, of_rows = pack_keys(key_hashes(HASH, ["b", "a", "c", "a", "ü\udc80"]), contents)
    assert (packed, of_rows) == pack_keys(key_hashes(HASH, ["ü\udc80", "c", "b", "a"]), contents[[4, 2, 0, 1]])
    assert (len(packed), len(of_rows)) == (4 * 8, 4 * 4)
    assert set(unpack_contents(of_rows).tolist()) == set(contents.tolist())
    hashes = unpack_keys(packed).tolist()
    assert hashes == sorted(int.from_bytes(HASH(key)[:8], "little") for key in ["a", "b", "c", "ü\udc80"])
    assert pack_keys(key_hashes(HASH, []), content_hashes([])) == (b"", b"")


def test_hashes_of_two_ledgers_differ(tmp_path: Path) -> None:
    """Each ledger has its own secret, so hashes of two ledgers can't be compared."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with (
        contextlib.closing(new_ledger(tmp_path / "one")) as one,
        contextlib.closing(new_ledger(tmp_path / "two")) as two,
    ):
        assert one.keyed_hash("text") == one.keyed_hash("text")
        assert one.keyed_hash("text") != two.keyed_hash("text")
        assert one.keyed_hash.hex("text") == one.keyed_hash("text").hex()
        assert one.keyed_hash.hex("") == ""


def test_hashes_of_title_and_lead_are_those_of_the_last_request(ledger: Ledger, tmp_path: Path) -> None:
    """Rows that were never sent have none."""
    run = live_run(ledger, "A", "B")
    ledger.commit(run, [Intent(key="A", content="", request="{}", title="First", lead="ann@example.com")])
    ledger.commit(run, [created("A")])
    hashed = ledger.keyed_hash.hex
    assert known_rows(ledger, "tenant", "old-helpdesk", ["A", "B", "C"]) == {
        "A": KnownRow("created", hashed("First"), hashed("ann@example.com"), 1),
        "B": KnownRow("pending", "", "", 0),
    }
    ledger.commit(run, [Intent(key="B", content="", request="{}", title="Second", lead="")])
    assert known_rows(ledger, "tenant", "old-helpdesk", ["B"]) == {"B": KnownRow("sending", hashed("Second"), "", 1)}
    assert query(tmp_path, "select count(*) from tickets where title_hash like '%First%'") == [(0,)]


@pytest.mark.parametrize(
    ("ticket", "title", "lead"),
    [
        (Ticket(fields=(("Title", "A"), ("LeadDetail.EmailAddress", "Ann@Example.com"))), "A", "ann@example.com"),
        (Ticket(fields=(("LeadDetail.Phone", "+491701234567"),)), "", "+491701234567"),
        (
            Ticket(fields=(("LeadDetail.Phone", "+491701234567"), ("LeadDetail.EmailAddress", "a@example.com"))),
            "",
            "a@example.com",
        ),
        (Ticket(fields=(("Title", "A"),), lead_id="5AF882CC"), "A", "5af882cc"),
        (Ticket(fields=()), "", ""),
    ],
)
def test_the_lead_of_a_ticket_is_id_or_address_or_phone(ticket: Ticket, title: str, lead: str) -> None:
    """The ID of the lead if it has one, else the e-mail address, else the phone; letter case does not matter."""
    assert (title_of(ticket), lead_of(ticket)) == (title, lead)


def test_known_keys_are_read_in_parts(ledger: Ledger) -> None:
    """Without those of other sources and accounts, and without unsent rows."""
    keys = [f"key {number:06} {'x' * 200}" for number in range(30_000)]
    run = new_run()
    ledger.begin_run(run)
    ledger.claim(run, claims(*keys))
    live_run(ledger, "other", source="other")
    live_run(ledger, "other", account="other")
    with ledger.writing() as db:
        db.exec_driver_sql("update tickets set state = 'failed'")
    ledger.claim(run, claims("never sent"))
    tracemalloc.start()
    try:
        count = sum(map(len, known_keys(ledger, "tenant", "old-helpdesk", list)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == len(keys)
    assert peak < 8_000_000, "all of them would be 9 MB"
    assert set(*known_keys(ledger, "tenant", "other", list)) == {"other"}
    assert set().union(*known_keys(ledger, "tenant", "old-helpdesk", list)) == set(keys)


def test_keys_of_other_rows_are_counted_without_those_that_the_run_has_claimed(ledger: Ledger) -> None:
    """Else the keys of a first export would be compared with themselves."""
    first = live_run(ledger, "A", "B", "C")
    assert count_other_keys(ledger, first, known=0, most=5) == 0
    second = live_run(ledger, "D", "E")
    assert [count_other_keys(ledger, second, known=0, most=most) for most in (2, 5)] == [2, 3]


def plan_of(folder: Path, sql: str) -> str:
    return " ".join(str(row[3]) for row in query(folder, f"explain query plan {sql}"))


@pytest.mark.file
@pytest.mark.parametrize(("column", "index"), [("number", "tickets_by_number"), ("ticket_id", "tickets_by_ticket_id")])
def test_a_number_search_uses_the_index(ledger: Ledger, tmp_path: Path, column: str, index: str) -> None:
    """A search among a million tickets reads the index, which omits rows without a number."""
    run = live_run(ledger, "A", "B")
    ledger.commit(run, [intent("A")])
    ledger.commit(run, [created("A")])
    where = f"from tickets where account = 'tenant' and {column} = '157' and {column} != ''"
    assert index in plan_of(tmp_path, f"select key {where}")
