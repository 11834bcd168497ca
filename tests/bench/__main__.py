"""`make bench`: compares the importer with simpler programs. `--quick` is smaller and writes nothing."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from importer.sandbox.limiter import Algorithm
from tests.bench.accounts import many_accounts
from tests.bench.attachments import attachments
from tests.bench.chart import Panel, chart
from tests.bench.cpu_bound import Bench, Repeats, start_up, validation
from tests.bench.formats import Rows, formats
from tests.bench.limit_trials import measurements, panels, run_all, trials
from tests.bench.measurements import Measurement
from tests.bench.report import Circumstances, missed, report
from tests.bench.report_and_suggest import drafts, page
from tests.bench.results import results
from tests.bench.scenarios import ALGORITHMS, RATE, SHOWN, foreign_scenario, scenarios
from tests.bench.sending import large_runs, per_ticket, uploads

HERE = Path(__file__).parent
PARTS = (
    *("start-up", "validation", "formats", "attachments", "suggest", "report"),
    *("tickets", "memory", "uploads", "results", "accounts", "limit", "others"),
)


@dataclass(frozen=True, kw_only=True)
class BenchSize:
    """The size of a bench. ``budget_s``: after this time a measurement is not repeated."""

    runs: int
    budget_s: float
    start_ups: int
    manifest_rows: tuple[int, int, int]
    format_rows: Rows
    files: tuple[int, int]  # names in the manifest, files
    problems: int
    tickets: tuple[int, int]
    trial_rows: int
    uploads: tuple[int, int]  # how many, of how many bytes
    result_rows: int
    accounts: tuple[int, int]  # how many, rows of each
    algorithms: tuple[Algorithm, ...]
    rows: int
    foreign_runs: int
    foreign_rows: int
    foreign_shrink: float
    stagger_s: float


FULL = BenchSize(
    runs=3,
    budget_s=15.0,
    start_ups=11,
    manifest_rows=(10_000, 100_000, 1_000_000),
    format_rows=Rows(xlsx=100_000, workbook=20_000, text=200_000),
    files=(1_000_000, 100_000),
    problems=100_000,
    tickets=(1_000, 10_000),
    trial_rows=200,
    uploads=(25, 500_000_000),
    result_rows=20_000,
    accounts=(16, 60),
    algorithms=ALGORITHMS,
    rows=150,
    foreign_runs=6,
    foreign_rows=700,
    foreign_shrink=1.0,
    stagger_s=1.8,
)
QUICK = BenchSize(
    runs=1,
    budget_s=5.0,
    start_ups=3,
    manifest_rows=(1_000, 10_000, 50_000),
    format_rows=Rows(xlsx=10_000, workbook=2_000, text=10_000),
    files=(50_000, 5_000),
    problems=10_000,
    tickets=(200, 1_200),
    trial_rows=50,
    uploads=(5, 50_000_000),
    result_rows=2_000,
    accounts=(4, 10),
    algorithms=("sliding",),
    rows=100,
    foreign_runs=1,
    foreign_rows=100,
    foreign_shrink=0.15,
    stagger_s=1.0,
)


@dataclass(kw_only=True)
class Findings:
    """The results of a bench; ``failures``: the output of programs that failed."""

    lines: list[Measurement] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def measure(size: BenchSize, folder: Path, chosen: set[str], log: Callable[[str], None]) -> Findings:
    """Measure the chosen `PARTS`: first CPU-bound programs, one at a time, then those that mostly wait, together."""
    bench = Bench(folder=folder, repeats=Repeats(most=size.runs, budget_s=size.budget_s), log=log)
    costs: list[tuple[str, Callable[[], Iterator[Measurement]]]] = [
        ("start-up", lambda: start_up(bench.repeated(most=size.start_ups))),
        ("validation", lambda: validation(bench, size.manifest_rows)),
        ("formats", lambda: formats(bench.repeated(budget_s=size.budget_s / 2), size.format_rows)),
        ("attachments", lambda: attachments(bench, *size.files)),
        ("suggest", lambda: drafts(bench)),
        ("report", lambda: page(bench, size.problems)),
        ("tickets", lambda: per_ticket(bench.repeated(budget_s=2 * size.budget_s), size.tickets)),
        ("memory", lambda: large_runs(bench, size.manifest_rows[-1], size.trial_rows)),
        ("uploads", lambda: uploads(bench, *size.uploads)),
        ("results", lambda: results(bench, size.result_rows)),
        ("accounts", lambda: many_accounts(bench, *size.accounts)),
    ]
    found = Findings()
    for part, cost in costs:
        try:
            found.lines += cost() if part in chosen else ()
        except RuntimeError as error:
            found.failures.append(f"{part}: {error}")
    alone = list(scenarios(size.rows, size.algorithms)) if "limit" in chosen else []
    shared = [foreign_scenario(size.foreign_rows, shrink=size.foreign_shrink)] if "others" in chosen else []
    todo = [*trials(shared, size.foreign_runs), *trials(alone, size.runs)]  # the longest begins first
    records, failures = run_all(todo, folder, size.stagger_s, log)
    found.lines[:0] = measurements(records, [*alone, *shared])
    found.panels += panels(records, SHOWN)
    found.failures += failures
    return found


NOTES = (
    f"""The limit is {RATE.calls} calls per {RATE.period_s:g} s. ideal/actual: the shortest time that a sliding window
    allows, over the time from the second call's header to the last's, both seen at the server. The first call goes
    alone: wrong keys cost one call. Above 1, the limit was passed, and calls were refused.""",
    """The baseline, where calls are counted: `gather` with `AsyncLimiter(25, 5)` (simple_client.py). It repeats
    nothing, so each 429 is a missing ticket.""",
    """Jitter on loopback is a wait between a request's arrival and its counting; TLS goes through a proxy that delays
    each direction (tests/network).""",
    """Other clients of the account repeat nothing; all calls go over loopback. What is left is the limit minus their
    calls, from our first ticket to our last.""",
    """Formats, attachments and the report are measured with `validate`, start-up included; the baseline only loads the
    file. For attachments, the figure is the time that they add; the baseline is a loop over names in memory (a thousand
    files are links to one).""",
    """The times of the report are measured in the page, from its address or a click to what the screen shows; the search
    starts at once, before the page has built its index.""",
    """`suggest` chooses among the documented fields; in the misleading export, names of columns contradict their cells.""",
    "Peak memory is the largest resident set of one process; CPU is user and system time.",
)


def main() -> int:
    """Measure, show and write the report; return 1, and write nothing, if a program failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows, one run each; writes nothing")
    parser.add_argument("--only", metavar="PART", choices=PARTS, nargs="+", help=f"some of: {', '.join(PARTS)}")
    parser.add_argument(
        "--picture", type=Path, help="file for the chart; default: calls.svg beside this module, if all parts are run"
    )
    arguments = parser.parse_args()
    load, begun_s = os.getloadavg()[0], time.monotonic()

    def log(what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - begun_s:6.0f} s  {what}\n")

    with tempfile.TemporaryDirectory(prefix="ticket-importer-bench-") as folder:
        chosen = set(arguments.only or PARTS)
        found = measure(QUICK if arguments.quick else FULL, Path(folder), chosen, log)
    minutes = (time.monotonic() - begun_s) / 60
    text = shown(found, minutes, load)
    sys.stdout.write(text)
    sys.stdout.flush()
    for failure in found.failures:
        log(failure)
    whole = not (arguments.quick or arguments.only or found.failures)
    target = arguments.picture or (HERE / "calls.svg" if whole else None)
    if target is not None and found.panels:
        target.write_text(chart(found.panels, RATE), encoding="utf-8")
    if whole:
        (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    log(f"{len(missed(found.lines))} goals missed, {len(found.failures)} failures")
    return int(bool(found.failures))


def shown(found: Findings, minutes: float, load: float) -> str:
    """Return the report; empty if nothing was measured."""
    if not found.lines:
        return ""
    circumstances = Circumstances(
        date=f"{dt.datetime.now(dt.UTC):%Y-%m-%d}", machine=machine(), load=load, minutes=minutes, command="make bench"
    )
    return report(found.lines, circumstances, [" ".join(note.split()) for note in NOTES])


def machine() -> str:
    """Describe the machine and the interpreter."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"Python {platform.python_version()}, {platform.system()} on {platform.machine()}"
    return f"{os.cpu_count()} cores, {memory_gb:.0f} GB, {system}"


if __name__ == "__main__":
    sys.exit(main())
