"""Measurements as Markdown. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.bench.measurements import Measurement, check_goal

_HEAD = ("| | ours | baseline | ratio | goal · reached |", "|---|--:|--:|--:|:--|")
_RATIO_DIGITS = 2


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """When, where and how a bench was run, for the foot of the report."""

    date: str
    machine: str
    load: float  # runnable programs on the machine before the bench began
    minutes: float
    command: str


def table(lines: Sequence[Measurement]) -> str:
    """Return a Markdown table with a row for the name of each section."""
    rows = list(_HEAD)
    for section in dict.fromkeys(line.section for line in lines):
        rows.append(f"| **{section}** | | | | |")
        rows += [_row(line) for line in lines if line.section == section]
    return "\n".join(rows) + "\n"


def figures(values: Sequence[float], digits: int, unit: str = "") -> str:
    """Return the median and, if the shown figures differ, the spread: ``25.3 (25.1–25.9) s``."""
    if not values:
        return ""
    shown = _number(statistics.median(values), digits)
    low, high = _number(min(values), digits), _number(max(values), digits)
    spread = f" ({low}–{high})" if low != high else ""
    return f"{shown}{spread}{f' {unit}' if unit else ''}"


def missed(lines: Iterable[Measurement]) -> list[Measurement]:
    """Return the measurements that missed their goal."""
    return [line for line in lines if (check := check_goal(line)) is not None and not check.met]


def report(lines: Sequence[Measurement], circumstances: Circumstances, notes: Sequence[str]) -> str:
    """Return the whole file: the method, the chart, the table, notes and the machine."""
    aims = [line for line in lines if line.goal is not None]
    runs = max(max(len(line.ours), len(line.baseline)) for line in lines)
    return (
        "# Bench\n\n"
        f"{len(aims) - len(missed(lines))} of {len(aims)} goals reached. Figures are medians of up to {runs} runs with "
        "the spread (least–most) in brackets; the runs of a row are made together; a ratio is ours divided by the "
        "baseline.\n\n"
        "![Calls over time against the limit](calls.svg)\n\n"
        f"{table(lines)}\n"
        + "".join(f"- {note}\n" for note in notes)
        + f"\n{circumstances.date}, {circumstances.machine}; {circumstances.load:.1f} other programs were running when "
        f"it began. Made by `{circumstances.command}` in {circumstances.minutes:.1f} minutes.\n"
    )


def _row(line: Measurement) -> str:
    cells = (
        line.what,
        figures(line.ours, line.digits, line.unit),
        figures(line.baseline, line.digits, line.unit),
        figures(line.ratios(), _RATIO_DIGITS),
        _goal(line),
    )
    return f"| {' | '.join(cells)} |"


def _goal(line: Measurement) -> str:
    goal, check = line.goal, check_goal(line)
    if goal is None or check is None:
        return ""
    digits, unit = (line.digits, line.unit) if goal.by == "figure" else (_RATIO_DIGITS, "×")
    sign = "≤" if goal.side == "most" else "≥"
    reached = _number(check.reached, digits)
    if not check.met and reached == _number(goal.bound, digits):
        reached = f"{check.reached:.5g}"  # shows why a near miss is a miss
    bound = f"{sign} {goal.bound:g}{f' {unit}' if unit else ''}"
    return f"{bound} · {reached} {'✓' if check.met else '✗'}"


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"
