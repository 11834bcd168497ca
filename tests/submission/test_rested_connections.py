"""Connections that rested: servers close them after a time of their own, and a request that meets that is `unknown`."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from importer.leadsquared.wire import Created, NotSent
from importer.models import Rate
from importer.sandbox import CallRecord, serve
from tests.leadsquared.peers import ClosedGate, OpenGate, at, client, quick, ticket
from tests.submission.sending import rows, sending

# However long its server would keep it: after an answer, and then waiting for its slot.
MOST_REST_S = 0.5 + 1.25


@pytest.mark.parametrize(("keepalive_s", "period_s"), [(0.3, 0.8), (0.8, 1.3), (0.05, 0.2)])
def test_a_server_that_closes_idle_connections_makes_nothing_unknown(
    keepalive_s: float, period_s: float, tmp_path: Path
) -> None:
    """Each burst comes when those of the burst before are closed; every row is a ticket, by one call of its own."""

    async def whole() -> None:
        async with serve(quick(keepalive_s=keepalive_s)) as sandbox:
            some = rows(5)
            async with sending(tmp_path, sandbox, some, rate=Rate(2, period_s)) as run:
                assert await run.of(some) is None
                assert run.states() == ["created"] * 5
                assert {entry.attempts for entry in run.entries().values()} == {1}
            assert len(sandbox.calls) == len(sandbox.tickets) == 5

    asyncio.run(whole())


def after_a_rest(calls: tuple[CallRecord, ...]) -> list[CallRecord]:
    """The calls that came when there had been none for longer than a connection may rest."""
    return [
        call
        for before, call in itertools.pairwise(calls)
        if before.received_s is not None and call.arrived_s - before.received_s > MOST_REST_S + 0.05
    ]


@pytest.mark.parametrize(
    ("rate", "faults"),
    [(Rate(1, 2.0), []), (Rate(1_000, 1.0), [{"calls": [4], "fault": "429", "retry_after": 2}])],
    ids=["a long period", "a pause"],
)
def test_a_connection_that_rested_too_long_is_not_used(rate: Rate, faults: list[object], tmp_path: Path) -> None:
    """Also where the server has not closed it yet: it may be about to, and that is not seen from here in time."""

    async def whole() -> tuple[CallRecord, ...]:
        async with serve(quick(faults)) as sandbox:
            some = rows(8 if faults else 3)
            async with sending(tmp_path, sandbox, some, rate=rate, concurrency=2) as run:
                assert await run.of(some) is None
                assert run.states() == ["created"] * len(some)
            return sandbox.calls

    rested = after_a_rest(asyncio.run(whole()))
    assert rested
    assert not [call for call in rested if call.reused]


def test_a_used_connection_that_waited_long_for_its_slot_is_given_up_unsent() -> None:
    """It may be just closing; its request goes again at once, by another, and nothing was sent. A new one waits longer."""

    async def whole() -> None:
        async with serve(quick()) as sandbox, client(at(sandbox)) as session:
            for used in (False, True):
                gate = ClosedGate()
                sending = asyncio.create_task(session.create_ticket(ticket(), gate))
                await gate.reached.wait()
                await asyncio.sleep(1.3)
                gate.opened.set()
                answer = await sending
                if used:
                    assert isinstance(answer, NotSent)
                    assert answer.stale
                else:
                    assert isinstance(answer, Created)
            assert isinstance(await session.create_ticket(ticket(), OpenGate()), Created)
            assert [call.reused for call in sandbox.calls] == [False, False]

    asyncio.run(whole())
