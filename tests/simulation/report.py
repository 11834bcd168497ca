"""The results of simulations and their goals as a table. Does no input or output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.simulation.disk import State
from tests.simulation.scenario import HOUR_S
from tests.simulation.simulate import Facts

# How much of what others leave is used, and what that may cost both.
LEAST_REACHED = 0.70
MOST_OURS_REFUSED = 0.02
MOST_THEIRS_REFUSED = 0.06


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a table; ``met`` is ``None`` without a goal."""

    what: str
    figure: str
    goal: str = ""
    met: bool | None = None


def lines(facts: Facts) -> list[Line]:
    """Return the lines of a scenario: first what must never happen, then the use of the limit."""
    return [*_course(facts), *_laws(facts), *(_alone(facts) if facts.scenario.foreign is None else _shared(facts))]


def table(all_facts: Sequence[Facts]) -> str:
    """Return one table of all scenarios, as text."""
    rows: list[tuple[str, str, str, str]] = []
    for facts in all_facts:
        rows.append((facts.scenario.name.upper(), "", "", ""))
        rows += [(line.what, line.figure, line.goal, _MARKS[line.met]) for line in lines(facts)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        f"{what:<{widths[0]}}  {figure:>{widths[1]}}  {goal:<{widths[2]}}  {mark}".rstrip()
        for what, figure, goal, mark in rows
    )


def missed(facts: Facts) -> list[Line]:
    """Return the lines whose goal was missed."""
    return [line for line in lines(facts) if line.met is False]


_MARKS = {None: "", True: "met", False: "MISSED"}


def _course(facts: Facts) -> list[Line]:
    unknown = facts.rows[State.UNKNOWN]
    return [
        Line(what="simulated time", figure=f"{facts.took_s / HOUR_S:.2f} h"),
        Line(what="rows that are tickets", figure=f"{facts.rows[State.CREATED]:,} of {facts.scenario.tickets:,}"),
        Line(what="rows that are unknown", figure=f"{unknown:,}"),
        Line(what="crashes; rows under way at them", figure=f"{facts.crashes:,}; {facts.given_up:,}"),
        Line(what="calls; answered 503", figure=f"{facts.calls:,}; {facts.errors:,}"),
    ]


def _laws(facts: Facts) -> list[Line]:
    limit = facts.scenario.rate.calls
    broken = (*facts.broken, *facts.endings)
    return [
        _judged("most of our calls in any window", facts.most_in_window, limit, str),
        _judged("tickets made twice", facts.twice, 0, str),
        _judged("rows lost", facts.lost, 0, str),
        _judged("rows whose state is not true", facts.untrue, 0, str),
        _judged("intents missing, runs that gave up", len(broken), 0, str),
    ]


def _alone(facts: Facts) -> list[Line]:
    return [
        _judged("calls answered 429", facts.ours.refused, 0, str),
        _judged("longer than the ideal with retries", facts.longer, facts.scenario.most_longer, _percent),
    ]


def _shared(facts: Facts) -> list[Line]:
    ours, theirs = facts.ours, facts.theirs
    by_day = ours.taken_by_day + ours.refused_by_day
    return [
        Line(what="time over the ideal of an account of one's own", figure=f"{1 + facts.longer:.3f}"),
        Line(what="calls of the others", figure=f"{theirs.taken + theirs.refused:,}"),
        Line(
            what="by day, our calls of what they left",
            figure=_percent(facts.reached_by_day),
            goal=f"at least {_percent(LEAST_REACHED)}",
            met=facts.reached_by_day >= LEAST_REACHED,
        ),
        _judged("by day, our calls answered 429", _part(ours.refused_by_day, by_day), MOST_OURS_REFUSED, _percent),
        _judged("their calls answered 429", _theirs_refused(facts), MOST_THEIRS_REFUSED, _percent),
    ]


def _theirs_refused(facts: Facts) -> float:
    return _part(facts.theirs.refused, facts.theirs.taken + facts.theirs.refused)


def _part(some: int, whole: int) -> float:
    return some / whole if whole else 0.0


def _judged(what: str, figure: float, most: float, shown: Callable[[float], str]) -> Line:
    return Line(what=what, figure=shown(figure), goal=f"at most {shown(most)}", met=figure <= most)


def _percent(part: float) -> str:
    return f"{part:.2%}"
