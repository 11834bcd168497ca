"""Scenarios: number of tickets, network and faults. Does no input or output."""

from __future__ import annotations

from dataclasses import dataclass, field

from importer.models import Rate

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
Between = tuple[float, float]  # seconds, drawn evenly


@dataclass(frozen=True, kw_only=True)
class Network:
    """Durations. ``connect_s``: to open a connection. ``way_s``: of a request, and of its answer."""

    connect_s: Between = (0.06, 0.12)
    way_s: Between = (0.02, 0.035)
    server_s: Between = (0.08, 0.09)  # until the server has made a ticket
    kept_s: float = 20.0  # an idle connection; then the server closes it
    commit_s: float = 0.004  # one transaction on the disk


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """Calls of another client: a Poisson process in phases, between two hours of each day."""

    rate: Rate = field(default_factory=lambda: Rate(10, 5.0))
    work_s: Between = (60.0, 120.0)
    rest_s: float = 60.0
    hours: tuple[float, float] = (8.0, 18.0)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One simulation. ``begins_s``: the time of day at which it begins, in seconds.

    ``errors``: the share of calls that are answered 503, without a ticket; ``repeats``: whether those are sent again,
    as by ``--retry-status 503``. ``crash_every_s``: the mean time from a start of the process to its end by force.
    ``restart_s``: from there to the next start, which may find the last period's slots in use. ``most_longer``: by which
    part of the ideal time it may take longer where nobody else calls; the more a network jitters, the more it needs.
    """

    name: str
    tickets: int
    rate: Rate = field(default_factory=lambda: Rate(25, 5.0))
    network: Network = field(default_factory=Network)
    errors: float = 0.01
    repeats: bool = True
    crash_every_s: float = HOUR_S
    restart_s: Between = (0.5, 15.0)
    foreign: Foreign | None = None
    begins_s: float = 8 * HOUR_S
    seed: int = 1
    most_longer: float = 0.02

    def is_day(self, now_s: float) -> bool:
        """Return whether it is in the hours of foreign traffic."""
        begins, ends = (self.foreign or Foreign()).hours
        return begins * HOUR_S <= (self.begins_s + now_s) % DAY_S < ends * HOUR_S

    def day_s(self, until_s: float) -> float:
        """Return the seconds up to ``until_s`` in the hours of foreign traffic."""
        begins, ends = (self.foreign or Foreign()).hours
        return self._day_s(self.begins_s + until_s, begins, ends) - self._day_s(self.begins_s, begins, ends)

    @staticmethod
    def _day_s(clock_s: float, begins: float, ends: float) -> float:
        days, today_s = divmod(clock_s, DAY_S)
        return (days * (ends - begins) + min(max(today_s / HOUR_S - begins, 0.0), ends - begins)) * HOUR_S
