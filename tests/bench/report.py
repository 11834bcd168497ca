"""Lines and circumstances as Markdown. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.bench.lines import Line, verdict

_HEAD = ("| | ours | otherwise | ratio | goal · reached |", "|---|--:|--:|--:|:--|")
_RATIO_DIGITS = 2


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """Where, when and how a bench was made, for the foot of its table."""

    date: str
    machine: str
    load: float  # of others, on the machine, before it began: runnable programs
    minutes: float
    command: str


def table(lines: Sequence[Line]) -> str:
    """A Markdown table; a section's name stands on a line of its own, in the order in which the sections came."""
    rows = list(_HEAD)
    for section in dict.fromkeys(line.section for line in lines):
        rows.append(f"| **{section}** | | | | |")
        rows += [_row(line) for line in lines if line.section == section]
    return "\n".join(rows) + "\n"


def figures(values: Sequence[float], digits: int, unit: str = "") -> str:
    """The median and, where runs differ as far as it is shown, the spread: ``25.3 (25.1–25.9) s``."""
    if not values:
        return ""
    shown = _number(statistics.median(values), digits)
    low, high = _number(min(values), digits), _number(max(values), digits)
    spread = f" ({low}–{high})" if low != high else ""
    return f"{shown}{spread}{f' {unit}' if unit else ''}"


def missed(lines: Iterable[Line]) -> list[Line]:
    """The lines that missed their goal."""
    return [line for line in lines if (judged := verdict(line)) is not None and not judged.met]


def report(lines: Sequence[Line], circumstances: Circumstances, notes: Sequence[str]) -> str:
    """The whole file: what was measured and how, the picture, the table, and where it was made."""
    aims = [line for line in lines if line.goal is not None]
    runs = max(max(len(line.ours), len(line.otherwise)) for line in lines)
    return (
        "# Bench\n\n"
        f"{len(aims) - len(missed(lines))} of {len(aims)} goals reached. Figures are medians of up to {runs} runs with "
        "the spread (least–most) in brackets, from the same runs as what stands beside them; a ratio is ours over the "
        "other.\n\n"
        "![Calls over time against the limit](calls.svg)\n\n"
        f"{table(lines)}\n"
        + "".join(f"- {note}\n" for note in notes)
        + f"\n{circumstances.date}, {circumstances.machine}; {circumstances.load:.1f} other programs were running when "
        f"it began. Made by `{circumstances.command}` in {circumstances.minutes:.1f} minutes.\n"
    )


def _row(line: Line) -> str:
    cells = (
        line.what,
        figures(line.ours, line.digits, line.unit),
        figures(line.otherwise, line.digits, line.unit),
        figures(line.ratios(), _RATIO_DIGITS),
        _goal(line),
    )
    return f"| {' | '.join(cells)} |"


def _goal(line: Line) -> str:
    goal, judged = line.goal, verdict(line)
    if goal is None or judged is None:
        return ""
    digits, unit = (line.digits, line.unit) if goal.by == "figure" else (_RATIO_DIGITS, "×")
    sign = "≤" if goal.side == "most" else "≥"
    reached = _number(judged.reached, digits)
    if not judged.met and reached == _number(goal.bound, digits):
        reached = f"{judged.reached:.5g}"  # a goal that was missed by less than is shown is missed all the same
    bound = f"{sign} {goal.bound:g}{f' {unit}' if unit else ''}"
    return f"{bound} · {reached} {'✓' if judged.met else '✗'}"


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"
