"""The pool in the ledger: all processes change the same pool, and a killed process leaves it intact."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from importer.ledger import database
from importer.ledger.records import utc_minute
from importer.models import Rate
from importer.rate_limit import Booking, NotYet, SlotPool, SlotRequest
from importer.rate_limit.server_slot_records import ServerSlotRecords
from importer.rate_limit.slot_leases import LEASE_S
from importer.rate_limit.slot_records import DAY_MINUTES, FileSlotRecords, slot_records
from tests.ledger.ledgers import new_ledger, query, reopened
from tests.postgres.databases import choose_database

SlotRecords = FileSlotRecords | ServerSlotRecords
ROOT = Path(__file__).parents[2]
HOLDS_BOOKINGS = """
import sys, time
from pathlib import Path
from tests.rate_limit.test_slot_records import book, record_in
for _ in range(3):
    book(record_in(Path(sys.argv[1])), "killed")
print("booked", flush=True)
time.sleep(600)
"""


def record_in(folder: Path, account: str = "tenant") -> SlotRecords:
    with contextlib.closing(reopened(folder)) as ledger:
        return slot_records(ledger, account)


def book(record: SlotRecords, run: str, calls: int = 5) -> Booking | NotYet:
    request = SlotRequest(run=run, rate=Rate(calls, 600.0), margin_s=0.1, ceiling=calls)
    _, (answer,) = record.change([lambda pool, now: pool.book(request, now)])
    assert isinstance(answer, Booking | NotYet)
    return answer


def look(record: SlotRecords) -> SlotPool:
    return record.change([])[0]


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[SlotRecords, SlotRecords]]:
    """Two processes that have opened the pool."""
    choose_database(request, tmp_path)
    with contextlib.closing(new_ledger(tmp_path)):
        first, second = record_in(tmp_path), record_in(tmp_path)
        yield first, second
        first.close()
        second.close()


def test_all_take_from_one_pool(records: tuple[SlotRecords, SlotRecords]) -> None:
    """Five slots are booked once each, by any of the processes."""
    answers = [book(records[number % 2], f"run {number % 2}") for number in range(8)]
    numbers = [answer.number for answer in answers if isinstance(answer, Booking)]
    assert len(numbers) == len(set(numbers)) <= 5
    assert numbers


def test_killed_process_leaves_only_its_bookings(tmp_path: Path) -> None:
    """After `kill -9` the pool can be changed at once, and booked slots count as used."""
    with contextlib.closing(new_ledger(tmp_path)), contextlib.closing(record_in(tmp_path)) as record:
        command = [sys.executable, "-c", HOLDS_BOOKINGS, str(tmp_path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "booked\n"
            process.send_signal(signal.SIGKILL)
        assert sum(slot.run == "killed" for slot in look(record).slots) == 3
        assert isinstance(book(record, "alive"), Booking)


@pytest.mark.file
def test_the_times_of_another_boot_are_not_compared(records: tuple[SlotRecords, SlotRecords], tmp_path: Path) -> None:
    """All slots may just have been used; an earlier pause is over."""
    book(records[0], "before")
    query(tmp_path, "update quotas set boot_id = 'another'")
    pool = look(records[1])
    assert {slot.used_at for slot in pool.slots} != {float("-inf")}
    assert not pool.runs
    assert isinstance(book(records[1], "after"), NotYet)


@pytest.mark.parametrize("records", ["postgresql"], indirect=True)
def test_all_slots_count_as_leased_on_another_server(records: tuple[SlotRecords, SlotRecords], tmp_path: Path) -> None:
    """A standby may lack the last uses and leases: a run has them until its lease ends, also one that knows the pool."""
    book(records[0], "before")
    query(tmp_path, "update quotas set boot_id = 'another'")
    leased_until = records[1].change([lambda _pool, now: now])[1][0] + LEASE_S
    for record in records:
        assert isinstance(book(record, "after"), NotYet)
        assert min(slot.used_at for slot in look(record).slots) == pytest.approx(leased_until, abs=1.0)


def test_calls_of_a_day_are_counted(records: tuple[SlotRecords, SlotRecords], tmp_path: Path) -> None:
    """Calls of 24 hours of all runs of the account; also those in the future, after the clock was set back."""
    book(records[0], "A")
    for minutes, calls in ((-DAY_MINUTES - 2, 1_000), (-DAY_MINUTES + 2, 20), (60, 300)):
        query(tmp_path, "insert into calls values ('tenant', ?, ?)", utc_minute() + minutes, calls)
    query(tmp_path, "insert into calls values ('other', ?, 7)", utc_minute())
    assert look(records[1]).calls_last_day == 1 + 20 + 300


def give_back(record: SlotRecords, bookings: Sequence[Booking], run: str = "A") -> None:
    def change(pool: SlotPool, _now: float) -> None:
        for booking in bookings:
            pool.give_back(booking, run)

    record.change([change])


def counted(folder: Path) -> list[int]:
    return [int(str(calls)) for (calls,) in query(folder, "select calls from calls order by minute")]


def test_returned_call_is_subtracted_from_its_own_minute(
    records: tuple[SlotRecords, SlotRecords], tmp_path: Path
) -> None:
    """Also after that minute; no minute has a negative count."""
    record, _ = records
    bookings = []
    for _ in range(3):
        booking = book(record, "A")
        assert isinstance(booking, Booking)
        bookings.append(booking)
        query(tmp_path, "update calls set minute = minute - 1")
    assert counted(tmp_path) == [1, 1, 1]
    give_back(record, bookings[1:2])
    give_back(record, bookings[2:])
    assert (counted(tmp_path), look(record).calls_last_day) == ([1, 0, 0], 1)
    query(tmp_path, "update calls set calls = 3")
    give_back(record, bookings * 2)
    assert (counted(tmp_path), look(record).calls_last_day) == ([3, 0, 0], 3)


def test_day_count_is_never_negative(records: tuple[SlotRecords, SlotRecords], tmp_path: Path) -> None:
    """Also if the table was emptied during a run."""
    booking = book(records[0], "A")
    assert isinstance(booking, Booking)
    query(tmp_path, "delete from calls")
    give_back(records[0], [booking])
    assert look(records[0]).calls_last_day == 0
    book(records[0], "A")
    assert look(records[0]).calls_last_day == 1


def test_where_the_system_names_no_boot_all_processes_share_one_pool(tmp_path: Path) -> None:
    """With different boot IDs, each change would look like a restart to the other process, and no call would be made."""
    code = "import sys; from pathlib import Path; from importer.ledger.database import boot_id; print(boot_id(Path(sys.argv[1])))"
    command = [sys.executable, "-c", code, str(tmp_path / "none")]
    elsewhere = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert elsewhere.stdout.strip() == database.boot_id(tmp_path / "none") != ""


@pytest.mark.file
def test_unnoticed_clock_restart_costs_one_period(records: tuple[SlotRecords, SlotRecords], tmp_path: Path) -> None:
    """If the system names no boot: times far in the future count as now."""
    book(records[0], "before")
    ahead = f"json_set(pool, '$.last_at', {1e9}, '$.paused_until', {1e9}, '$.slots[4][1]', {1e9})"
    query(tmp_path, f"update quotas set pool = {ahead}")
    before = records[1].now()
    pool = look(records[1])
    assert before <= pool.paused_until == pool.last_at == pool.slots[-1].used_at <= records[1].now()


def test_failed_change_changes_nothing(records: tuple[SlotRecords, SlotRecords]) -> None:
    """Nor do the changes in its transaction."""

    def fails(_pool: SlotPool, _now: float) -> None:
        raise OSError

    request = SlotRequest(run="A", rate=Rate(5, 600.0), margin_s=0.1, ceiling=5)
    with pytest.raises(Exception, match="ledger"):
        records[0].change([lambda pool, now: pool.book(request, now), fails])
    assert look(records[1]).slots == []
