"""Stops an import before each step of its protocol in turn, and runs it again to its end."""

from __future__ import annotations

import asyncio
import csv
import shutil
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path

from importer.models import Rate
from importer.sandbox import FaultPlan, Sandbox, SandboxOptions, serve
from tests.chaos.children import Command, do_beside

ROUND_FIELD, KEY_FIELD = "CustomData.Source", "CustomData.LegacyId"
MAPPING = f"""\
version: 1
source: chaos
key: ID
key_field: {KEY_FIELD}
columns: {{ID: {KEY_FIELD}, Subject: {{field: Title, required: true}}, Email: LeadDetail.EmailAddress, Round: {ROUND_FIELD}}}
attachments: {{columns: [Files]}}
"""
FAULTS = [
    {"match": {"Title": "is refused"}, "fault": "refused-200"},
    {"match": {"Title": "is made, and nobody is told"}, "fault": "500-after"},
]
EARLIER = "earlier"  # created by an earlier run, so that there are results to keep
SUBJECTS = {
    EARLIER: "was made before",
    "file": "has a file",
    "refused": "is refused",
    "untold": "is made, and nobody is told",
    "rejected": "",
    "last": "is nothing special",
}
# What each row ends in if nothing is killed; of those that were sent, any may be unknown if something is.
UNDISTURBED = {
    EARLIER: "skipped",
    "file": "created",
    "refused": "failed",
    "untold": "unknown",
    "rejected": "rejected",
    "last": "created",
}
RESULTS = "manifest.results.csv"
LANES = 2


@dataclass(frozen=True, kw_only=True)
class Stop:
    """The state after the program was stopped before one step, and run again."""

    trace: tuple[str, ...]  # the step that was not reached is the last
    killed: bool
    intended: frozenset[str]  # the rows that had an intent and no outcome when it was stopped
    results: tuple[dict[str, str], ...]
    left_behind: tuple[str, ...]
    code: int
    tickets: tuple[tuple[str, str], ...]  # (key, number) of every ticket that this round made


async def stop_everywhere(folder: Path, *flags: str, kinds: frozenset[str] = frozenset(), every: int = 1) -> list[Stop]:
    """Stop an import with these flags before each step in turn, until it ends before the step.

    ``kinds``: the kinds of steps to count, if not all; ``every``: 2 for every other step.
    """
    options = SandboxOptions(rate=Rate(1000, 1), latency_s=0, faults=FaultPlan.parse(FAULTS))
    numbers = count(1, every)
    stops: dict[int, Stop] = {}
    async with serve(options) as sandbox:
        template = folder / "template"
        await _prepare(template, sandbox)

        async def lane() -> None:
            for number in numbers:
                round_ = _Round(template, folder / f"round {number}", sandbox, number, flags, kinds)
                stops[number] = stop = await round_.go()
                if not stop.killed:
                    return

        await asyncio.gather(*(lane() for _ in range(LANES)))
    # No request is left that could create a ticket later.
    return [_with_tickets(stops[number], sandbox, number) for number in sorted(stops)]


async def _prepare(folder: Path, sandbox: Sandbox) -> None:
    """Make a folder in which an earlier run has made the first ticket."""
    _write_template(folder)
    assert await do_beside(_command(folder, sandbox, "ledger", "init")) == 0
    assert await do_beside(_command(folder, sandbox, *_run())) == 0


def _write_template(folder: Path) -> None:
    folder.mkdir()
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    (folder / "picture.png").write_bytes(b"\x89PNG" + bytes(1000))
    _write_manifest(folder, (EARLIER,), 0)


