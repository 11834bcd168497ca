"""Measures the imports of many accounts: `run-all` beside a process for each account."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from tests.bench.account import Account, Setup, opened
from tests.bench.clients import OURS, ManifestImport, environment, make_ledger, quiet_environment
from tests.bench.cpu_bound import MIB, Bench
from tests.bench.measurements import Goal, Measurement
from tests.bench.processes import ProcessResult, ProcessSettings, run


@dataclass(frozen=True, kw_only=True)
class _Imported:
    """How the processes of some imports ended, and how many calls the accounts refused."""

    processes: Sequence[ProcessResult]
    refused: int


_Imports = Callable[[Path, Path, Sequence[Account], int], Sequence[ProcessResult]]


def many_accounts(bench: Bench, number: int, rows: int) -> Iterator[Measurement]:
    """Measure CPU, memory, time and refused calls, each account with its own limit and all with one ledger."""
    bench.log(f"{number} accounts, {rows:,} rows each: run-all, then a process for each")
    ours = _imported(bench, number, rows, _together)
    each = _imported(bench, number, rows, _each_alone)
    section = f"{number} accounts at once, {rows:,} rows each, one ledger; baseline: a process for each account"
    yield Measurement(
        section=section,
        what="CPU of all",
        ours=[sum(process.cpu_s for process in ours.processes)],
        baseline=[sum(process.cpu_s for process in each.processes)],
        unit="s",
        digits=1,
        goal=Goal(bound=0.5, side="most", by="ratio"),
    )
    yield Measurement(
        section=section,
        what="peak memory of all",
        ours=[sum(process.peak_bytes for process in ours.processes) / MIB],
        baseline=[sum(process.peak_bytes for process in each.processes) / MIB],
        unit="MiB",
        digits=0,
        goal=Goal(bound=0.2, side="most", by="ratio"),
    )
    yield Measurement(
        section=section,
        what="time",
        ours=[max(process.wall_s for process in ours.processes)],
        baseline=[max(process.wall_s for process in each.processes)],
        unit="s",
        digits=1,
    )
    yield Measurement(
        section=section,
        what="calls answered 429",
        ours=[ours.refused],
        baseline=[each.refused],
        digits=0,
        compared=False,
        goal=Goal(bound=0, side="most"),
    )


def _together(folder: Path, ledger: Path, accounts: Sequence[Account], rows: int) -> list[ProcessResult]:
    """Import into all accounts with one `run-all`."""
    jobs = []
    variables: dict[str, str] = {}
    for number, account in enumerate(accounts):
        manifest, mapping = ManifestImport(folder=folder, number=number, rows=rows).write()
        own = account.environment
        keys = {f"ACCESS_{number}": own["LSQ_ACCESS_KEY"], f"SECRET_{number}": own["LSQ_SECRET_KEY"]}
        variables |= keys
        access_key, secret_key = keys
        place = {"host": own["LSQ_HOST"], "tenant": own["LSQ_TENANT_ID"]}
        named = {"name": f"account-{number}", "access_key": access_key, "secret_key": secret_key}
        jobs.append({**named, **place, "manifest": str(manifest), "mapping": str(mapping)})
    file = folder / "jobs.yaml"
    file.write_text(json.dumps({"jobs": jobs}), encoding="utf-8")
    ledger_only = {"LSQ_LEDGER": f"sqlite:///{ledger}", "XDG_STATE_HOME": str(folder / "state")}
    place_of_all = ProcessSettings(folder=folder, environment=quiet_environment() | ledger_only | variables)
    return [run((*OURS, "run-all", str(file), "--yes", "--no-progress", "--quiet"), place_of_all)]


def _each_alone(folder: Path, ledger: Path, accounts: Sequence[Account], rows: int) -> list[ProcessResult]:
    """Import into each account with its own `run`; all start at once."""

    def run_one(number: int) -> ProcessResult:
        place = ProcessSettings(folder=folder, environment=environment(accounts[number], ledger))
        return run(ManifestImport(folder=folder, number=number, rows=rows).prepare("ours"), place)

    with ThreadPoolExecutor(len(accounts)) as threads:
        return list(threads.map(run_one, range(len(accounts))))


def _imported(bench: Bench, number: int, rows: int, imports: _Imports) -> _Imported:
    """Import a manifest into each of so many new accounts. Raises RuntimeError unless each row is one ticket."""
    with tempfile.TemporaryDirectory(dir=bench.folder) as name:
        folder = Path(name)
        ledger = make_ledger(folder / "ledger.sqlite")
        with contextlib.ExitStack() as running:
            accounts = [running.enter_context(opened(Setup())) for _ in range(number)]
            processes = imports(folder, ledger, accounts, rows)
        made = [len(account.record.made_s) for account in accounts]
        if made != [rows] * number:
            raise RuntimeError(f"the accounts have {made} tickets, not {rows} each")
        refused = sum(status == HTTPStatus.TOO_MANY_REQUESTS for each in accounts for _, status in each.record.calls)
        return _Imported(processes=processes, refused=refused)
