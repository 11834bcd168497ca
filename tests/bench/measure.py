"""From what a server saw to the lines of a table. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from importer.models import Rate

TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, kw_only=True)
class Run:
    """One client's run, as the server saw it. Times are seconds."""

    refused: int  # answers with 429
    tickets: int
    most_in_a_window: int  # header arrivals within one period of the rate
    actual_s: float  # from the second header arrival to the last: the first call may go alone to try the keys
    ideal_s: float

    @property
    def ratio(self) -> float:
        """Ideal over actual: 1.0 uses the limit to the full; above it, the limit was passed."""
        return self.ideal_s / self.actual_s


def ideal_s(rows: int, rate: Rate) -> float:
    """The shortest time in which a sliding window lets ``rows`` calls through, first to last."""
    return (rows - 1) // rate.calls * rate.period_s


def most_in_a_window(arrivals: Sequence[float], period_s: float) -> int:
    """The largest number of arrivals less than ``period_s`` apart; ``arrivals`` are sorted."""
    most = first = 0
    for last, arrival in enumerate(arrivals):
        while arrival - arrivals[first] >= period_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def judge(calls: Sequence[tuple[float, int]], *, tickets: int, rows: int, rate: Rate) -> Run:
    """Sum up one run: ``calls`` are (header arrival in seconds, status answered). Raises ValueError below 3 calls."""
    if len(calls) < 3:
        raise ValueError(f"{len(calls)} calls arrived; there is nothing to measure")
    arrivals = sorted(arrival for arrival, _ in calls)
    return Run(
        refused=sum(status == TOO_MANY_REQUESTS for _, status in calls),
        tickets=tickets,
        most_in_a_window=most_in_a_window(arrivals, rate.period_s),
        actual_s=arrivals[-1] - arrivals[1],
        ideal_s=ideal_s(rows, rate),
    )


def table(results: dict[str, list[Run]]) -> str:
    """A Markdown table with a line per client: the medians of its runs."""
    lines = [
        "| client | 429 | tickets | most calls in a window | seconds | ideal | ideal/actual |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, runs in results.items():
        refused, tickets, most, actual, ratio = (
            statistics.median(values)
            for values in zip(
                *((run.refused, run.tickets, run.most_in_a_window, run.actual_s, run.ratio) for run in runs),
                strict=True,
            )
        )
        lines.append(
            f"| {name} | {refused:g} | {tickets:g} | {most:g} | {actual:.2f} | {runs[0].ideal_s:.1f} | {ratio:.3f} |"
        )
    return "\n".join(lines) + "\n"
