"""What people look at: the report of all problems in a browser, and the draft of a mapping."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tests.bench.clients import PYTHON
from tests.bench.costs import MIB, Bench, Program
from tests.bench.lines import Goal, Line

_REPORT = "The HTML report in a headless Chromium, beside the CSV report"
_DRAFTS = "`suggest` on exports of seven kinds and one that misleads, beside difflib.get_close_matches on names"
_USES = {
    "listed_s": "opened, until the first problems are listed",
    "kind_s": "one kind chosen, until its problems are listed",
    "searched_s": "a text searched, until what has it is listed",
}


def page(bench: Bench, problems: int) -> Iterator[Line]:
    """Size and speed of a page of so many problems; where there is no browser, its size and that it is so."""
    manifest = bench.make("faulty", f"faulty-{problems}.csv", problems)
    rich, flat = (bench.folder / f"problems.{ending}" for ending in ("html", "csv"))
    what = f"reports of {problems:,} problems"
    packed, plain = bench.repeated(most=1).in_turn(
        what, *(bench.validate(manifest, "--report", str(file)) for file in (rich, flat))
    )
    (browsed,) = bench.in_turn("the report in a browser", _browse(rich))
    times = [times for each in browsed if (times := json.loads(each.output))]
    yield Line(
        section=_REPORT,
        what=f"{problems:,} problems{'' if times else ' (not opened: there is no Chromium here)'}",
        ours=[rich.stat().st_size / MIB],
        otherwise=[flat.stat().st_size / MIB],
        unit="MiB",
        digits=1,
    )
    yield Line(
        section=_REPORT,
        what="`validate --report`",
        ours=[each.wall_s for each in packed],
        otherwise=[each.wall_s for each in plain],
        unit="s",
    )
    for name, use in _USES.items() if times else ():
        yield Line(
            section=_REPORT,
            what=use,
            ours=[each[name] for each in times],
            unit="s",
            goal=Goal(bound=1.0, side="most"),
        )


def drafts(bench: Bench) -> Iterator[Line]:
    """How many columns of known exports find their field, and how many a wrong one in silence."""
    once = bench.repeated(most=1)  # it has no chance in it
    ((ended,),) = once.in_turn("drafts of mappings", Program(command=(PYTHON, "-m", "tests.bench.drafts")))
    scores = json.loads(ended.output)
    nearest = scores["nearest"]
    for name, how in (("alone", "from the file alone"), ("with_fields", "with the account's fields")):
        score = scores[name]
        yield Line(
            section=_DRAFTS,
            what=f"{how}: right, of the columns that have a field",
            ours=[100 * score["right"] / score["with_a_field"]],
            otherwise=[100 * nearest["right"] / nearest["with_a_field"]],
            unit="%",
            digits=0,
            compared=False,
        )
        yield Line(
            section=_DRAFTS,
            what=f"{how}: columns that are wrong and called sure",
            ours=[score["wrong_and_sure"]],
            otherwise=[nearest["wrong_and_sure"]],
            digits=0,
            compared=False,
            goal=Goal(bound=0, side="most", every=True),
        )


def _browse(file: Path) -> Program:
    return Program(command=(PYTHON, "-m", "tests.bench.browsing", str(file)))
