"""Runs that mostly wait: many at once, each on an account of its own, started one after another."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.account import Record, opened
from tests.bench.clients import Job, Who, environment, make_ledger
from tests.bench.lines import Goal, Line
from tests.bench.measure import Run, Shared, judge, judge_shared
from tests.bench.picture import Panel
from tests.bench.processes import Place, run
from tests.bench.scenarios import RATE, Scenario

SIDES: tuple[Who, ...] = ("ours", "otherwise")
_TIMEOUT_S = 480.0
_AT_ONCE = 16  # on a slow machine, trials wait for one another instead of slowing one another down
_RUNS_OF_THE_OTHER = 2  # it differs little from run to run, and loses the same rows each time
_SHARE, _OURS_REFUSED, _THEIRS_REFUSED = 0.70, 0.02, 0.06


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One scenario with one client; trials of a seed meet the same jitter and the same foreign traffic."""

    scenario: Scenario
    seed: int
    who: Who


Records = dict[Trial, Record]


def trials(scenarios: Iterable[Scenario], runs: int) -> list[Trial]:
    """Every scenario with ours ``runs`` times and with the other client twice at most, the long ones first."""
    ordered = sorted(scenarios, key=lambda scenario: scenario.rows * scenario.processes, reverse=True)
    return [
        Trial(scenario=scenario, seed=seed, who=who)
        for seed in range(runs)
        for scenario in ordered
        for who in SIDES
        if who == "ours" or seed < _RUNS_OF_THE_OTHER
    ]


def run_all(
    todo: Sequence[Trial], folder: Path, stagger_s: float, tell: Callable[[str], None]
) -> tuple[Records, list[str]]:
    """Run all trials, so many at once and ``stagger_s`` from start to start: start-ups hardly disturb who is sending.

    Gives the records, and what was said by programs that failed.
    """
    records: Records = {}
    failures: list[str] = []
    if not todo:
        return records, failures
    pattern = make_ledger(folder / "empty-ledger.db")
    free = threading.Semaphore(_AT_ONCE)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        under_way = {}
        for number, trial in enumerate(todo):
            free.acquire()
            started = pool.submit(_run, trial, folder / f"trial-{number}", pattern)
            started.add_done_callback(lambda _: free.release())
            under_way[started] = trial
            time.sleep(stagger_s * (1 + trial.scenario.processes) / 2)
        for done in as_completed(under_way):
            trial = under_way[done]
            name = f"{trial.who}, {trial.scenario.name}, seed {trial.seed}"
            try:
                records[trial] = done.result()
                tell(name)
            except RuntimeError as error:
                failures.append(f"{name}: {error}")
                tell(f"FAILED: {name}")
    return records, failures


def _run(trial: Trial, folder: Path, empty_ledger: Path) -> Record:
    folder.mkdir()
    scenario, seed = trial.scenario, trial.seed
    setup = replace(scenario.setup, seed=seed, certificates=str(folder / "authority.pem"))
    if setup.wire is not None:
        setup = replace(setup, wire=replace(setup.wire, seed=seed))
    if setup.foreign is not None:
        setup = replace(setup, foreign=replace(setup.foreign, seed=seed))
    jobs = [Job(folder=folder, number=number, rows=scenario.rows) for number in range(scenario.processes)]
    ledger = Path(shutil.copy(empty_ledger, folder / "ledger.db"))
    with opened(setup) as account, ThreadPoolExecutor(len(jobs)) as pool:
        place = Place(folder=folder, environment=environment(account, ledger), timeout_s=_TIMEOUT_S)
        # Rows that are no tickets are a figure, not a failure of the bench: the importer ends with 1 then.
        codes = (0, 1) if trial.who == "ours" else (0,)
        for ended in [pool.submit(run, job.prepare(trial.who), place, expected=codes) for job in jobs]:
            ended.result()
    return account.record


# -- judging: pure --------------------------------------------------------------------------------------------------


