"""Runs clients against limited accounts, many at once, because they mostly wait."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.account import Record, opened
from tests.bench.call_statistics import RunStatistics, SharedStatistics, run_statistics, shared_statistics
from tests.bench.chart import Panel
from tests.bench.clients import ClientName, ManifestImport, environment, make_ledger
from tests.bench.measurements import Goal, Measurement
from tests.bench.processes import ProcessSettings, run
from tests.bench.scenarios import RATE, Scenario

CLIENTS: tuple[ClientName, ...] = ("ours", "baseline")
_TIMEOUT_S = 480.0
_AT_ONCE = 16  # on a slow machine, more would slow one another down
_RUNS_OF_THE_OTHER = 2  # its runs differ little
_LEAST_SHARE, _OURS_REFUSED, _THEIRS_REFUSED = 0.70, 0.02, 0.06


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One scenario with one client; trials with the same seed have the same jitter and foreign traffic."""

    scenario: Scenario
    seed: int
    client: ClientName


Records = dict[Trial, Record]


def trials(scenarios: Iterable[Scenario], runs: int) -> list[Trial]:
    """Return each scenario ``runs`` times for the importer and at most twice for the baseline, long ones first."""
    ordered = sorted(scenarios, key=lambda scenario: scenario.rows * scenario.processes, reverse=True)
    return [
        Trial(scenario=scenario, seed=seed, client=client)
        for seed in range(runs)
        for scenario in ordered
        for client in CLIENTS
        if client == "ours" or seed < _RUNS_OF_THE_OTHER
    ]


def run_all(
    todo: Sequence[Trial], folder: Path, stagger_s: float, log: Callable[[str], None]
) -> tuple[Records, list[str]]:
    """Run all trials, several at once, with ``stagger_s`` between starts, so that start-ups hardly disturb others.

    Return the records, and the output of programs that failed.
    """
    records: Records = {}
    failures: list[str] = []
    if not todo:
        return records, failures
    pattern = make_ledger(folder / "empty-ledger.db")
    free = threading.Semaphore(_AT_ONCE)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = {}
        for number, trial in enumerate(todo):
            free.acquire()
            started = pool.submit(_run, trial, folder / f"trial-{number}", pattern)
            started.add_done_callback(lambda _: free.release())
            running[started] = trial
            time.sleep(stagger_s * (1 + trial.scenario.processes) / 2)
        for done in as_completed(running):
            trial = running[done]
            name = f"{trial.client}, {trial.scenario.name}, seed {trial.seed}"
            try:
                records[trial] = done.result()
                log(name)
            except RuntimeError as error:
                failures.append(f"{name}: {error}")
                log(f"FAILED: {name}")
    return records, failures


def _run(trial: Trial, folder: Path, empty_ledger: Path) -> Record:
    folder.mkdir()
    scenario, seed = trial.scenario, trial.seed
    setup = replace(scenario.setup, seed=seed, certificates=str(folder / "authority.pem"))
    if setup.wire is not None:
        setup = replace(setup, wire=replace(setup.wire, seed=seed))
    if setup.foreign is not None:
        setup = replace(setup, foreign=replace(setup.foreign, seed=seed))
    imports = [ManifestImport(folder=folder, number=number, rows=scenario.rows) for number in range(scenario.processes)]
    ledger = Path(shutil.copy(empty_ledger, folder / "ledger.db"))
    with opened(setup) as account, ThreadPoolExecutor(len(imports)) as pool:
        place = ProcessSettings(folder=folder, environment=environment(account, ledger), timeout_s=_TIMEOUT_S)
        # Rows without a ticket are a result, not a failure of the bench: the importer then exits with 1.
        codes = (0, 1) if trial.client == "ours" else (0,)
        for ended in [pool.submit(run, each.prepare(trial.client), place, expected=codes) for each in imports]:
            ended.result()
    return account.record


# -- evaluation: pure --------------------------------------------------------------------------------------------------


