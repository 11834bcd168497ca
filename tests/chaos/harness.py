"""One campaign: kills an import at random moments, and then finishes it."""

from __future__ import annotations

import asyncio
import csv
import os
import random
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from importer.errors import StoppedEarly
from importer.models import Rate
from importer.sandbox import FaultPlan, Sandbox, SandboxOptions, serve
from tests.postgres.server import PostgresServer

KEY_FIELD = "CustomData.LegacyId"
MAPPING = f"""\
version: 1
source: chaos
key: ID
key_field: {KEY_FIELD}
columns: {{ID: {KEY_FIELD}, Subject: Title, Email: LeadDetail.EmailAddress}}
"""
RATE = Rate(40, 1)
AT_LAST = Rate(1000, 1)  # for the run that does what the killed ones have left
_MORE_RUNS = 3
LATENCIES_S = (0.01, 0.05, 0.25)  # with the first, few are under way at any moment; with the last, a whole burst is
# What goes wrong on the wire meanwhile. Rows whose answer is lost are unknown; the others must be right all the same.
# The number that is given again is the first ticket's. Its own call is struck by nothing, so that the ledger knows it.
FAULTS = (
    {"calls": 1, "fault": "slow", "delay_s": 0},
    {"probability": 0.02, "fault": "repeated-number"},
    {"probability": 0.02, "fault": "cached-answer"},
    {"probability": 0.04, "fault": "answered-twice"},
    {"probability": 0.04, "fault": "answered-twice", "delay_s": 0.02},
    {"probability": 0.02, "fault": "closed-before"},
    {"probability": 0.02, "fault": "closed-after"},
    {"probability": 0.02, "fault": "closed-after-answer"},
    {"probability": 0.02, "fault": "cut-json"},
    {"probability": 0.02, "fault": "reset-after"},
)
CALLS_PER_RUN = 45  # the most that is waited for before a kill
ROWS_PER_KILL = 90  # those, and a burst that comes on top
SHARE_OF_EARLY_KILLS = 0.1  # at any moment from the process's start on, before it sends as well as after
EARLY_S = 2.0
SHARE_OF_SERVER_CRASHES = 0.3  # kills at which the ledger's server crashes, too
PATIENCE_S = 60


@dataclass
class Count:
    """The counts of a campaign. ``unknown``: the number of rows without an outcome after each kill."""

    kills: int = 0
    kills_under_way: int = 0  # those that left a row with an intent and no outcome
    unknown: list[int] = field(default_factory=list)
    never_reached: int = 0  # of those, the rows that made no ticket
    duplicates: int = 0
    lost: int = 0
    untrue: int = 0  # rows whose result is not what the account has
    over_limit: int = 0  # kills after which more rows were unknown than can have been under way

    def __add__(self, other: Count) -> Count:
        return Count(
            kills=self.kills + other.kills,
            kills_under_way=self.kills_under_way + other.kills_under_way,
            unknown=self.unknown + other.unknown,
            never_reached=self.never_reached + other.never_reached,
            duplicates=self.duplicates + other.duplicates,
            lost=self.lost + other.lost,
            untrue=self.untrue + other.untrue,
            over_limit=self.over_limit + other.over_limit,
        )


async def campaign(folder: Path, *, kills: int, seed: int, server: PostgresServer | None = None) -> Count:
    """Import rows in ``folder``, kill the import ``kills`` times, and finish it.

    The ledger is a file in ``folder``, or a database of ``server``.
    """
    chance = random.Random(seed)
    ledger = f"sqlite:///{folder / 'ledger.sqlite'}" if server is None else server.database(f"chaos-{seed}")
    _write_input(folder, kills * ROWS_PER_KILL)
    count = Count()
    latency_s = LATENCIES_S[seed % len(LATENCIES_S)]
    options = SandboxOptions(rate=AT_LAST, latency_s=latency_s, seed=seed, faults=FaultPlan.parse(list(FAULTS)))
    unknown: set[str] = set()
    async with serve(options) as sandbox:
        command = Command(folder, sandbox, latency_s, ledger)
        assert await command.to_the_end("ledger", "init") == 0
        run = ("run", "manifest.csv", "-m", "mapping.yaml", "--yes", "--no-progress", "-q", "--rate")
        assert await command.to_the_end(*run, str(RATE), "--limit", "1") == 1
        while count.kills < kills:
            killed = await _kill_once(command, (*run, str(RATE)), chance, count, server)
            if killed is None:
                break  # it was done before
            unknown |= killed
        code = await command.to_the_end(*run, str(AT_LAST))
        for _ in range(_MORE_RUNS):
            if code == StoppedEarly.exit_code:  # three repeated ticket numbers in a row stop a run; the next goes on
                code = await command.to_the_end(*run, str(AT_LAST))
    # Only now is nothing under way any more that could make a ticket late.
    count.never_reached = len(unknown - {ticket.value(KEY_FIELD) for ticket in sandbox.tickets})
    _judge(folder, sandbox, count, complete=code in (0, 1))
    return count


