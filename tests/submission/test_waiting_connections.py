"""Connections that wait for their slot: servers close them after a while, and a request that meets that is `unknown`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from importer.leadsquared.answers import Created, NotSent
from importer.leadsquared.ticket_request import create_request
from importer.models import Rate
from importer.sandbox import serve
from tests.leadsquared.peers import ClosedGate, at, client, peer, quick, read_request, reply, ticket, to
from tests.submission.sending import rows, sending


def test_server_closing_idle_connections_leaves_no_unknown_row(tmp_path: Path) -> None:
    """After each burst, it closes the connections that wait for the next; every row is sent once."""
    answered, closed = 0, 0
    waiting = set[asyncio.StreamWriter]()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered, closed
        waiting.add(writer)
        await read_request(reader)
        waiting.discard(writer)
        answered += 1
        writer.write(reply(json.dumps({"Status": "Success", "Id": answered, "TicketId": None}).encode()))
        if answered % 2 == 0:
            closed += len(waiting)
            while waiting:
                waiting.pop().close()
        await reader.read()

    async def whole() -> None:
        some = rows(5)
        async with peer(handle) as url, sending(tmp_path, to(url), some, rate=Rate(2, 0.5)) as run:
            assert await run.of(some) is None
            assert run.states() == ["created"] * 5
            assert {entry.attempts for entry in run.entries().values()} == {1}

    asyncio.run(whole())
    assert answered == 5
    assert closed >= 2


def test_a_connection_that_waited_too_long_for_its_slot_is_not_used() -> None:
    """The server may be just closing it: nothing is sent, and the row goes again at once on another."""

    async def whole() -> None:
        loop = asyncio.get_running_loop()
        skipped_s = 0.0
        clock = loop.time
        loop.time = lambda: clock() + skipped_s  # type: ignore[method-assign]
        async with serve(quick()) as sandbox, client(at(sandbox), answer_s=100) as session:
            for waits_s in (9.0, 11.0):
                gate = ClosedGate()
                sending = asyncio.create_task(session.send(create_request(ticket()), gate))
                await gate.reached.wait()
                skipped_s += waits_s
                gate.opened.set()
                answer = await sending
                assert isinstance(answer, Created if waits_s < 10 else NotSent)
            assert isinstance(answer, NotSent)
            assert answer.stale
            assert len(sandbox.calls) == 1

    asyncio.run(whole())
