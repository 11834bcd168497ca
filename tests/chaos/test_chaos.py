"""A few kills at random moments; `make chaos` does two hundred."""

from __future__ import annotations

import asyncio

from tests.chaos.harness import campaign

KILLS = 3


def test_import_survives_kills_at_random_moments(tmp_path):
    """No duplicate ticket, no lost row, no wrong result, and few unknown rows."""
    count = asyncio.run(campaign(tmp_path, kills=KILLS, seed=2))
    assert count.kills == KILLS
    assert count.kills_under_way > 0
    assert (count.duplicates, count.lost, count.untrue, count.over_limit) == (0, 0, 0, 0)