class Command:
    """Starts the real command line as a process."""

    def __init__(self, folder: Path, sandbox: Sandbox, latency_s: float, ledger: str) -> None:
        self.folder = folder
        self.ledger = ledger
        self.latency_s = latency_s
        self.sandbox = sandbox
        self._environment = {
            **os.environ,
            "LSQ_HOST": sandbox.url,
            "LSQ_TENANT_ID": sandbox.tenant_id,
            "LSQ_ACCESS_KEY": sandbox.access_key.reveal(),
            "LSQ_SECRET_KEY": sandbox.secret_key.reveal(),
            "LSQ_LEDGER": ledger,
            "XDG_STATE_HOME": str(folder / "state"),
        }

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start a command. Its output is appended to ``output.txt``."""
        with (self.folder / "output.txt").open("ab") as output:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "importer",
                *arguments,
                cwd=self.folder,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    async def to_the_end(self, *arguments: str) -> int:
        """Run a command; return its exit code."""
        process = await self.start(*arguments)
        return await asyncio.wait_for(process.wait(), PATIENCE_S)


async def _kill_once(
    command: Command, run: tuple[str, ...], chance: random.Random, count: Count, server: PostgresServer | None
) -> set[str] | None:
    """Start the import and kill it at a random moment; return the rows without an outcome.

    ``None`` if it ended before.
    """
    sandbox = command.sandbox
    before = len(sandbox.calls)
    wanted = before + chance.randint(1, CALLS_PER_RUN)
    process = await command.start(*run)
    ended = asyncio.create_task(process.wait())
    if chance.random() < SHARE_OF_EARLY_KILLS:
        await asyncio.wait((ended,), timeout=chance.random() * EARLY_S)
    else:
        called = asyncio.create_task(sandbox.until(lambda now: len(now.calls) >= wanted))
        await asyncio.wait((ended, called), timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        called.cancel()
        await asyncio.wait((ended,), timeout=chance.random() * 1.5 * command.latency_s)
    if ended.done():
        return None
    if server is not None and chance.random() < SHARE_OF_SERVER_CRASHES:
        server.stop(signal.SIGQUIT)
        await asyncio.wait((ended,), timeout=chance.random())
        process.kill()
        server.start()
    else:
        process.kill()
    await ended
    unanswered = sum(call.status is None for call in sandbox.calls[before:])
    unknown = _without_outcome(command.ledger)
    count.kills += 1
    count.kills_under_way += bool(unknown)
    count.unknown.append(len(unknown))
    # What the account saw, and what may have been on its way there or back: a burst.
    count.over_limit += len(unknown) > unanswered + RATE.calls
    return unknown


def _without_outcome(ledger: str) -> set[str]:
    """Return the rows without an outcome, and let the lease of the killed run end."""
    with sa.create_engine(ledger, poolclass=sa.NullPool).begin() as db:
        if (
            db.dialect.name == "postgresql"
        ):  # other hosts can't see that the process is dead: the next run waits a minute
            db.execute(sa.text("update runs set lease_until = 0 where ended_at is null"))
        return set(db.scalars(sa.text("select key from tickets where state = 'sending'")))


def _judge(folder: Path, sandbox: Sandbox, count: Count, *, complete: bool) -> None:
    """Compare the results with the account."""
    tickets = Counter(ticket.value(KEY_FIELD) for ticket in sandbox.tickets)
    numbers = {ticket.value(KEY_FIELD): ticket.number for ticket in sandbox.tickets}
    count.duplicates += sum(n - 1 for n in tickets.values())
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        keys = {row["ID"] for row in csv.DictReader(file)}
    results: dict[str, dict[str, str]] = {}
    if complete:
        with (folder / "manifest.results.csv").open(encoding="utf-8-sig", newline="") as file:
            results = {row["ID"]: row for row in csv.DictReader(file)}
    for key in keys:
        row = results.get(key)
        if row is None or row["import_status"] not in ("created", "skipped", "unknown"):
            count.lost += 1
        elif row["import_status"] != "unknown":
            count.untrue += numbers.get(key) != row["import_ticket_number"]


def _write_input(folder: Path, rows: int) -> None:
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("ID", "Subject", "Email"))
        writer.writerows((f"{n:06}", f"Ticket {n}", f"lead{n}@example.com") for n in range(rows))
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
