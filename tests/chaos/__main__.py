"""`make chaos`: kills, with a ledger in a file or on a server. Exits with 1 after a duplicate, a lost or a wrong row."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
from pathlib import Path

from tests.chaos.harness import Count, campaign
from tests.postgres.server import PostgresServer

KILLS_PER_CAMPAIGN = 20
AT_ONCE = 3


async def main(kills: int, seed: int, server: PostgresServer | None) -> Count:
    """Run as many campaigns as needed, some at a time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Count:
        async with places:
            with tempfile.TemporaryDirectory() as folder:
                count = await campaign(Path(folder), kills=KILLS_PER_CAMPAIGN, seed=seed + number, server=server)
        print(f"campaign {number + 1}: {count.kills} kills", file=sys.stderr, flush=True)  # noqa: T201 - a program
        return count

    counts = await asyncio.gather(*(one(number) for number in range(-(-kills // KILLS_PER_CAMPAIGN))))
    return sum(counts, start=Count())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true", help="ledgers on a server, which crashes at some kills")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(contextlib.closing(PostgresServer())) if arguments.postgresql else None
        total = asyncio.run(main(arguments.kills, arguments.seed, server))
    print(f"{total.kills} kills, {total.kills_under_way} of them with requests under way")  # noqa: T201 - a program
    print(f"duplicates {total.duplicates}, lost rows {total.lost}, untrue results {total.untrue}")  # noqa: T201
    print(  # noqa: T201
        f"unknown per kill: median {statistics.median(total.unknown):g}, most {max(total.unknown)}, "
        f"in all {sum(total.unknown)}, {total.never_reached} of them never reached the account; "
        f"{total.over_limit} times more than can have been under way"
    )
    sys.exit(bool(total.duplicates or total.lost or total.untrue or total.over_limit))
