"""A slow wire: a TCP proxy on loopback that delays bytes and keeps their order."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

_CHUNK_BYTES = 64 * 1024
_CHUNKS_UNDER_WAY = 256  # 16 MiB each way: more than 240 ms hold of anything that a test sends
_HOST = "127.0.0.1"

_UnderWay = asyncio.Queue[tuple[float, bytes]]  # (when it is due, what); nothing is the end
_Work = Coroutine[Any, Any, None]


@dataclass(frozen=True, kw_only=True)
class Wire:
    """How late a wire is. Raises ValueError for what is no time.

    one_way_s: how long a byte travels, each way; a round trip is twice that.
    jitter_s: how much longer at the most, drawn evenly for every chunk; a later chunk never overtakes.
    slow_openings: so many connections, the first ones, take ``slow_opening_s`` longer to open.
    seed: decides the jitter.
    """

    one_way_s: float = 0.12
    jitter_s: float = 0.05
    slow_openings: int = 0
    slow_opening_s: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("one_way_s", "jitter_s", "slow_opening_s"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}: {getattr(self, name)} is not a number of seconds from 0 on")

    def opening_s(self, ordinal: int) -> float:
        """How long the connection number ``ordinal``, from 1 on, is open before its first byte moves.

        The kernel answers a client on loopback at once. So TCP's round trip is taken here, before TLS begins: a client
        of a TLS server sees the time that it would see on a real wire; one of a plain server may write too early.
        """
        return 2 * self.one_way_s + (self.slow_opening_s if ordinal <= self.slow_openings else 0.0)


class Lane:
    """One direction of one connection: when its bytes arrive. Pure."""

    def __init__(self, wire: Wire, chance: random.Random) -> None:
        self._wire = wire
        self._chance = chance
        self._last_s = -math.inf

    def due_s(self, now_s: float) -> float:
        """Return when a chunk that is sent now arrives; never before an earlier one."""
        travel_s = self._wire.one_way_s + self._chance.uniform(0, self._wire.jitter_s)
        self._last_s = max(self._last_s, now_s + travel_s)
        return self._last_s


@asynccontextmanager
async def delaying(wire: Wire, port: int) -> AsyncIterator[int]:
    """Run a proxy in front of the server on loopback port ``port``; yield its port."""
    proxy = _Proxy(wire, port)
    server = await asyncio.start_server(proxy.carry, _HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await proxy.stop()


class _Proxy:
    def __init__(self, wire: Wire, port: int) -> None:
        self._wire = wire
        self._port = port
        self._chance = random.Random(wire.seed)
        self._connections = 0
        self._under_way: set[asyncio.Task[None]] = set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        self._connections += 1
        opening_s = self._wire.opening_s(self._connections)
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            # What breaks one side is told to the other by breaking that, too; the proxy has no opinion of its own.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await asyncio.sleep(opening_s)
                await self._join(reader, writer)
        finally:
            self._under_way.discard(task)
            writer.transport.abort()

    async def stop(self) -> None:
        """Cut every connection."""
        tasks = tuple(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(_HOST, self._port)
        try:
            # Together, so that whatever breaks in one direction ends the other.
            await _together(*self._one_way(reader, far_writer), *self._one_way(far_reader, writer))
            for each in (writer, far_writer):
                each.close()  # after what is still in its buffer
                await each.wait_closed()
        finally:
            far_writer.transport.abort()

    def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[_Work, _Work]:
        under_way: _UnderWay = asyncio.Queue(_CHUNKS_UNDER_WAY)
        return _take_in(reader, under_way, Lane(self._wire, self._chance)), _deliver(under_way, writer)


async def _together(*work: _Work) -> None:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _take_in(reader: asyncio.StreamReader, under_way: _UnderWay, lane: Lane) -> None:
    """Receive all bytes, and then the end, which is delayed like a byte."""
    clock = asyncio.get_running_loop().time
    data = b"more"
    while data:
        data = await reader.read(_CHUNK_BYTES)
        await under_way.put((lane.due_s(clock()), data))


async def _deliver(under_way: _UnderWay, writer: asyncio.StreamWriter) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        due_s, data = await under_way.get()
        while (wait_s := due_s - clock()) > 0:  # noqa: ASYNC110 - the loop's timer may fire a tick early
            await asyncio.sleep(wait_s)
        if not data:
            writer.write_eof()
            return
        writer.write(data)
        await writer.drain()