def lines(records: Records, scenarios: Iterable[Scenario]) -> list[Line]:
    """The lines of these scenarios, in their order; one that a client failed at has none."""
    found: list[Line] = []
    for scenario in scenarios:
        if not all(_of(records, scenario, who) for who in SIDES):
            continue
        if scenario.setup.foreign is None:
            found += _alone_lines(scenario, *(_runs(records, scenario, who) for who in SIDES))
        else:
            found += _shared_lines(scenario, *(_shares(records, scenario, who) for who in SIDES))
    return found


def panels(records: Records, shown: str) -> list[Panel]:
    """The picture: both clients in the scenario named ``shown``, and where there is one, ours beside foreign traffic."""
    found = []
    for trial, record in sorted(records.items(), key=lambda item: SIDES.index(item[0].who)):
        name = "ticket-importer" if trial.who == "ours" else "gather + AsyncLimiter(25, 5)"
        if trial.seed == 0 and trial.scenario.name == shown:
            found.append(Panel(title=f"{name}: calls a second, over the last 5 s", calls=record.calls))
    for trial, record in records.items():
        if trial.seed == 0 and trial.scenario.setup.foreign is not None and trial.who == "ours":
            theirs = [call for call in record.foreign if min(record.made_s) <= call[0] <= max(record.made_s)]
            everybodys = [call for call in record.calls if min(record.made_s) <= call[0] <= max(record.made_s)]
            found.append(
                Panel(title="ticket-importer on top of others' calls (amber)", calls=everybodys, theirs=theirs)
            )
    return found


def _runs(records: Records, scenario: Scenario, who: Who) -> list[Run]:
    rows = scenario.rows * scenario.processes
    return [
        judge(record.calls, tickets=len(record.made_s), rows=rows, rate=RATE) for record in _of(records, scenario, who)
    ]


def _shares(records: Records, scenario: Scenario, who: Who) -> list[Shared]:
    return [judge_shared(record.calls, record.foreign, record.made_s, RATE) for record in _of(records, scenario, who)]


def _of(records: Records, scenario: Scenario, who: Who) -> list[Record]:
    chosen = [trial for trial in records if (trial.scenario, trial.who) == (scenario, who)]
    return [records[trial] for trial in sorted(chosen, key=lambda trial: trial.seed)]


def _alone_lines(scenario: Scenario, ours: Sequence[Run], otherwise: Sequence[Run]) -> Iterator[Line]:
    def none_of(what: str, figure: Callable[[Run], float]) -> Line:
        return Line(
            section=scenario.section,
            what=what,
            ours=[figure(each) for each in ours],
            otherwise=[figure(each) for each in otherwise],
            digits=0,
            compared=False,
            goal=Goal(bound=0, side="most", every=True),
        )

    yield Line(
        section=scenario.section,
        what=f"{scenario.name}: ideal/actual",
        ours=[each.ratio for each in ours],
        otherwise=[each.ratio for each in otherwise],
        digits=3,
        goal=Goal(bound=scenario.ideal, side="least"),
    )
    yield none_of("calls answered 429", lambda each: each.refused)
    if scenario.drops:
        yield none_of("rows without a ticket", lambda each: scenario.rows * scenario.processes - each.tickets)


def _shared_lines(scenario: Scenario, ours: Sequence[Shared], otherwise: Sequence[Shared]) -> list[Line]:
    def line(what: str, figure: Callable[[Shared], float], goal: Goal) -> Line:
        return Line(
            section=scenario.section,
            what=what,
            ours=[100 * figure(each) for each in ours],
            otherwise=[100 * figure(each) for each in otherwise],
            unit="%",
            digits=1,
            compared=False,
            goal=goal,
        )

    return [
        line(
            f"{scenario.name}: our tickets, of the calls that are left",
            lambda each: each.of_what_was_left,
            Goal(bound=100 * _SHARE, side="least"),
        ),
        line("our calls answered 429", lambda each: each.ours_refused, Goal(bound=100 * _OURS_REFUSED, side="most")),
        line(
            "their calls answered 429",
            lambda each: each.theirs_refused,
            Goal(bound=100 * _THEIRS_REFUSED, side="most"),
        ),
    ]
