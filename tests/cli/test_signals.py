"""Signals in each phase of a run, and a process that is paused beyond its lease; with real processes."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from importer.models import Rate
from tests.cli.shop import PATIENCE_S, Account, Shop, ended, good_row
from tests.cli.terminal import Terminal

Open = Callable[..., Account]
ROWS = 60
SLEEPY = {"rate": Rate(1000, 1), "latency_s": 0.8}
"""Time enough to put a process to sleep while it does nothing but wait for four answers."""
RUN = ("run", "tickets.csv", "-m", "mapping.yaml", "--concurrency", "4")
MANY = 30_000  # rows that take a second to be written
VERY_MANY = 200_000  # rows that take seconds to check


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that can only be polled."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def said(process: subprocess.Popen[str], text: str) -> None:
    """Read standard error up to this text."""
    assert process.stderr is not None
    line = process.stderr.readline()
    while text not in line:
        assert line, f"it ended without having said {text!r}"
        line = process.stderr.readline()


def runs(shop: Shop, wanted: str = "exit_code") -> list[object]:
    with closing(sqlite3.connect(shop.path("ledger.sqlite"))) as ledger:
        return [row[0] for row in ledger.execute(f"select {wanted} from runs order by started_at")]


def set_lease(shop: Shop, until_s: float) -> None:
    with closing(sqlite3.connect(shop.path("ledger.sqlite"), isolation_level=None)) as ledger:
        ledger.execute("update runs set lease_until = ? where ended_at is null", (until_s,))


def is_locked(shop: Shop) -> bool:
    with closing(sqlite3.connect(shop.path("ledger.sqlite"), isolation_level=None, timeout=0)) as ledger:
        try:
            ledger.execute("begin immediate")
        except sqlite3.OperationalError:
            return True
        return False


def results_begun(shop: Shop) -> bool:
    """Return whether some results are written; an empty file only tests the folder."""
    sizes = []
    for path in shop.folder.glob(".tickets.results.csv.*.tmp"):
        with suppress(FileNotFoundError):
            sizes.append(path.stat().st_size)
    return any(sizes)


@contextmanager
def asleep(shop: Shop, process: subprocess.Popen[str]) -> Iterator[None]:
    """Stop a process outside any commit, which would lock the ledger."""
    process.send_signal(signal.SIGSTOP)
    while is_locked(shop):
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
def test_an_interruption_at_the_question(shop: Shop, account: Account, number: signal.Signals, code: int):
    """By Ctrl-C or SIGTERM: nothing is sent, the rows are free, and the run is recorded as ended."""
    shop.manifest(3)
    with Terminal(*RUN) as terminal:
        terminal.until("Send 3 tickets")
        terminal.interrupt(number)
        assert terminal.end() == code
        assert f"interrupted by {number.name}" in terminal.seen
    assert account.calls == 0
    assert runs(shop) == [code]
    assert not list(shop.folder.glob("*.lock"))
    assert shop.run().code == 0


def test_an_interruption_while_rows_are_checked(shop: Shop, account: Account):
    """The check of a long manifest ends at once: no plan, no call, no results, no claimed row."""
    shop.manifest(VERY_MANY)
    process = shop.start(*RUN)
    until(lambda: bool(runs(shop)))
    process.send_signal(signal.SIGTERM)
    interrupted = ended(process)
    assert interrupted.code == 143, interrupted.err
    assert "interrupted by SIGTERM" in interrupted.err
    assert "to send" not in interrupted.err
    assert account.calls == 0
    assert runs(shop) == [143]
    assert not shop.path("tickets.results.csv").exists()
    assert not list(shop.folder.glob("*.lock"))


def test_an_interruption_while_waiting_for_a_slot(shop: Shop, account: Account):
    """The next slot is in an hour: the run ends at once, and unsent rows are pending."""
    shop.manifest(3)
    process = shop.start(*RUN, "--rate", "1/3600")
    account.until(lambda sandbox: len(sandbox.tickets) >= 1)
    process.send_signal(signal.SIGTERM)
    assert ended(process).code == 143
    assert shop.statuses() == {"created": 1, "pending": 2}


def test_an_interruption_during_backoff(shop: Shop, account: Account):
    """No server listens at the port, and the run waits for one."""
    shop.manifest(3)
    shop.set(LSQ_HOST=f"http://127.0.0.1:{free_port()}")
    process = shop.start(*RUN)
    said(process, "sending pauses")
    process.send_signal(signal.SIGINT)
    assert ended(process).code == 130
    assert shop.statuses() == {"pending": 3}


def test_an_interruption_during_a_probe(shop: Shop, open_account: Open):
    """No request is answered, and the sixth is a probe: the run waits for it as long as --grace says."""
    account = open_account([{"calls": "1-1000", "fault": "hang-after"}])
    shop.manifest(ROWS)
    process = shop.start(*RUN, "--answer-timeout", "400ms", "--grace", "50ms")
    account.until(lambda sandbox: len(sandbox.tickets) >= 6)
    process.send_signal(signal.SIGTERM)
    assert ended(process).code == 143
    made = len(account.tickets)
    assert shop.statuses() == {"unknown": made, "pending": ROWS - made}


def test_an_interruption_while_results_are_written(shop: Shop, account: Account):
    """The results are completed, and the exit code is that of the rows."""
    shop.manifest((key, subject, "Nope", email) for key, subject, _, email in map(good_row, range(MANY)))
    process = shop.start(*RUN)
    until(lambda: results_begun(shop))
    process.send_signal(signal.SIGTERM)
    assert ended(process).code == 1
    assert shop.statuses() == {"rejected": MANY}


def test_two_interruptions_while_results_are_written(shop: Shop, account: Account):
    """The second ends the run at once: no incomplete results, free rows; the same command writes them."""
    shop.manifest((key, subject, "Nope", email) for key, subject, _, email in map(good_row, range(MANY)))
    process = shop.start(*RUN)
    until(lambda: results_begun(shop))
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    assert ended(process).code in (130, 143)
    assert not shop.path("tickets.results.csv").exists()
    shop.manifest(3)
    assert shop.run().code == 0
    assert len(account.tickets) == 3


def test_a_resumed_run_goes_on_if_no_other_run_took_over(shop: Shop, open_account: Open):
    """As after a laptop's sleep: the run renews its lease, and sends each row once."""
    account = open_account(**SLEEPY)
    shop.manifest(12)
    process = shop.start(*RUN)
    account.until(lambda sandbox: len(sandbox.calls) >= 5)
    with asleep(shop, process):
        set_lease(shop, 0.0)
    assert ended(process).code == 0
    assert len(set(account.keys)) == len(account.keys) == 12
    assert shop.statuses() == {"created": 12}


def test_a_resumed_run_sends_nothing_after_another_run_took_over(shop: Shop, open_account: Open):
    """It records the answers in flight, sends nothing more, and stops."""
    account = open_account(**SLEEPY)
    shop.manifest(12)
    process = shop.start(*RUN)
    account.until(lambda sandbox: len(sandbox.calls) >= 5)
    with asleep(shop, process):
        set_lease(shop, 0.0)
        assert shop.run().code == 1
        assert shop.statuses() == {"skipped": 1, "unknown": 4, "created": 7}
    overtaken = ended(process)
    assert overtaken.code == 3, overtaken.err
    assert "another one has taken over its rows" in overtaken.err
    assert len(set(account.keys)) == len(account.keys) == 12
    assert account.calls == 12
    assert shop.run().code == 0
    assert shop.statuses() == {"skipped": 12}
