"""Connections that wait for their slot: servers close them after a while, and a request that meets that is `unknown`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from importer.leadsquared.answers import Created, NotSent
from importer.leadsquared.ticket_request import create_request
from importer.models import Rate
from importer.sandbox import serve
from tests.leadsquared.peers import ClosedGate, at, client, quick, ticket
from tests.submission.sending import rows, sending


@pytest.mark.parametrize(("keepalive_s", "period_s"), [(0.3, 0.8), (0.8, 1.3), (0.05, 0.2)])
def test_server_closing_idle_connections_leaves_no_unknown_row(
    keepalive_s: float, period_s: float, tmp_path: Path
) -> None:
    """Each burst comes when those of the burst before are closed; every row becomes a ticket with one call."""

    async def whole() -> None:
        async with serve(quick(keepalive_s=keepalive_s)) as sandbox:
            some = rows(5)
            async with sending(tmp_path, sandbox, some, rate=Rate(2, period_s)) as run:
                assert await run.of(some) is None
                assert run.states() == ["created"] * 5
                assert {entry.attempts for entry in run.entries().values()} == {1}
            assert len(sandbox.calls) == len(sandbox.tickets) == 5

    asyncio.run(whole())


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
