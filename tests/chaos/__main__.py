"""`make chaos`: 200 kills. Exits with 1 after a duplicate ticket, a lost row or a wrong result."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

from tests.chaos.harness import Count, campaign

KILLS_PER_CAMPAIGN = 20
AT_ONCE = 3


async def main(kills: int, seed: int) -> Count:
    """Run as many campaigns as needed, two at a time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Count:
        async with places:
            with tempfile.TemporaryDirectory() as folder:
                count = await campaign(Path(folder), kills=KILLS_PER_CAMPAIGN, seed=seed + number)
        print(f"campaign {number + 1}: {count.kills} kills", file=sys.stderr, flush=True)  # noqa: T201 - a program
        return count

    counts = await asyncio.gather(*(one(number) for number in range(-(-kills // KILLS_PER_CAMPAIGN))))
    return sum(counts, start=Count())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    total = asyncio.run(main(arguments.kills, arguments.seed))
    print(f"{total.kills} kills, {total.kills_under_way} of them with requests under way")  # noqa: T201 - a program
    print(f"duplicates {total.duplicates}, lost rows {total.lost}, untrue results {total.untrue}")  # noqa: T201
    print(  # noqa: T201
        f"unknown per kill: median {statistics.median(total.unknown):g}, most {max(total.unknown)}, "
        f"in all {sum(total.unknown)}, {total.never_reached} of them never reached the account; "
        f"{total.over_limit} times more than can have been under way"
    )
    sys.exit(bool(total.duplicates or total.lost or total.untrue or total.over_limit))
