"""Statistics of the calls that a server received. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from importer.models import Rate

TOO_MANY_REQUESTS = 429
_LEAST_CALLS = 3

Calls = Sequence[tuple[float, int]]  # (header arrival in seconds, status answered), in any order


@dataclass(frozen=True, kw_only=True)
class RunStatistics:
    """The run of one client, as the server saw it. Times are seconds."""

    refused: int  # answers with 429
    tickets: int
    most_in_a_window: int  # header arrivals within one period of the rate
    actual_s: float  # from the second header arrival to the last: the first call may go alone to check the keys
    ideal_s: float

    @property
    def ratio(self) -> float:
        """Ideal over actual: 1.0 uses the limit to the full; above it, the limit was passed."""
        return self.ideal_s / self.actual_s


@dataclass(frozen=True, kw_only=True)
class SharedStatistics:
    """A run at the same time as foreign traffic. Shares are between 0 and 1."""

    of_what_was_left: float  # our tickets, of the limit minus the calls of the others
    ours_refused: float  # of our calls, those with 429
    theirs_refused: float


def ideal_s(rows: int, rate: Rate) -> float:
    """Return the shortest time that a sliding window allows for ``rows`` calls, first to last."""
    return (rows - 1) // rate.calls * rate.period_s


def most_in_a_window(arrivals: Sequence[float], period_s: float) -> int:
    """Return the largest number of arrivals within one period; ``arrivals`` are sorted."""
    most = first = 0
    for last, arrival in enumerate(arrivals):
        while arrival - arrivals[first] >= period_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def run_statistics(calls: Calls, *, tickets: int, rows: int, rate: Rate) -> RunStatistics:
    """Return the statistics of one run. Raises ValueError for fewer than 3 calls."""
    if len(calls) < _LEAST_CALLS:
        raise ValueError(f"{len(calls)} calls arrived; there is nothing to measure")
    arrivals = sorted(arrival for arrival, _ in calls)
    return RunStatistics(
        refused=_refused(calls),
        tickets=tickets,
        most_in_a_window=most_in_a_window(arrivals, rate.period_s),
        actual_s=arrivals[-1] - arrivals[1],
        ideal_s=ideal_s(rows, rate),
    )


def shared_statistics(all_calls: Calls, theirs: Calls, made_s: Sequence[float], rate: Rate) -> SharedStatistics:
    """Return the statistics of a shared account; ``made_s``: arrivals of our calls that created tickets.

    What is left for us is the limit minus all calls of the others from our first ticket to our last: those that were
    refused because of our calls count, too. Raises ValueError if one side made too few calls.
    """
    begun_s, ended_s = min(made_s, default=0.0), max(made_s, default=0.0)
    all_calls, their_calls = _between(all_calls, begun_s, ended_s), _between(theirs, begun_s, ended_s)
    ours = len(all_calls) - len(their_calls)
    if len(made_s) < _LEAST_CALLS or not their_calls:
        raise ValueError(f"{len(made_s)} calls of ours and {len(their_calls)} of theirs; there is nothing to measure")
    left = rate.calls / rate.period_s * (ended_s - begun_s) - len(their_calls)
    return SharedStatistics(
        of_what_was_left=len(made_s) / left,
        ours_refused=(_refused(all_calls) - _refused(their_calls)) / ours,
        theirs_refused=_refused(their_calls) / len(their_calls),
    )


def per_second(calls: Calls) -> float:
    """Calls a second from the first to the last. Raises ValueError below 3 calls."""
    if len(calls) < _LEAST_CALLS:
        raise ValueError(f"{len(calls)} calls arrived; there is nothing to measure")
    arrivals = sorted(arrival for arrival, _ in calls)
    return (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])


def _between(calls: Calls, begun_s: float, ended_s: float) -> Calls:
    return [call for call in calls if begun_s <= call[0] <= ended_s]


def _refused(calls: Calls) -> int:
    return sum(status == TOO_MANY_REQUESTS for _, status in calls)
