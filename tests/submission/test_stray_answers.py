"""A server that answers a request twice: each row keeps its own number, and none is created without a ticket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from importer.models import Rate
from importer.sandbox import serve
from tests.leadsquared.peers import quick
from tests.submission.sending import rows, sending

ROWS = 40


@pytest.mark.parametrize("delay_s", [0.0, 0.003, 0.02])
@pytest.mark.parametrize(
    ("rate", "concurrency"), [(Rate(25, 1), 20), (Rate(1000, 0.05), 4)], ids=["with a limit", "four at once"]
)
def test_second_answer_is_never_used_for_the_next_row(
    rate: Rate, concurrency: int, delay_s: float, tmp_path: Path
) -> None:
    """Whether it comes with the first, soon, or when other requests are on their way: all rows are created, and true."""

    async def whole() -> None:
        faults = [{"every": 1, "fault": "answered-twice", "delay_s": delay_s}]
        async with serve(quick(faults, latency_s=0.01)) as sandbox:
            some = rows(ROWS)
            async with sending(tmp_path, sandbox, some, rate=rate, concurrency=concurrency) as run:
                assert await run.of(some) is None
                entries = run.entries()
                assert run.states() == ["created"] * ROWS
            made = {ticket.value("Title"): ticket.number for ticket in sandbox.tickets}
            assert {key: entry.ids and entry.ids.number for key, entry in entries.items()} == made
            assert len(sandbox.tickets) == len(sandbox.calls) == ROWS

    asyncio.run(whole())
