"""What the tests of the command line share: a live account, a folder with a manifest and a mapping, and the command."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import shlex
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from importer.cli import invoke
from importer.ledger.store import Ledger
from importer.models import Rate, Secret
from importer.sandbox import FaultPlan, Sandbox, SandboxOptions, TicketRecord, serve
from tests import fork_server
from tests.ledger.ledgers import empty_ledger_file

ROOT = Path(__file__).parent.parent.parent
KEY_FIELD = "CustomData.LegacyId"
ACCESS_KEY, SECRET_KEY = "access-4711-hush", "secret-0815-hush"
PATIENCE_S = 40
MAPPING = f"""\
version: 1
source: shop
key: ID
key_field: {KEY_FIELD}
columns:
  ID: {KEY_FIELD}
  Subject: {{field: Title, required: true}}
  State: {{field: Status, one_of: [Open, Closed]}}
  Email: {{field: LeadDetail.EmailAddress, type: email}}
"""
HEADER = ("ID", "Subject", "State", "Email")


class Account:
    """A sandbox account in its own thread and event loop, so that a command can block."""

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._serving = serve(options)
        self.sandbox: Sandbox

    def __enter__(self) -> Self:
        self._thread.start()
        self.sandbox = self._do(self._serving.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._serving.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def until(self, condition: Callable[[Sandbox], bool]) -> None:
        """Block until the condition holds."""
        self._do(self.sandbox.until(condition))

    async def _look(self) -> tuple[TicketRecord, ...]:
        return self.sandbox.tickets

    @property
    def tickets(self) -> tuple[TicketRecord, ...]:
        """Every ticket of the account."""
        tickets: tuple[TicketRecord, ...] = self._do(self._look())
        return tickets

    @property
    def keys(self) -> list[str]:
        """The manifest's key of every ticket in the order of creation; a key that occurs twice has two tickets."""
        return [str(ticket.value(KEY_FIELD)) for ticket in self.tickets]

    @property
    def calls(self) -> int:
        """The number of calls that have arrived."""
        return len(self.sandbox.calls)

    @property
    def variables(self) -> dict[str, str]:
        """The settings to connect to this account."""
        return {
            "LSQ_HOST": self.sandbox.url,
            "LSQ_TENANT_ID": self.sandbox.tenant_id,
            "LSQ_ACCESS_KEY": self._options.access_key.reveal(),
            "LSQ_SECRET_KEY": self._options.secret_key.reveal(),
        }


def quick(faults: object = None, **changes: Any) -> SandboxOptions:
    """Options of a fast account; ``faults`` as in a fault plan."""
    return SandboxOptions(
        **{
            "rate": Rate(1000, 1),
            "latency_s": 0.0,
            "access_key": Secret(ACCESS_KEY),
            "secret_key": Secret(SECRET_KEY),
            "faults": FaultPlan.parse(faults),
            **changes,
        }
    )


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        summary: dict[str, Any] = json.loads(self.out)
        return summary


class Shop:
    """A folder with all that an import needs. Commands run in it, with the settings of ``account``."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(folder)
        for name in [name for name in os.environ if name.startswith(("LSQ_", "_TICKET"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("LSQ_LEDGER", str(folder / "ledger.sqlite"))
        monkeypatch.setenv("LSQ_RATE", "1000/1")
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")

    def uses(self, account: Account) -> None:
        """Set the account's settings, and make the ledger."""
        self.set(**account.variables)
        self.make_ledger()

    def make_ledger(self) -> None:
        """Make the ledger: a copy of one that `ledger init` has made."""
        url = os.environ["LSQ_LEDGER"]
        if "://" in url or Path(url).exists():
            Ledger.create(url if "://" in url else f"sqlite:///{url}").close()
        else:
            Path(url).write_bytes(empty_ledger_file())
            Path(url).chmod(0o600)

    def set(self, **variables: str) -> None:
        """Set environment variables."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def unset(self, *names: str) -> None:
        """Unset environment variables."""
        for name in names:
            self._monkeypatch.delenv(name, raising=False)

    def path(self, name: str) -> Path:
        """A file of the folder."""
        return self.folder / name

    def manifest(self, rows: int | Iterable[tuple[str, ...]], name: str = "tickets.csv") -> None:
        """Write a manifest with this number of good rows, or with these rows."""
        records = [good_row(number) for number in range(1, rows + 1)] if isinstance(rows, int) else rows
        with self.path(name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEADER, *records])

    def results(self, name: str = "tickets.results.csv") -> list[dict[str, str]]:
        """The rows of a results file."""
        with self.path(name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def statuses(self, name: str = "tickets.results.csv") -> Counter[str]:
        """How many rows of a results file are in which state."""
        return Counter(row["import_status"] for row in self.results(name))

    def do(self, *arguments: str) -> Ended:
        """Run a command in this process."""
        code = invoke(arguments)
        printed = self._capsys.readouterr()
        return Ended(code=code, out=printed.out, err=printed.err)

    def run(self, *arguments: str) -> Ended:
        """`run` the manifest."""
        return self.do("run", "tickets.csv", "-m", "mapping.yaml", *arguments)

    def rerun(self, *arguments: str) -> Ended:
        """`rerun` its results."""
        return self.do("rerun", "tickets.results.csv", "-m", "mapping.yaml", *arguments)

    def start(self, *arguments: str, **how: Any) -> subprocess.Popen[str]:
        """Start a command as a separate process."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with heard(signal.SIGINT, signal.SIGHUP):
            return fork_server.start(*arguments, **{"encoding": "utf-8", **pipes, **how})


@contextlib.contextmanager
def heard(*numbers: signal.Signals, by: Any = signal.SIG_DFL) -> Iterator[None]:
    """Start processes that hear these signals, even where the tests run under `nohup` or in the background."""
    former = {number: signal.signal(number, by) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def good_row(number: int) -> tuple[str, ...]:
    """Return a row that becomes a ticket with its own lead."""
    return (f"{number:05}", f"Ticket {number}", "Open", f"lead{number}@example.com")


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for a process."""
    with process:
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    return Ended(code=process.returncode, out=out or "", err=err or "")


def next_command(out: str) -> list[str]:
    """The arguments of the first command that a summary shows, as a shell would split it."""
    lines = [line.strip() for line in out.partition("\nnext ")[2].splitlines()]
    return shlex.split(next(line for line in lines if line.startswith("ticket-importer ")))[1:]
