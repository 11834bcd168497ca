"""The wire delays bytes, keeps their order and changes none."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.leadsquared.answers import Created, NotSent
from importer.leadsquared.client import open_client
from importer.leadsquared.ticket_request import create_request
from importer.leadsquared.transport import Endpoint, Timeouts
from importer.sandbox import Sandbox, serve
from tests.leadsquared.peers import OpenGate, Peer, at, quick, ticket
from tests.network.certificates import Authority
from tests.network.wire import Lane, Wire, delaying

AT_ONCE = Wire(one_way_s=0, jitter_s=0)
PATIENCE_S = 40


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back all bytes, and then the end."""
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


@asynccontextmanager
async def behind(wire: Wire, handle: Peer) -> AsyncIterator[int]:
    """Run a server of raw bytes behind a wire; yield its port."""

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await handle(reader, writer)
        writer.close()

    server = await asyncio.start_server(whole, "127.0.0.1", 0)
    async with server, delaying(wire, server.sockets[0].getsockname()[1]) as port:
        yield port


async def call(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=30),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 5),
)
def test_a_lane_is_late_and_keeps_the_order(gaps_s: list[float], one_way_s: float, jitter_s: float, seed: int) -> None:
    """Each chunk arrives after its travel time, within the jitter, and not before an earlier one."""
    lane = Lane(Wire(one_way_s=one_way_s, jitter_s=jitter_s), random.Random(seed))
    entered = list(itertools.accumulate(gaps_s))
    due = [lane.due_s(now_s) for now_s in entered]
    assert due == sorted(due)
    for now_s, due_s in zip(entered, due, strict=True):
        assert now_s + one_way_s <= due_s <= now_s + one_way_s + jitter_s + 1e-9


def test_the_seed_decides_the_jitter() -> None:
    """Equal seeds give equal delays."""
    wire = Wire(one_way_s=1, jitter_s=1, seed=7)
    one, same, other = (Lane(wire, random.Random(seed)) for seed in (7, 7, 8))
    assert one.due_s(0) == same.due_s(0) != other.due_s(0)


def test_only_the_first_openings_are_slow() -> None:
    """The opening takes a round trip, and longer for the first connections."""
    wire = Wire(one_way_s=0.12, slow_openings=2, slow_opening_s=2)
    assert [wire.opening_s(ordinal) for ordinal in (1, 2, 3, 4)] == [2.24, 2.24, 0.24, 0.24]


