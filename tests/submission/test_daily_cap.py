"""The account's calls of a day: those that are left go out and are answered, and the rest of the rows is pending."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from importer.errors import CapReached, StoppedEarly
from importer.sandbox import serve
from tests.leadsquared.peers import quick
from tests.submission.account import Account
from tests.submission.sending import of_one_lead, rows, sending


@pytest.mark.parametrize("concurrency", [1, 4, 20])
@pytest.mark.parametrize("cap", [1, 7])
def test_calls_booked_before_the_cap_are_sent(cap: int, concurrency: int, tmp_path: Path) -> None:
    """They are in flight for a while yet: each becomes a ticket, none is called back, and no other row has an attempt."""

    async def whole() -> None:
        sandbox = Account(latency_s=0.1)
        many = rows(30)
        async with sending(tmp_path, sandbox, many, daily_cap=cap, concurrency=concurrency) as run:
            ending = await run.of(many)
            assert isinstance(ending, CapReached)
            assert f"{cap} calls in the last 24 hours" in ending.message
            assert ending.exit_code == 1
            attempts = {entry.state: entry.attempts for entry in run.entries().values()}
            assert attempts == {"created": 1, "pending": 0}
            assert run.states().count("created") == cap
        assert len(sandbox.calls) == len(sandbox.tickets) == cap

    asyncio.run(whole())


def test_daily_cap_that_is_just_enough_does_not_end_the_run(tmp_path: Path) -> None:
    """With the last call of the day for the last row, all is well."""

    async def whole() -> None:
        sandbox = Account()
        many = rows(8)
        async with sending(tmp_path, sandbox, many, daily_cap=8) as run:
            assert await run.of(many) is None
            assert run.states() == ["created"] * 8

    asyncio.run(whole())


def test_repeated_call_counts_again(tmp_path: Path) -> None:
    """Its second call may be the one too many: then its row is pending like those that had none."""

    async def whole() -> None:
        sandbox = Account([{"calls": [3], "fault": "429", "retry_after": 0}])
        many = rows(5)
        async with sending(tmp_path, sandbox, many, daily_cap=5, concurrency=1) as run:
            assert isinstance(await run.of(many), CapReached)
            assert sorted(run.states()) == ["created"] * 4 + ["pending"]
        assert len(sandbox.calls) == 5

    asyncio.run(whole())


def test_rows_that_wait_for_others_are_pending_at_the_cap(tmp_path: Path) -> None:
    """Nobody is left waiting for a lead that is not made on this day."""

    async def whole() -> None:
        sandbox = Account(latency_s=0.05)
        many = of_one_lead(10)
        async with sending(tmp_path, sandbox, many, daily_cap=3) as run:
            assert isinstance(await run.of(many), CapReached)
            assert sorted(run.states()) == ["created"] * 3 + ["pending"] * 7
        assert sandbox.warnings == ()

    asyncio.run(whole())


def test_refused_keys_are_reported_although_the_cap_is_reached(tmp_path: Path) -> None:
    """The last call of the day is answered 401 when the next row has found no call left: the keys end the run."""

    async def whole() -> None:
        some = rows(3)
        async with (
            serve(quick([{"calls": 2, "fault": "401"}], latency_s=0.3)) as sandbox,
            sending(tmp_path, sandbox, some, daily_cap=2) as run,
        ):
            ending = await run.of(some)
            assert isinstance(ending, StoppedEarly)
            assert "refuses the keys" in ending.message
            assert run.states() == ["created", "pending", "pending"]

    asyncio.run(whole())
