"""The networks and accounts on which the limit must be used fully. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from importer.models import Rate
from importer.sandbox.limiter import Algorithm
from tests.bench.account import Setup
from tests.bench.foreign import Traffic
from tests.network.wire import Wire

RATE = Rate(25, 5)
ALGORITHMS: tuple[Algorithm, ...] = ("sliding", "fixed", "bucket")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One account and network, and the goal on it.

    rows: of each of ``processes`` manifests; each process of ours has its own source, and all share one ledger.
    ideal: the goal for ideal/actual.
    drops: whether a row can get lost there although no call is refused.
    """

    section: str
    name: str
    setup: Setup
    rows: int
    ideal: float
    processes: int = 1
    drops: bool = False


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network to the account, and the goal on it."""

    name: str
    ideal: float
    jitter_s: float = 0.0
    wire: Wire | None = None


QUIET = Network(name="loopback", ideal=0.985)
JITTERY = Network(name="loopback, jitter to 150 ms", ideal=0.97, jitter_s=0.15)
SLOW = Network(name="TLS, 240 ms round trip, jitter to 50 ms", ideal=0.97, wire=Wire())
NETWORKS = (QUIET, JITTERY, SLOW)
SHOWN = f"{JITTERY.name}: sliding"  # the scenario of the chart

_LIMIT = "The limit, alone on the account"
_HARD = "Harder connections"
_TOGETHER = "Several processes on one account and one ledger"


def scenarios(rows: int, algorithms: Sequence[Algorithm] = ALGORITHMS) -> Iterator[Scenario]:
    """Yield all scenarios without foreign traffic; ``rows``: of a single process, at least a full window."""
    for network in NETWORKS:
        for algorithm in algorithms:
            yield Scenario(
                section=_LIMIT,
                name=f"{network.name}: {algorithm}",
                setup=Setup(algorithm=algorithm, jitter_s=network.jitter_s, wire=network.wire),
                rows=rows,
                ideal=network.ideal,
            )
    yield Scenario(
        section=_HARD,
        name="the same wire, the server closes idle connections after 2 s",
        setup=Setup(keepalive_s=2.0, wire=SLOW.wire),
        rows=rows,
        ideal=SLOW.ideal,
        drops=True,
    )
    yield Scenario(
        section=_HARD,
        name="the same wire, the first 25 connections open 2 s late",
        setup=Setup(wire=Wire(slow_openings=25, slow_opening_s=2.0)),
        rows=rows,
        ideal=SLOW.ideal,
        drops=True,
    )
    for processes, share, network in ((2, 2 / 3, QUIET), (4, 1 / 2, QUIET), (4, 1 / 2, JITTERY)):
        yield Scenario(
            section=_TOGETHER,
            name=f"{processes} processes, {network.name}",
            setup=Setup(jitter_s=network.jitter_s),
            rows=round(rows * share),
            ideal=0.96,
            processes=processes,
        )


def foreign_scenario(rows: int, *, shrink: float) -> Scenario:
    """Return the scenario with foreign traffic; ``shrink`` shortens its work and its rests."""
    usual = Traffic()
    traffic = Traffic(
        work_s=(usual.work_s[0] * shrink, usual.work_s[1] * shrink),
        rest_s=(usual.rest_s[0] * shrink, usual.rest_s[1] * shrink),
    )
    name = (
        f"{traffic.calls} calls per {traffic.period_s:g} s, at work for {traffic.work_s[0]:.0f}–{traffic.work_s[1]:.0f} s, "
        f"at rest for {traffic.rest_s[0]:.0f}–{traffic.rest_s[1]:.0f} s"
    )
    setup = Setup(foreign=traffic)
    return Scenario(section="Other clients on the same account", name=name, setup=setup, rows=rows, ideal=0.70)
