"""Refusals that come at the same time as the first ticket: no row is left pending that the account has refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.leadsquared.peers import MADE, peer, read_request, reply, to
from tests.submission.sending import rows, sending


def test_refusal_next_to_the_first_ticket_fails_only_its_row(tmp_path: Path) -> None:
    """A row is refused while the first ticket of the run is written down: it has failed, as if it came later."""

    async def whole() -> None:
        both, made = asyncio.Event(), asyncio.Event()
        waiting = 0

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal waiting
            _, body = await read_request(reader)
            if b'"2"' in body:  # the account is there, so that the others go together
                writer.write(reply(b"", "400 Bad Request"))
                return
            waiting += 1
            if waiting == 2:
                both.set()
            await both.wait()
            if b'"3"' in body:
                await made.wait()
                await asyncio.sleep(0.002)  # less than a commit takes
                writer.write(reply(b"", "403 Forbidden"))
            else:
                writer.write(reply(MADE))
                made.set()

        some = rows(3)
        async with peer(handle) as url, sending(tmp_path, to(url), some) as run:
            assert await run.of(some) is None
            assert run.states() == ["failed", "failed", "created"]
            assert [entry.attempts for entry in run.entries().values()] == [1, 1, 1]
            assert sorted(key for key, _ in run.watcher.finished_rows) == ["2", "3", "4"]

    asyncio.run(whole())
