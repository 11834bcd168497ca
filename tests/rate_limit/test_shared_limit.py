"""Runs that share the account's limit through a ledger, in a file and on a server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.errors import CapReached, StoppedEarly
from importer.ledger.store import Ledger
from importer.models import Rate
from importer.rate_limit.limiter import LimiterOptions, RateLimiter
from importer.rate_limit.shared_slots import calls_today, shared_rate_limiter
from importer.rate_limit.slot_records import slot_records
from tests.ledger.ledgers import new_ledger, query, reopened
from tests.postgres.databases import choose_database

ACCOUNT = "tenant"
PATIENCE_S = 30.0


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    choose_database(request, tmp_path)
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        yield ledger


@pytest.fixture
def other(ledger: Ledger, tmp_path: Path) -> Iterator[Ledger]:
    """The same ledger, as another process opens it."""
    del ledger
    with contextlib.closing(reopened(tmp_path)) as other:
        yield other


def limiting(
    ledger: Ledger, run: str, rate: Rate, **options: object
) -> contextlib.AbstractAsyncContextManager[RateLimiter]:
    return shared_rate_limiter(ledger, ACCOUNT, LimiterOptions(rate=rate, run=run, **options))  # type: ignore[arg-type]


async def use(limiter: RateLimiter, uses: list[float]) -> None:
    slot = await limiter.reserve()
    await slot.wait_until_ready()
    slot.mark_used()
    assert slot.used_at is not None
    uses.append(slot.used_at)


async def use_forever(limiter: RateLimiter) -> None:
    while True:
        await use(limiter, [])


async def use_both(first: Ledger, second: Ledger, rate: Rate, calls: int) -> tuple[list[float], list[float]]:
    """Make so many calls in each of two runs at the same time; return their times."""
    uses = list[float](), list[float]()
    async with asyncio.timeout(PATIENCE_S), limiting(first, "A", rate) as a, limiting(second, "B", rate) as b:
        limiters = zip((a, b), uses, strict=True)
        await asyncio.gather(*(use(limiter, at) for limiter, at in limiters for _ in range(calls)))
    return uses


def assert_kept(uses: list[float], rate: Rate) -> None:
    for first, beyond in zip(sorted(uses), sorted(uses)[rate.calls :], strict=False):
        assert beyond - first > rate.period_s


def test_two_runs_keep_the_limit_together(ledger: Ledger, other: Ledger) -> None:
    """Each has its own connection to the ledger; both get slots."""
    rate = Rate(10, 0.5)
    mine, others = asyncio.run(use_both(ledger, other, rate, 25))
    assert (len(mine), len(others)) == (25, 25)
    assert_kept(mine + others, rate)
    assert min(mine) < max(others)
    assert min(others) < max(mine)
    assert calls_today(ledger, ACCOUNT) == 50


def test_ended_run_gets_no_share(ledger: Ledger) -> None:
    """It leaves no user and no booked slot, but its used slots count."""

    async def whole() -> None:
        async with asyncio.timeout(PATIENCE_S), limiting(ledger, "A", Rate(5, 60.0)) as limiter:
            await use(limiter, [])
            slot = await limiter.reserve()
            await slot.wait_until_near(0)
            slot.release()

    asyncio.run(whole())
    with contextlib.closing(slot_records(ledger, ACCOUNT)) as records:
        pool, _ = records.change([])
    assert not pool.runs
    assert sum(slot.used_at > float("-inf") for slot in pool.slots) == 1
    assert pool.calls_last_day == 1


def test_the_days_calls_are_those_of_all_runs(ledger: Ledger, other: Ledger) -> None:
    """At the cap both runs are stopped."""

    async def whole() -> None:
        rate = Rate(50, 1.0)
        async with (
            asyncio.timeout(PATIENCE_S),
            limiting(ledger, "A", rate, daily_cap=5) as a,
            limiting(other, "B", rate, daily_cap=5) as b,
        ):
            for limiter in itertools.islice(itertools.cycle((a, b)), 5):
                await use(limiter, [])
            for limiter in (a, b):
                with pytest.raises(CapReached, match="5 calls in the last 24 hours"):
                    await use(limiter, [])

    asyncio.run(whole())
    assert calls_today(ledger, ACCOUNT) == 5
    assert calls_today(ledger, "another") == 0


def test_calls_are_made_one_run_after_the_other_where_there_is_one_slot(ledger: Ledger, other: Ledger) -> None:
    """With fewer slots than runs, runs take turns."""
    rate = Rate(1, 0.1)
    mine, others = asyncio.run(use_both(ledger, other, rate, 4))
    assert_kept(mine + others, rate)


def test_pause_after_a_429_holds_up_all_runs(ledger: Ledger, other: Ledger) -> None:
    """The other runs know it within two seconds, and all make fewer calls afterwards."""
    rate = Rate(10, 1.0)

    async def whole() -> tuple[list[float], float, float]:
        uses: list[float] = []
        async with asyncio.timeout(PATIENCE_S), limiting(ledger, "A", rate) as a, limiting(other, "B", rate) as b:
            await use(b, uses)
            slot = await a.reserve()
            await slot.wait_until_ready()
            slot.mark_used()
            a.pause(3.0, slot)
            until = a.paused_until
            while uses[-1] < until:
                await use(b, uses)
            return uses, until, b.calls_allowed

    uses, until, allowed = asyncio.run(whole())
    assert not [at for at in uses if until - 1 < at < until]
    assert allowed < 10


def test_database_error_stops_the_run(ledger: Ledger, tmp_path: Path) -> None:
    """It stops early, so the exit code shows that rows were sent."""

    async def whole() -> None:
        async with asyncio.timeout(PATIENCE_S), limiting(ledger, "A", Rate(5, 0.2)) as limiter:
            await use(limiter, [])
            query(tmp_path, "alter table quotas rename to gone")
            with pytest.raises(StoppedEarly, match="the ledger") as raised:
                await use_forever(limiter)
            assert raised.value.hint

    try:
        asyncio.run(whole())
    finally:
        query(tmp_path, "alter table gone rename to quotas")


@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
def test_run_keeps_slots_for_calls_that_are_about_to_book(ledger: Ledger, other: Ledger) -> None:
    """They wait for the answer to the first call. If others had their slots meanwhile, no later burst would be whole."""

    async def whole() -> None:
        rate = Rate(10, 60.0)
        async with asyncio.timeout(PATIENCE_S), limiting(ledger, "A", rate) as a, limiting(other, "B", rate) as b:
            first, *rest = [await a.reserve() for _ in range(10)]
            await first.wait_until_ready()
            first.mark_used()
            uses: list[float] = []
            others = [asyncio.create_task(use(b, uses)) for _ in range(10)]
            await asyncio.wait(others, timeout=3.0)
            for slot in rest[:4]:
                await slot.wait_until_ready()
                slot.mark_used()
            assert 4 <= len(uses) <= 5
            for task in others:
                task.cancel()
            await asyncio.wait(others)

    asyncio.run(whole())
