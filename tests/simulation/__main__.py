"""`make simulation`: sends a million tickets in simulated time. Exits with 1 if a goal is missed."""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from tests.simulation.report import missed, table
from tests.simulation.scenario import HOUR_S, Foreign, Network, Scenario
from tests.simulation.simulate import Facts, simulate

_SMALLER = 10  # the scenarios that only vary the first have so many times fewer tickets
_JITTERY = Network(way_s=(0.02, 0.06), server_s=(0.08, 0.12))


def scenarios(tickets: int, seed: int) -> list[Scenario]:
    """Return all scenarios; the two largest come first."""
    alone = Scenario(name="alone", tickets=tickets, seed=seed)
    few = max(1, tickets // _SMALLER)
    return [
        alone,
        replace(alone, name="with others by day", foreign=Foreign()),
        replace(alone, name="503 not repeated", repeats=False, tickets=few),
        replace(alone, name="more jitter: up to 40 ms each way", network=_JITTERY, most_longer=0.03, tickets=few),
    ]


def _shown(scenario: Scenario, begun_s: float) -> Callable[[float, int], None]:
    def show(at_s: float, made: int) -> None:
        print(  # noqa: T201 - a program
            f"{scenario.name}: hour {at_s / HOUR_S:.0f}, {made / scenario.tickets:.0%} are tickets, "
            f"after {time.monotonic() - begun_s:.0f} s",
            file=sys.stderr,
            flush=True,
        )

    return show


def _simulated(begun_s: float, scenario: Scenario) -> Facts:
    return simulate(scenario, _shown(scenario, begun_s))


def main(tickets: int, seed: int, workers: int) -> bool:
    """Simulate all scenarios, print the table, and return the exit code."""
    begun_s = time.monotonic()
    with ProcessPoolExecutor(workers) as pool:
        all_facts = list(pool.map(functools.partial(_simulated, begun_s), scenarios(tickets, seed)))
    print(table(all_facts))  # noqa: T201 - a program
    return not any(map(missed, all_facts))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    sys.exit(not main(arguments.tickets, arguments.seed, arguments.workers))
