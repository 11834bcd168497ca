"""Hosts that share a ledger on a server: who has a row, and what a host that falls silent does to the others."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from importer.errors import HeldByAnotherRun
from importer.ledger.store import Ledger
from importer.models import Rate
from importer.rate_limit import Booking, SlotPool, SlotRequest
from importer.rate_limit.slot_records import slot_records
from tests.ledger.ledgers import claims, new_run

ROOT = Path(__file__).parents[2]
FALLS_SILENT = """
import os, signal, sys
from importer.models import Rate
from importer.rate_limit import SlotRequest
from importer.rate_limit.slot_records import slot_records
from importer.ledger.store import Ledger
def book(pool, now):
    print("inside", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
slot_records(Ledger.open(sys.argv[1]), "tenant").change([book])
"""


def race(*works: object) -> list[BaseException | None]:
    """Call the functions at the same time; return what each raised."""
    together = threading.Barrier(len(works))
    raised: list[BaseException | None] = [None] * len(works)

    def call(at: int) -> None:
        together.wait()
        try:
            works[at]()  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            raised[at] = error

    threads = [threading.Thread(target=call, args=(at,)) for at in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_of_two_that_claim_the_same_rows_at_once_one_has_them(ledger: Ledger, other: Ledger) -> None:
    """The other is told so, whatever the order of its rows; no deadlock ends a run."""
    for number in range(8):
        keys = [f"{number}-{row}" for row in range(300)]
        first, second = new_run(), new_run()
        ledger.begin_run(first)
        other.begin_run(second)
        raised = race(
            lambda run=first, keys=keys: ledger.claim(run, claims(*keys)),
            lambda run=second, keys=keys: other.claim(run, claims(*reversed(keys))),
        )
        (refused,) = [error for error in raised if error is not None]
        assert isinstance(refused, HeldByAnotherRun)
        holders = {entry.held_by for entry in ledger.look_up("tenant", "old-helpdesk", keys).values()}
        assert holders == {(first if raised[0] is None else second).id}


def test_two_that_book_at_once_get_different_slots(ledger: Ledger) -> None:
    """Each change of the pool is made on the pool as the other has left it."""
    request = [SlotRequest(run=run, rate=Rate(40, 600.0), margin_s=0.1, ceiling=40) for run in ("A", "B")]
    booked: list[list[int]] = [[], []]

    def book(at: int) -> None:
        with contextlib.closing(slot_records(ledger, "tenant")) as records:
            for _ in range(20):
                _, (answer,) = records.change([lambda pool, now: pool.book(request[at], now)])
                assert isinstance(answer, Booking)
                booked[at].append(answer.number)

    assert race(lambda: book(0), lambda: book(1)) == [None, None]
    assert sorted(booked[0] + booked[1]) == list(range(40))
    with contextlib.closing(slot_records(ledger, "tenant")) as records:
        assert records.change([])[0].calls_last_day == 40


def test_a_host_that_falls_silent_while_it_changes_the_pool_stops_nobody(ledger: Ledger, url: str) -> None:
    """It holds no lock on the server: a paused machine or a cut network costs the others nothing."""
    command = [sys.executable, "-c", FALLS_SILENT, url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as silent:
        assert silent.stdout is not None
        assert silent.stdout.readline() == "inside\n"
        try:
            os.waitpid(silent.pid, os.WUNTRACED)  # it has stopped
            with contextlib.closing(slot_records(ledger, "tenant")) as records:
                pool, _ = records.change([])
            assert isinstance(pool, SlotPool)
        finally:
            silent.send_signal(signal.SIGKILL)
            silent.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("number", ["40001", "40P01"])
def test_a_transaction_that_another_was_in_the_way_of_is_made_again(ledger: Ledger, number: str) -> None:
    """A deadlock or a serialization failure is not the user's business."""
    tried: list[int] = []

    def work(db: object) -> str:
        tried.append(1)
        if len(tried) == 1:
            db.exec_driver_sql(f"do $$ begin raise sqlstate '{number}'; end $$")  # type: ignore[attr-defined]
        return "done"

    assert ledger.transaction(work) == "done"
    assert len(tried) == 2
