"""Read the rows to send while others are sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self

from importer.submission.in_flight import Ending
from importer.submission.send_queue import QueuedRow

_MOST_READ_AHEAD = 100


class RowInput:
    """The rows to send. Use as ``async with RowInput(rows, ending, on_unsendable)``, which reads them ahead."""

    def __init__(
        self, rows: AsyncIterator[QueuedRow], ending: Ending, on_unsendable: Callable[[QueuedRow], Awaitable[None]]
    ) -> None:
        self._rows = rows
        self._ending = ending
        self._on_unsendable = on_unsendable
        self._read_ahead: asyncio.Queue[QueuedRow] = asyncio.Queue(maxsize=_MOST_READ_AHEAD)
        self._all_read = False

    async def __aenter__(self) -> Self:
        self._reader = asyncio.create_task(self._read())
        self._reader.add_done_callback(self._read_ended)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    @property
    def is_done(self) -> bool:
        """Whether all rows were taken."""
        return self._all_read and self._read_ahead.empty()

    def take(self) -> QueuedRow | None:
        """Take the next row, if one was read."""
        with contextlib.suppress(asyncio.QueueEmpty):
            return self._read_ahead.get_nowait()
        return None

    async def _read(self) -> None:
        async for row in self._rows:
            if row.unsendable_reason:
                await self._on_unsendable(row)
                continue
            await self._read_ahead.put(row)
            self._ending.changed.set()

    def _read_ended(self, reader: asyncio.Task[None]) -> None:
        self._all_read = True
        self._ending.changed.set()
        if not reader.cancelled() and (error := reader.exception()) is not None:
            self._ending.end(error)
