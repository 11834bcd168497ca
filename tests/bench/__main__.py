"""`make bench`: the importer beside what one would do otherwise, in one table. `--quick` is smaller, and writes nothing."""

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
from tests.bench.attachments import attachments
from tests.bench.costs import Bench, Repeats, start_up, validation
from tests.bench.formats import Rows, formats
from tests.bench.lines import Line
from tests.bench.people import drafts, page
from tests.bench.picture import Panel, picture
from tests.bench.report import Circumstances, missed, report
from tests.bench.results import results
from tests.bench.scenarios import ALGORITHMS, RATE, SHOWN, foreign_scenario, scenarios
from tests.bench.sending import large_runs, per_ticket, uploads
from tests.bench.waiting import lines, panels, run_all, trials

HERE = Path(__file__).parent
PARTS = (
    *("start-up", "validation", "formats", "attachments", "suggest", "report"),
    *("tickets", "memory", "uploads", "results", "limit", "others"),
)


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How large a bench is. ``budget_s``: after so many seconds on one line nothing is repeated any more."""

    runs: int
    budget_s: float
    start_ups: int
    manifest_rows: tuple[int, int, int]
    format_rows: Rows
    files: tuple[int, int]  # how many are named, how many there are
    problems: int
    tickets: tuple[int, int]
    trial_rows: int
    uploads: tuple[int, int]  # how many, of how many bytes
    result_rows: int
    algorithms: tuple[Algorithm, ...]
    rows: int
    foreign_runs: int
    foreign_rows: int
    foreign_shrink: float
    stagger_s: float


FULL = Extent(
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
    algorithms=ALGORITHMS,
    rows=150,
    foreign_runs=6,
    foreign_rows=700,
    foreign_shrink=1.0,
    stagger_s=1.8,
)
QUICK = Extent(
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
    algorithms=("sliding",),
    rows=100,
    foreign_runs=1,
    foreign_rows=100,
    foreign_shrink=0.15,
    stagger_s=1.0,
)


@dataclass(kw_only=True)
class Found:
    """All that came of a bench; ``failures`` are what programs said that failed."""

    lines: list[Line] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def measure(extent: Extent, folder: Path, chosen: set[str], tell: Callable[[str], None]) -> Found:
    """Measure what was chosen of `PARTS`: first what takes the processor, each alone; then all that mostly waits."""
    bench = Bench(folder=folder, repeats=Repeats(most=extent.runs, budget_s=extent.budget_s), tell=tell)
    costs: list[tuple[str, Callable[[], Iterator[Line]]]] = [
        ("start-up", lambda: start_up(bench.repeated(most=extent.start_ups))),
        ("validation", lambda: validation(bench, extent.manifest_rows)),
        ("formats", lambda: formats(bench.repeated(budget_s=extent.budget_s / 2), extent.format_rows)),
        ("attachments", lambda: attachments(bench, *extent.files)),
        ("suggest", lambda: drafts(bench)),
        ("report", lambda: page(bench, extent.problems)),
        ("tickets", lambda: per_ticket(bench.repeated(budget_s=2 * extent.budget_s), extent.tickets)),
        ("memory", lambda: large_runs(bench, extent.manifest_rows[-1], extent.trial_rows)),
        ("uploads", lambda: uploads(bench, *extent.uploads)),
        ("results", lambda: results(bench, extent.result_rows)),
    ]
    found = Found()
    for part, cost in costs:
        try:
            found.lines += cost() if part in chosen else ()
        except RuntimeError as error:
            found.failures.append(f"{part}: {error}")
    alone = list(scenarios(extent.rows, extent.algorithms)) if "limit" in chosen else []
    shared = [foreign_scenario(extent.foreign_rows, shrink=extent.foreign_shrink)] if "others" in chosen else []
    todo = [*trials(shared, extent.foreign_runs), *trials(alone, extent.runs)]  # the longest begins first
    records, failures = run_all(todo, folder, extent.stagger_s, tell)
    found.lines[:0] = lines(records, [*alone, *shared])
    found.panels += panels(records, SHOWN)
    found.failures += failures
    return found


NOTES = (
    f"""The limit is {RATE.calls} calls per {RATE.period_s:g} s. ideal/actual: the shortest time that a sliding window
    allows, over the time from the second call's header to the last's, both seen at the server. The first call goes
    alone: wrong keys cost one call. Above 1, the limit was passed, and calls were refused.""",
    """Otherwise, where calls are counted: `gather` with `AsyncLimiter(25, 5)` (obvious.py). It repeats nothing, so each
    of its 429s is a ticket that is missing.""",
    """Jitter on loopback is waited between a request's arrival and its counting; TLS goes through a proxy that delays
    each direction (tests/network).""",
    """Others on the account repeat nothing; their calls and ours go over loopback. What is left is the limit less what
    they offer, from our first ticket to our last.""",
    """Formats, attachments and the report are measured with `validate`, its start included, beside a program that only
    loads the file; of attachments, what they add to it, beside a loop over names that are in memory already (a thousand
    files are links to one).""",
    """The report's times are the page's own, from its address or a click to what the screen shows; the text is searched
    at once, before the page has made itself ready for it.""",
    """`suggest` decides between the documented fields; what misleads has columns whose names lie about their cells.""",
    "Peak memory is the largest resident set of one process; CPU is user and system time.",
)


def main() -> int:
    """Measure, show, and write the report unless told not to; 1 if a program failed: then nothing is written."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows, once each, and nothing is written")
    parser.add_argument("--only", metavar="PART", choices=PARTS, nargs="+", help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--picture", type=Path, help="where the picture goes; default: beside this file, if all is run")
    arguments = parser.parse_args()
    load, begun_s = os.getloadavg()[0], time.monotonic()

    def tell(what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - begun_s:6.0f} s  {what}\n")

    with tempfile.TemporaryDirectory(prefix="ticket-importer-bench-") as folder:
        chosen = set(arguments.only or PARTS)
        found = measure(QUICK if arguments.quick else FULL, Path(folder), chosen, tell)
    minutes = (time.monotonic() - begun_s) / 60
    text = shown(found, minutes, load)
    sys.stdout.write(text)
    sys.stdout.flush()
    for failure in found.failures:
        tell(failure)
    whole = not (arguments.quick or arguments.only or found.failures)
    target = arguments.picture or (HERE / "calls.svg" if whole else None)
    if target is not None and found.panels:
        target.write_text(picture(found.panels, RATE), encoding="utf-8")
    if whole:
        (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    tell(f"{len(missed(found.lines))} goals missed, {len(found.failures)} failures")
    return int(bool(found.failures))


def shown(found: Found, minutes: float, load: float) -> str:
    """The report, if there is anything to report."""
    if not found.lines:
        return ""
    circumstances = Circumstances(
        date=f"{dt.datetime.now(dt.UTC):%Y-%m-%d}", machine=machine(), load=load, minutes=minutes, command="make bench"
    )
    return report(found.lines, circumstances, [" ".join(note.split()) for note in NOTES])


def machine() -> str:
    """The machine's size, and what runs the importer."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"Python {platform.python_version()}, {platform.system()} on {platform.machine()}"
    return f"{os.cpu_count()} cores, {memory_gb:.0f} GB, {system}"


if __name__ == "__main__":
    sys.exit(main())
