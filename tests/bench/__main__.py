"""`make bench`: 150 tickets through both clients at once, each with a stand-in account of its own."""

from __future__ import annotations

import argparse
import asyncio
import csv
import datetime as dt
import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from importer.models import Rate
from importer.sandbox import Sandbox, SandboxOptions, serve
from tests.bench.measure import Run, judge, table

HERE = Path(__file__).parent
RATE = Rate(25, 5)
JITTER_S = 0.15
ROWS = 150
TIMEOUT_S = 180

# The obvious script takes the columns' names as the fields' names; the mapping says the same.
COLUMNS = ("CustomData.LegacyId", "Title", "Status", "LeadDetail.EmailAddress")
MAPPING = "version: 1\nsource: bench\nkey: CustomData.LegacyId\ncolumns:\n" + "".join(
    f"  {column}: {column}\n" for column in COLUMNS
)

CLI = (sys.executable, "-m", "importer")
OURS = "ticket-importer"
OBVIOUS = "gather + AsyncLimiter(25, 5)"


@dataclass(frozen=True, kw_only=True)
class Client:
    """A program to measure: what it runs once before, and what is timed; ``{folder}`` holds its files."""

    name: str
    prepare: tuple[str, ...] = ()
    command: tuple[str, ...]


CLIENTS = (
    Client(
        name=OURS,
        prepare=(*CLI, "ledger", "init"),
        command=(*CLI, "run", "{folder}/tickets.csv", "-m", "{folder}/bench.yaml", "--yes", "--no-progress"),
    ),
    Client(name=OBVIOUS, command=(sys.executable, str(HERE / "obvious.py"), "{folder}/tickets.csv")),
)


def write_input(folder: Path) -> None:
    """The manifest and its mapping: ``ROWS`` small tickets, each for a lead of its own."""
    with (folder / "tickets.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((f"{n:05}", f"Ticket {n}", "Open", f"lead{n}@example.com") for n in range(ROWS))
    (folder / "bench.yaml").write_text(MAPPING, encoding="utf-8")


async def execute(command: tuple[str, ...], folder: Path, environment: dict[str, str]) -> None:
    """Run a program to its end. Raises RuntimeError with its output if it fails."""
    process = await asyncio.create_subprocess_exec(
        *(word.format(folder=folder) for word in command),
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{output.decode(errors='replace')}")


def account(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    """The environment of a client: this stand-in account and nobody else's settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LSQ_")}
    return inherited | {
        "LSQ_HOST": sandbox.url,
        "LSQ_TENANT_ID": sandbox.tenant_id,
        "LSQ_ACCESS_KEY": sandbox.access_key.reveal(),
        "LSQ_SECRET_KEY": sandbox.secret_key.reveal(),
        "LSQ_LEDGER": f"sqlite:///{folder / 'ledger.db'}",
    }


async def measure(client: Client, seed: int) -> Run:
    """One run of one client against a stand-in account that nobody else calls."""
    options = SandboxOptions(rate=RATE, algorithm="sliding", jitter_s=JITTER_S, seed=seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_input(folder)
        async with serve(options) as sandbox:
            environment = account(sandbox, folder)
            if client.prepare:
                await execute(client.prepare, folder, environment)
            await execute(client.command, folder, environment)
            calls = [(call.arrived_s, call.status or 0) for call in sandbox.calls]
            return judge(calls, tickets=len(sandbox.tickets), rows=ROWS, rate=RATE)


async def compare(runs: int) -> dict[str, list[Run]]:
    """Measure all clients side by side, ``runs`` times over; the jitter of a round is the same for all."""
    rounds = [await asyncio.gather(*(measure(client, seed) for client in CLIENTS)) for seed in range(runs)]
    return {client.name: [each[index] for each in rounds] for index, client in enumerate(CLIENTS)}


def report(results: dict[str, list[Run]]) -> str:
    """The results as Markdown, with all that one needs to judge them."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    runs = len(next(iter(results.values())))
    return (
        "# Bench\n\n"
        f"{ROWS} tickets, an account that counts {RATE.calls} calls per {RATE.period_s:g} s in a sliding window, up to "
        f"{JITTER_S * 1000:.0f} ms of network jitter before it counts. Both clients run at once, each against an account "
        f"of its own. Seconds are from the second call's header to the last's, at the server: the median of {runs}.\n\n"
        f"{table(results)}\n"
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores, {memory_gb:.0f} GB, "
        f"Python {platform.python_version()}, {platform.system()}. Made by `make bench`.\n"
    )


def main() -> None:
    """Measure, show, and write the report unless told not to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often; medians are shown (default 3)")
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    arguments = parser.parse_args()
    text = report(asyncio.run(compare(arguments.runs)))
    sys.stdout.write(text)
    if not arguments.no_write:
        (HERE / "RESULTS.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
