"""Two processes import one manifest: at the same time, or after one was paused beyond its lease."""

from __future__ import annotations

import signal
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.chaos.children import ended, start
from tests.chaos.place import RUN, Place
from tests.cli.shop import Account, quick

ROWS = 6


def set_up(folder: Path, account: Account) -> Place:
    place = Place(folder, account)
    place.write_manifest((f"{number}", f"Ticket {number}") for number in range(1, ROWS + 1))
    return place


def paused_at_third_call(place: Place):
    """Return a run that is stopped when the account has received three requests and answered two."""
    child = start(place.command(*RUN, "--concurrency", "1"))
    place.account.until(lambda sandbox: len(sandbox.calls) == 3 and sandbox.calls[2].received_s is not None)
    while True:
        child.send_signal(signal.SIGSTOP)
        try:
            place.ask("update runs set lease_until = 0", patience_s=0)  # as if the lease had expired
        except sqlite3.OperationalError:  # it is in a commit and holds the lock of the ledger
            child.send_signal(signal.SIGCONT)
        else:
            return child


def test_second_of_two_runs_is_refused(tmp_path):
    """The first sends all rows once; the second exits with 4 and names the first."""
    with Account(quick(latency_s=0.2)) as account:
        place = set_up(tmp_path, account)
        children = [start(place.command(*RUN, "--concurrency", "1")) for _ in range(2)]
        with ThreadPoolExecutor() as waiters:
            ends = as_completed([waiters.submit(ended, child) for child in children])
            assert [end.result() for end in ends] == [4, 0]
        assert sorted(account.keys) == [row["ID"] for row in place.results()]
        assert account.calls == ROWS
    assert f"(host {socket.gethostname()}, process " in place.printed()
    ((holder,), (other,)) = place.ask("select id from runs order by exit_code")
    assert f"run {holder}" in place.printed()
    assert f"run {other}" not in place.printed()


def test_paused_run_stops_if_its_rows_were_taken_over(tmp_path):
    """It records the answer that has arrived, and exits with 3."""
    with Account(quick(latency_s=0.3)) as account:
        place = set_up(tmp_path, account)
        paused = paused_at_third_call(place)
        assert place.do(*RUN) == 1
        states = ["skipped", "skipped", "unknown", "created", "created", "created"]
        assert [row["import_status"] for row in place.results()] == states
        calls = account.calls
        assert calls == ROWS
        paused.send_signal(signal.SIGCONT)
        assert ended(paused) == 3
        assert account.calls == calls
        assert sorted(account.keys) == [row["ID"] for row in place.results()]
        numbers = {ticket.value("CustomData.LegacyId"): ticket.number for ticket in account.tickets}
    assert {row["ID"]: row["import_ticket_number"] for row in place.results()} == numbers
    assert "another one has taken over its rows" in place.printed()


def test_paused_run_continues_if_its_rows_are_still_its_own(tmp_path):
    """Although its lease has expired."""
    with Account(quick(latency_s=0.3)) as account:
        place = set_up(tmp_path, account)
        paused = paused_at_third_call(place)
        paused.send_signal(signal.SIGCONT)
        assert ended(paused) == 0
        assert sorted(account.keys) == [row["ID"] for row in place.results()]
    assert {row["import_status"] for row in place.results()} == {"created"}