def measurements(records: Records, scenarios: Iterable[Scenario]) -> list[Measurement]:
    """Return the measurements of these scenarios, in their order; none if a client failed."""
    found: list[Measurement] = []
    for scenario in scenarios:
        if not all(_of(records, scenario, client) for client in CLIENTS):
            continue
        if scenario.setup.foreign is None:
            found += _alone_lines(scenario, *(_runs(records, scenario, client) for client in CLIENTS))
        else:
            found += _shared_lines(scenario, *(_shares(records, scenario, client) for client in CLIENTS))
    return found


def panels(records: Records, shown: str) -> list[Panel]:
    """Return the panels: both clients in the scenario named ``shown``, and the importer with foreign traffic."""
    found = []
    for trial, record in sorted(records.items(), key=lambda item: CLIENTS.index(item[0].client)):
        name = "ticket-importer" if trial.client == "ours" else "gather + AsyncLimiter(25, 5)"
        if trial.seed == 0 and trial.scenario.name == shown:
            found.append(Panel(title=f"{name}: calls a second, over the last 5 s", calls=record.calls))
    for trial, record in records.items():
        if trial.seed == 0 and trial.scenario.setup.foreign is not None and trial.client == "ours":
            theirs = [call for call in record.foreign if min(record.made_s) <= call[0] <= max(record.made_s)]
            all_calls = [call for call in record.calls if min(record.made_s) <= call[0] <= max(record.made_s)]
            found.append(Panel(title="ticket-importer on top of others' calls (amber)", calls=all_calls, theirs=theirs))
    return found


def _runs(records: Records, scenario: Scenario, client: ClientName) -> list[RunStatistics]:
    rows = scenario.rows * scenario.processes
    return [
        run_statistics(record.calls, tickets=len(record.made_s), rows=rows, rate=RATE)
        for record in _of(records, scenario, client)
    ]


def _shares(records: Records, scenario: Scenario, client: ClientName) -> list[SharedStatistics]:
    return [
        shared_statistics(record.calls, record.foreign, record.made_s, RATE)
        for record in _of(records, scenario, client)
    ]


def _of(records: Records, scenario: Scenario, client: ClientName) -> list[Record]:
    chosen = [trial for trial in records if (trial.scenario, trial.client) == (scenario, client)]
    return [records[trial] for trial in sorted(chosen, key=lambda trial: trial.seed)]


def _alone_lines(
    scenario: Scenario, ours: Sequence[RunStatistics], baseline: Sequence[RunStatistics]
) -> Iterator[Measurement]:
    def none_of(what: str, figure: Callable[[RunStatistics], float]) -> Measurement:
        return Measurement(
            section=scenario.section,
            what=what,
            ours=[figure(each) for each in ours],
            baseline=[figure(each) for each in baseline],
            digits=0,
            compared=False,
            goal=Goal(bound=0, side="most", every=True),
        )

    yield Measurement(
        section=scenario.section,
        what=f"{scenario.name}: ideal/actual",
        ours=[each.ratio for each in ours],
        baseline=[each.ratio for each in baseline],
        digits=3,
        goal=Goal(bound=scenario.ideal, side="least"),
    )
    yield none_of("calls answered 429", lambda each: each.refused)
    if scenario.drops:
        yield none_of("rows without a ticket", lambda each: scenario.rows * scenario.processes - each.tickets)


def _shared_lines(
    scenario: Scenario, ours: Sequence[SharedStatistics], baseline: Sequence[SharedStatistics]
) -> list[Measurement]:
    def line(what: str, figure: Callable[[SharedStatistics], float], goal: Goal) -> Measurement:
        return Measurement(
            section=scenario.section,
            what=what,
            ours=[100 * figure(each) for each in ours],
            baseline=[100 * figure(each) for each in baseline],
            unit="%",
            digits=1,
            compared=False,
            goal=goal,
        )

    return [
        line(
            f"{scenario.name}: our tickets, of the calls that are left",
            lambda each: each.of_what_was_left,
            Goal(bound=100 * _LEAST_SHARE, side="least"),
        ),
        line("our calls answered 429", lambda each: each.ours_refused, Goal(bound=100 * _OURS_REFUSED, side="most")),
        line(
            "their calls answered 429",
            lambda each: each.theirs_refused,
            Goal(bound=100 * _THEIRS_REFUSED, side="most"),
        ),
    ]
