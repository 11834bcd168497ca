"""Measures the HTML report of problems in a browser, and the drafts of `suggest`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tests.bench.clients import PYTHON
from tests.bench.cpu_bound import MIB, Bench, Program
from tests.bench.measurements import Goal, Measurement

_REPORT = "The HTML report in a headless Chromium; baseline: the CSV report"
_DRAFTS = "`suggest` on exports of seven kinds and a misleading one; baseline: difflib.get_close_matches on names"
_USES = {
    "listed_s": "from opening until the first problems are listed",
    "kind_s": "from choosing a kind until its problems are listed",
    "searched_s": "from searching a text until its problems are listed",
}


def page(bench: Bench, problems: int) -> Iterator[Measurement]:
    """Measure size and speed of the page with ``problems`` problems; without a browser only its size."""
    manifest = bench.make("faulty", f"faulty-{problems}.csv", problems)
    rich, flat = (bench.folder / f"problems.{ending}" for ending in ("html", "csv"))
    what = f"reports of {problems:,} problems"
    packed, plain = bench.repeated(most=1).in_turn(
        what, *(bench.validate(manifest, "--report", str(file)) for file in (rich, flat))
    )
    (browsed,) = bench.in_turn("the report in a browser", _browse(rich))
    times = [times for each in browsed if (times := json.loads(each.output))]
    yield Measurement(
        section=_REPORT,
        what=f"{problems:,} problems{'' if times else ' (not opened: there is no Chromium here)'}",
        ours=[rich.stat().st_size / MIB],
        baseline=[flat.stat().st_size / MIB],
        unit="MiB",
        digits=1,
    )
    yield Measurement(
        section=_REPORT,
        what="`validate --report`",
        ours=[each.wall_s for each in packed],
        baseline=[each.wall_s for each in plain],
        unit="s",
    )
    for name, use in _USES.items() if times else ():
        yield Measurement(
            section=_REPORT,
            what=use,
            ours=[each[name] for each in times],
            unit="s",
            goal=Goal(bound=1.0, side="most"),
        )


def drafts(bench: Bench) -> Iterator[Measurement]:
    """Measure how many columns of known exports get their field, and how many a wrong one marked as sure."""
    once = bench.repeated(most=1)  # it always gives the same result
    ((ended,),) = once.in_turn("drafts of mappings", Program(command=(PYTHON, "-m", "tests.bench.suggest_scores")))
    scores = json.loads(ended.output)
    nearest = scores["nearest"]
    for name, how in (("alone", "from the file alone"), ("with_fields", "with the account's fields")):
        score = scores[name]
        yield Measurement(
            section=_DRAFTS,
            what=f"{how}: right columns, of those that have a field",
            ours=[100 * score["right"] / score["with_a_field"]],
            baseline=[100 * nearest["right"] / nearest["with_a_field"]],
            unit="%",
            digits=0,
            compared=False,
        )
        yield Measurement(
            section=_DRAFTS,
            what=f"{how}: wrong columns that are marked as sure",
            ours=[score["wrong_and_sure"]],
            baseline=[nearest["wrong_and_sure"]],
            digits=0,
            compared=False,
            goal=Goal(bound=0, side="most", every=True),
        )


def _browse(file: Path) -> Program:
    return Program(command=(PYTHON, "-m", "tests.bench.browser_times", str(file)))