@dataclass(frozen=True)
class _Round:
    template: Path
    folder: Path
    sandbox: Sandbox
    number: int
    flags: tuple[str, ...]
    kinds: frozenset[str]

    async def go(self) -> Stop:
        """Run until the step, and then again to the end."""
        folder = self.folder
        await asyncio.to_thread(shutil.copytree, self.template, folder)
        _write_manifest(folder, tuple(SUBJECTS), self.number)
        before = (folder / RESULTS).read_bytes()
        trace = folder.parent / f"trace {self.number}"
        command = _command(folder, self.sandbox, *_run(*self.flags))
        code = await do_beside(replace(command, trace=trace, stop_before=self.number, kinds=self.kinds))
        intended = _without_outcome(folder / "ledger.sqlite")
        assert (folder / RESULTS).read_bytes() == before or len(_results(folder)) == len(SUBJECTS), "not whole"
        again = await do_beside(command)
        return Stop(
            trace=tuple(trace.read_text(encoding="utf-8").splitlines()),
            killed=code == -signal.SIGKILL,
            intended=intended,
            results=tuple(_results(folder)),
            left_behind=tuple(sorted(path.name for path in folder.glob("*.part"))),
            code=again,
            tickets=(),
        )


def _with_tickets(stop: Stop, sandbox: Sandbox, number: int) -> Stop:
    tickets = tuple(
        (str(ticket.value(KEY_FIELD)), ticket.number)
        for ticket in sandbox.tickets
        if ticket.value(ROUND_FIELD) == f"round {number}"
    )
    return replace(stop, tickets=tickets)


def _run(*flags: str) -> tuple[str, ...]:
    return ("run", "manifest.csv", "-m", "mapping.yaml", "--skip-invalid", "--yes", *flags)


def _command(folder: Path, sandbox: Sandbox, *arguments: str) -> Command:
    variables = {
        "LSQ_HOST": sandbox.url,
        "LSQ_TENANT_ID": sandbox.tenant_id,
        "LSQ_ACCESS_KEY": sandbox.access_key.reveal(),
        "LSQ_SECRET_KEY": sandbox.secret_key.reveal(),
        "LSQ_LEDGER": str(folder / "ledger.sqlite"),
        "LSQ_RATE": "1000/1",
    }
    return Command(folder=folder, arguments=arguments, variables=variables)


def _write_manifest(folder: Path, keys: tuple[str, ...], number: int) -> None:
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("ID", "Subject", "Email", "Round", "Files"))
        for key in keys:
            files = "picture.png" if key == "file" else ""
            writer.writerow((key, SUBJECTS[key], f"{key}.{number}@example.com", f"round {number}", files))


def _without_outcome(ledger: Path) -> frozenset[str]:
    with closing(sqlite3.connect(ledger)) as db:
        return frozenset(key for (key,) in db.execute("select key from tickets where state = 'sending'"))


def _results(folder: Path) -> list[dict[str, str]]:
    with (folder / RESULTS).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def judge(stop: Stop) -> list[str]:
    """Return all violations as texts."""
    return [*_judge_tickets(stop), *(finding for row in stop.results for finding in _judge_row(stop, row))]


def _judge_tickets(stop: Stop) -> list[str]:
    made = Counter(key for key, _ in stop.tickets)
    findings = [f"{key} was made {times} times" for key, times in made.items() if times > 1]
    if [row["ID"] for row in stop.results] != list(SUBJECTS):
        findings.append(f"the results have the rows {[row['ID'] for row in stop.results]}")
    if stop.code != 1:
        findings.append(f"the exit code is {stop.code}")
    if stop.left_behind:
        findings.append(f"{stop.left_behind} are left behind")
    return findings


def _judge_row(stop: Stop, row: dict[str, str]) -> list[str]:
    key, status, numbers = row["ID"], row["import_status"], dict(stop.tickets)
    undisturbed = UNDISTURBED[key]
    findings = []
    if status == "unknown":
        # Only rows with an intent may be unknown, and their results must name them.
        if key not in stop.intended and undisturbed != "unknown":
            findings.append(f"{key} is unknown, and had no intent")
        if row["import_key"] != key or not row["import_row"] or not _is_time(row["import_finished_at"]):
            findings.append(f"{key} is unknown, and not named: {row}")
    elif status not in (undisturbed, "skipped" if undisturbed == "created" else undisturbed):
        findings.append(f"{key} is {status}")
    if status == "created" or (status == "skipped" and key != EARLIER):
        if numbers.get(key) != row["import_ticket_number"]:
            findings.append(f"{key} is {status} as {row['import_ticket_number']}, and was made as {numbers.get(key)}")
    elif status != "unknown" and key in numbers:
        findings.append(f"{key} is {status}, and was made")
    return findings


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
