"""How many rows are in flight at once: as many as slow answers need at this rate, and no more where none come."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from importer.errors import Interrupted
from importer.models import Rate
from tests.leadsquared.peers import peer, read_request, reply, to
from tests.submission.sending import FAST, rows, sending


class Counter:
    """A server that answers the first calls after ``takes_s`` each, and the others when so many are there at once."""

    def __init__(self, *, first: int = 1, takes_s: float = 0.0, together: int | None = None) -> None:
        self.calls = 0
        self.most = 0
        self._first = first
        self._takes_s = takes_s
        self._together = together
        self._under_way = 0
        self._answered = 0
        self._enough = asyncio.Event()
        self._changed = asyncio.Condition()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        while True:
            await read_request(reader)
            await self._came()
            if self.calls <= self._first:
                await asyncio.sleep(self._takes_s)
            else:
                await self._enough.wait()
            self._under_way -= 1
            self._answered += 1
            writer.write(reply(f'{{"Status": "Success", "Id": "{self._answered}"}}'.encode()))
            await writer.drain()

    async def _came(self) -> None:
        async with self._changed:
            self.calls += 1
            self._under_way += 1
            self.most = max(self.most, self._under_way)
            self._changed.notify_all()
        if self._together is not None and self._under_way >= self._together:
            self._enough.set()

    async def until(self, calls: int) -> None:
        """Wait until so many calls have come."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.calls >= calls)


def test_slow_answers_do_not_slow_the_rate(tmp_path: Path) -> None:
    """After one call that took its time, many are in flight: a server that waits for 30 at once gets them, and no more."""

    async def whole() -> int:
        server = Counter(takes_s=0.2, together=30)
        async with peer(server) as url:
            many = rows(90)
            async with sending(tmp_path, to(url), many, concurrency=30, initial_concurrency=3) as run:
                assert await run.of(many) is None
                assert run.states() == ["created"] * 90
        return server.most

    assert asyncio.run(whole()) == 30


@pytest.mark.parametrize("concurrency", [1, 5])
def test_concurrency_is_never_exceeded(concurrency: int, tmp_path: Path) -> None:
    """Memory, connections and the user's word are bounds that slow answers don't move."""

    async def whole() -> int:
        server = Counter(first=1_000, takes_s=0.05)
        async with peer(server) as url:
            some = rows(20)
            async with sending(
                tmp_path, to(url), some, rate=FAST, concurrency=concurrency, initial_concurrency=1
            ) as run:
                assert await run.of(some) is None
        return server.most

    assert asyncio.run(whole()) == concurrency


def test_hanging_server_gets_no_more_rows(tmp_path: Path) -> None:
    """What is never answered tells nothing of how long calls take: a hang makes few rows unknown, not all of them."""

    async def whole() -> None:
        server = Counter(first=5)
        async with peer(server) as url:
            many = rows(30)
            # At half a call per second, more room would take calls of many seconds each; all of its calls are free.
            async with sending(
                tmp_path, to(url), many, rate=Rate(30, 60.0), concurrency=30, initial_concurrency=8
            ) as run:
                going = asyncio.create_task(run.of(many))
                await server.until(5 + 8)
                await asyncio.sleep(0.3)  # in which others would go out
                run.submission.stop(Interrupted(15, "interrupted by SIGTERM"), at_once=True)
                await going
                states = run.states()
        assert server.calls == 5 + 8
        assert {state: states.count(state) for state in states} == {"created": 5, "unknown": 8, "pending": 17}

    asyncio.run(whole())
