"""Draws calls over time and the limit as an SVG for light and dark pages. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from importer.models import Rate
from tests.bench.call_statistics import TOO_MANY_REQUESTS, Calls

_WIDTH, _LEFT, _RIGHT = 900, 56, 20
_TOP, _PANEL, _GAP, _FOOT = 30, 150, 62, 34
_STEPS_S, _MOST_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 3600), 12
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 } .small { font-size: 11px; fill: #57606a }
  .grid { stroke: #d0d7de; stroke-width: 1 } .limit { stroke: #24292f; stroke-width: 1.5; stroke-dasharray: 6 4 }
  .ours { fill: #0969da; fill-opacity: .22; stroke: #0969da; stroke-width: 1.6; stroke-linejoin: round }
  .theirs { fill: #bf8700; fill-opacity: .22; stroke: #bf8700; stroke-width: 1.4; stroke-linejoin: round }
  .refused { stroke: #cf222e; stroke-width: 1.4 } .refused-text { fill: #cf222e }
  .page { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #30363d } .limit { stroke: #e6edf3 }
    .ours { fill: #4493f8; stroke: #4493f8 } .theirs { fill: #d29922; stroke: #d29922 }
    .refused { stroke: #f85149 } .refused-text { fill: #f85149 } .page { fill: #0d1117 }
  }"""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The calls of one account over time; ``theirs``: those of other clients."""

    title: str
    calls: Calls  # of all clients
    theirs: Calls = ()


def chart(panels: Sequence[Panel], rate: Rate) -> str:
    """Draw for every moment how many calls per second arrived within the last period; one panel below another."""
    height = _TOP + len(panels) * (_PANEL + _GAP) - _GAP + _FOOT
    label = escape("; ".join(panel.title for panel in panels))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">',
        f"<style>{_STYLE}\n</style>",
        f'<rect class="page" width="{_WIDTH}" height="{height}"/>',
    ]
    for index, panel in enumerate(panels):
        parts += _draw(panel, rate, top=_TOP + index * (_PANEL + _GAP))
    return "\n".join([*parts, "</svg>"]) + "\n"


def window_rate(calls: Calls, rate: Rate) -> list[tuple[float, float]]:
    """Return the points of the curve: (time, calls per second within the last period).

    The curve rises at each call and falls a period later; it begins and ends at 0 calls.
    """
    arrivals = sorted(arrival for arrival, _ in calls)
    leavings = [arrival + rate.period_s for arrival in arrivals]
    return [
        (turn, (bisect.bisect_right(arrivals, turn) - bisect.bisect_right(leavings, turn)) / rate.period_s)
        for turn in sorted([*arrivals, *leavings])
    ]


@dataclass(frozen=True, kw_only=True)
class _Axes:
    """Converts times (from ``begin_s``) and rates to positions on the page."""

    begin_s: float
    span_s: float
    highest: float
    bottom: float

    def x(self, time_s: float) -> float:
        return _LEFT + (time_s - self.begin_s) / self.span_s * (_WIDTH - _LEFT - _RIGHT)

    def y(self, calls_per_s: float) -> float:
        return self.bottom - calls_per_s / self.highest * (_PANEL - 24)


def _draw(panel: Panel, rate: Rate, *, top: float) -> list[str]:
    begin_s, end_s = min(at for at, _ in panel.calls), max(at for at, _ in panel.calls)
    limit = rate.calls / rate.period_s
    curve = window_rate(panel.calls, rate)
    highest = max(limit * 1.3, max(value for _, value in curve) * 1.08)
    axes = _Axes(begin_s=begin_s, span_s=max(end_s - begin_s, 1.0), highest=highest, bottom=top + _PANEL)
    refused = [at for at, status in panel.calls if status == TOO_MANY_REQUESTS]
    summary = f"{len(refused):,} of {len(panel.calls):,} calls refused (429)"
    kind = "refused-text" if refused else "small"
    parts = [
        f'<text class="title" x="{_LEFT}" y="{top:g}">{escape(panel.title)}</text>',
        f'<text class="{kind}" x="{_WIDTH - _RIGHT}" y="{top:g}" text-anchor="end">{summary}</text>',
        *_grid(axes, limit),
    ]
    parts.append(_area("ours", curve, axes, end_s))
    if panel.theirs:  # drawn over all calls, so that the rest above them is ours
        parts.append(_area("theirs", window_rate(panel.theirs, rate), axes, end_s))
    parts.append(_line("limit", axes, limit))
    parts += [
        f'<line class="refused" x1="{axes.x(at):.1f}" x2="{axes.x(at):.1f}" y1="{axes.bottom + 2:g}" '
        f'y2="{axes.bottom + 9:g}"/>'
        for at in refused
    ]
    return parts


def _area(name: str, curve: Sequence[tuple[float, float]], axes: _Axes, end_s: float) -> str:
    before = axes.y(0)
    points = [f"M{axes.x(axes.begin_s):.1f},{before:.1f}"]
    for time_s, value in curve:
        if time_s > end_s:
            break
        points.append(f"H{axes.x(time_s):.1f}V{axes.y(value):.1f}")
    return f'<path class="{name}" d="{"".join(points)}H{axes.x(end_s):.1f}V{axes.y(0):.1f}Z"/>'


def _grid(axes: _Axes, limit: float) -> list[str]:
    parts = [_line("grid", axes, 0)]
    for value, text in ((0.0, "0"), (limit, f"{limit:g}/s")):
        parts.append(f'<text class="small" x="{_LEFT - 8}" y="{axes.y(value) + 4:.1f}" text-anchor="end">{text}</text>')
    step_s = next((step for step in _STEPS_S if axes.span_s / step <= _MOST_STEPS), _STEPS_S[-1])
    for second in range(0, int(axes.span_s) + 1, step_s):
        x = axes.x(axes.begin_s + second)
        parts.append(f'<text class="small" x="{x:.1f}" y="{axes.bottom + 24:g}" text-anchor="middle">{second} s</text>')
    return parts


def _line(name: str, axes: _Axes, value: float) -> str:
    return (
        f'<line class="{name}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{axes.y(value):.1f}" y2="{axes.y(value):.1f}"/>'
    )
