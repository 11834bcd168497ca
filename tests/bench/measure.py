"""From what a server saw to figures. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from importer.models import Rate

TOO_MANY_REQUESTS = 429
_LEAST_CALLS = 3

Calls = Sequence[tuple[float, int]]  # (header arrival in seconds, status answered), in any order


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


@dataclass(frozen=True, kw_only=True)
class Shared:
    """A run beside foreign traffic. Shares are of 1."""

    of_what_was_left: float  # our answered calls, of the limit less what the others offered
    ours_refused: float  # of our calls, those with 429
    theirs_refused: float


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


def judge(calls: Calls, *, tickets: int, rows: int, rate: Rate) -> Run:
    """Sum up one run. Raises ValueError below 3 calls."""
    if len(calls) < _LEAST_CALLS:
        raise ValueError(f"{len(calls)} calls arrived; there is nothing to measure")
    arrivals = sorted(arrival for arrival, _ in calls)
    return Run(
        refused=_refused(calls),
        tickets=tickets,
        most_in_a_window=most_in_a_window(arrivals, rate.period_s),
        actual_s=arrivals[-1] - arrivals[1],
        ideal_s=ideal_s(rows, rate),
    )


def judge_shared(everybodys: Calls, theirs: Calls, made_s: Sequence[float], rate: Rate) -> Shared:
    """Sum up what we and others made of one account; ``made_s`` are the arrivals of our calls that made tickets.

    What is left for us is the limit less what they *offered* from our first ticket to our last: a call of theirs that
    we made the account refuse was theirs all the same. Raises ValueError if one side made too few calls.
    """
    begun_s, ended_s = min(made_s, default=0.0), max(made_s, default=0.0)
    all_calls, their_calls = _between(everybodys, begun_s, ended_s), _between(theirs, begun_s, ended_s)
    ours = len(all_calls) - len(their_calls)
    if len(made_s) < _LEAST_CALLS or not their_calls:
        raise ValueError(f"{len(made_s)} calls of ours and {len(their_calls)} of theirs; there is nothing to measure")
    left = rate.calls / rate.period_s * (ended_s - begun_s) - len(their_calls)
    return Shared(
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