@pytest.mark.parametrize("wrong", [{"one_way_s": -1}, {"jitter_s": math.nan}, {"slow_opening_s": math.inf}])
def test_a_wire_that_cannot_be(wrong: dict[str, Any]) -> None:
    """Negative times and NaN are refused."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Wire(**wrong)


@pytest.mark.parametrize("wire", [AT_ONCE, Wire(one_way_s=0.01, jitter_s=0.02)], ids=["at once", "late"])
def test_bytes_arrive_unchanged_and_in_order(wire: Wire) -> None:
    """Megabytes in pieces of any size arrive unchanged, on several connections at once, with their end."""

    async def there_and_back(port: int, seed: int) -> None:
        chance = random.Random(seed)
        sent = chance.randbytes(3_000_000)
        reader, writer = await call(port)

        async def send() -> None:
            position = 0
            while position < len(sent):
                size = chance.randint(1, 300_000)
                writer.write(sent[position : position + size])
                await writer.drain()
                position += size
            writer.write_eof()

        _, received = await asyncio.gather(send(), reader.read(-1))
        writer.close()
        assert received == sent

    async def whole() -> None:
        async with asyncio.timeout(PATIENCE_S), behind(wire, echo) as port:
            await asyncio.gather(*(there_and_back(port, seed) for seed in range(4)))

    asyncio.run(whole())


def test_nothing_comes_early() -> None:
    """The first answer takes the opening and both ways; a later one only both ways."""
    wire = Wire(one_way_s=0.06, jitter_s=0.01, slow_openings=1, slow_opening_s=0.2)

    async def whole() -> None:
        async with asyncio.timeout(PATIENCE_S), behind(wire, echo) as port:
            clock = asyncio.get_running_loop().time
            for ordinal in (1, 2):
                begun_s = clock()
                reader, writer = await call(port)
                for least_s in (wire.opening_s(ordinal) + 0.12, 0.12):
                    writer.write(b"!")
                    await reader.readexactly(1)
                    assert clock() - begun_s >= least_s
                    begun_s = clock()
                writer.close()

    asyncio.run(whole())


def test_one_side_is_told_that_the_other_is_gone() -> None:
    """A connection that one side cuts ends at the other side, too."""
    gone = asyncio.Event()

    async def cut_or_wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(1) == b"c":
            writer.transport.abort()
            return
        try:
            assert await reader.read() == b""
        finally:
            gone.set()

    async def whole() -> None:
        async with asyncio.timeout(PATIENCE_S), behind(AT_ONCE, cut_or_wait) as port:
            reader, writer = await call(port)
            writer.write(b"c")
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
            _, writer = await call(port)
            writer.write(b"w")
            await writer.drain()
            writer.transport.close()
            await gone.wait()

    asyncio.run(whole())


def test_a_server_that_is_away() -> None:
    """If no server listens behind the wire, the connection is closed."""

    async def whole() -> None:
        async with behind(AT_ONCE, echo) as taken:
            pass
        async with asyncio.timeout(PATIENCE_S), delaying(AT_ONCE, taken) as port:
            reader, writer = await call(port)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()

    asyncio.run(whole())


def test_it_ends_whatever_is_under_way() -> None:
    """The end of the block cuts all connections at once."""

    async def whole() -> None:
        async with asyncio.timeout(PATIENCE_S), behind(Wire(one_way_s=1000, jitter_s=0), echo) as port:
            reader, writer = await call(port)
            writer.write(b"on its way for ever")
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()

    asyncio.run(whole())


# -- the real account behind it -----------------------------------------------------------------------------------


def through(sandbox: Sandbox, port: int, authority: Authority) -> Endpoint:
    """Run a TLS account behind a wire."""
    return at(sandbox, base_url=f"https://127.0.0.1:{port}", ssl_context=authority.client_context())


def test_tls_through_the_wire() -> None:
    """The account's certificate is verified through the wire; that of another authority is refused."""
    authority, stranger = Authority(), Authority()

    async def whole() -> None:
        async with (
            asyncio.timeout(PATIENCE_S),
            serve(quick(), ssl_context=authority.server_context()) as sandbox,
            delaying(Wire(one_way_s=0.01, jitter_s=0.01), int(sandbox.url.rpartition(":")[2])) as port,
        ):
            async with open_client(through(sandbox, port, authority), Timeouts(), connections=5) as client:
                made = await asyncio.gather(*(client.send(create_request(ticket()), OpenGate()) for _ in range(10)))
            assert all(isinstance(answer, Created) for answer in made)
            assert len(sandbox.tickets) == 10
            async with open_client(through(sandbox, port, stranger), Timeouts(), connections=1) as client:
                assert isinstance(await client.send(create_request(ticket()), OpenGate()), NotSent)

    asyncio.run(whole())


def test_another_process_trusts_the_authoritys_file(tmp_path: Path) -> None:
    """The file for SSL_CERT_FILE has the authority of the server's certificate."""
    authority = Authority()
    file = authority.write(tmp_path / "authority.pem")

    async def whole() -> None:

        async with (
            asyncio.timeout(PATIENCE_S),
            serve(quick(), ssl_context=authority.server_context("127.0.0.1")) as sandbox,
        ):
            endpoint = at(sandbox, ssl_context=ssl.create_default_context(cafile=file))
            async with open_client(endpoint, Timeouts(), connections=1) as client:
                assert isinstance(await client.send(create_request(ticket()), OpenGate()), Created)

    asyncio.run(whole())
