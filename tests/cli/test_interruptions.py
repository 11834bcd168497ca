"""Signals, kills and closed terminals during a run, in a real process, checked with the account's tickets."""

from __future__ import annotations

import builtins
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from importer import __main__ as program
from importer.models import Rate
from tests import fork_server
from tests.cli.shop import Account, Shop, ended, heard

Open = Callable[..., Account]
ROWS = 120
SLOW = {"rate": Rate(1000, 1), "latency_s": 0.2}
RUN = ("run", "tickets.csv", "-m", "mapping.yaml", "--concurrency", "4")
"""About 20 rows a second, four of them in flight."""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)], ids=str
)
def test_a_signal_lets_requests_in_flight_finish(shop: Shop, open_account: Open, number: signal.Signals, code: int):
    """The results are complete, and the same command sends the rest: each row once."""
    account = open_account(**SLOW)
    shop.manifest(ROWS)
    process = shop.start(*RUN)
    account.until(lambda sandbox: len(sandbox.tickets) >= 8)
    process.send_signal(number)
    interrupted = ended(process)
    assert interrupted.code == code, interrupted.err
    made = len(account.tickets)
    assert shop.statuses() == {"created": made, "pending": ROWS - made}
    assert 8 <= made < ROWS
    assert not shop.path("tickets.results.csv.part").exists()
    assert f"stopped: interrupted by {number.name}" in interrupted.err
    assert shop.do(*RUN[:4]).code == 0
    assert len(set(account.keys)) == len(account.keys) == ROWS
    assert shop.statuses() == {"skipped": made, "created": ROWS - made}


def test_a_second_signal_ends_it_at_once(shop: Shop, open_account: Open):
    """Rows without an answer are unknown, and the results are complete."""
    account = open_account([{"calls": "3-1000", "fault": "hang-after"}])
    shop.manifest(ROWS)
    process = shop.start(*RUN, "--grace", "1h")
    account.until(lambda sandbox: len(sandbox.tickets) >= 6)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    interrupted = ended(process)
    assert interrupted.code in (130, 143)
    statuses = shop.statuses()
    assert statuses["created"] == 2
    assert statuses["unknown"] == len(account.tickets) - 2 == 4
    assert sum(statuses.values()) == ROWS


def test_requests_beyond_the_grace_are_unknown(shop: Shop, open_account: Open):
    """Never pending."""
    account = open_account([{"calls": "3-1000", "fault": "hang-after"}])
    shop.manifest(ROWS)
    process = shop.start(*RUN, "--grace", "100ms")
    account.until(lambda sandbox: len(sandbox.tickets) >= 6)
    process.send_signal(signal.SIGTERM)
    assert ended(process).code == 143
    assert shop.statuses() == {"created": 2, "unknown": 4, "pending": ROWS - 6}


def test_kill_9_makes_only_rows_in_flight_unknown(shop: Shop, open_account: Open):
    """The same command continues at once, and sends all other rows, none twice."""
    account = open_account(**SLOW)
    shop.manifest(ROWS)
    process = shop.start(*RUN)
    account.until(lambda sandbox: len(sandbox.tickets) >= 8)
    process.kill()
    ended(process)
    assert not shop.path("tickets.results.csv").exists()
    again = shop.run("--json")
    assert again.code == 1, again.err
    statuses = shop.statuses()
    assert statuses["created"] + statuses["skipped"] + statuses["unknown"] == ROWS
    assert 1 <= statuses["unknown"] <= 4
    assert len(set(account.keys)) == len(account.keys)
    unknown = {row["ID"] for row in shop.results() if row["import_status"] == "unknown"}
    assert {f"{number:05}" for number in range(1, ROWS + 1)} - set(account.keys) <= unknown
    with closing(sqlite3.connect(shop.path("ledger.sqlite"))) as ledger:
        assert ledger.execute("select count(*) from tickets where held_by is not null").fetchone() == (0,)


def test_a_closed_standard_output_keeps_the_exit_code(shop: Shop, account: Account):
    """The exit code is that of the rows, and the results are written."""
    shop.manifest(3)
    process = shop.start(*RUN)
    assert process.stdout is not None
    process.stdout.close()
    code = process.wait(40)
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    assert code == 0, errors
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors
    assert shop.statuses() == {"created": 3}


def test_a_run_works_without_any_stream(shop: Shop, account: Account):
    """Daemons may close all three streams."""
    shop.manifest(3)
    command = [sys.executable, "-m", "importer", *RUN]
    done = subprocess.run(["bash", "-c", 'exec "$@" <&- >&- 2>&-', "-", *command], check=False, timeout=40)
    assert done.returncode == 0
    assert len(account.tickets) == 3


def test_nohup_is_heeded(shop: Shop, open_account: Open):
    """If SIGHUP is ignored at the start, the run continues without its terminal."""
    account = open_account(**SLOW)
    shop.manifest(20)
    with heard(signal.SIGHUP, by=signal.SIG_IGN):
        process = fork_server.start(*RUN, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    account.until(lambda sandbox: len(sandbox.tickets) >= 4)
    process.send_signal(signal.SIGHUP)
    assert process.wait(40) == 0
    assert len(account.tickets) == 20


def test_an_interruption_while_modules_are_loaded_shows_no_traceback(monkeypatch: pytest.MonkeyPatch):
    """It ends the program as an interruption of a command does."""

    def interrupted(name: str, *arguments: Any) -> Any:
        if name == "importer.cli":
            raise KeyboardInterrupt
        return real(name, *arguments)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", interrupted)
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 130
