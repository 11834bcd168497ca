"""The slots can't be booked any more while a row is at its gate: nothing went out, so nothing is unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from importer.errors import StoppedEarly
from importer.leadsquared.keeper import OwnPool
from importer.quota import Pool
from importer.sandbox import serve
from tests.leadsquared.peers import quick
from tests.ledger.making import ask
from tests.submission.sending import rows, sending

_Told = TypeVar("_Told")


class Lost(OwnPool):
    """A pool that is lost when a slot is booked and its row's intent is being written; the slot is late by then."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(lambda: loop.time() + self.ahead_s)
        self._loop = loop
        self.ahead_s = 0.0

    def change_now(self, change: Callable[[Pool, float], _Told]) -> tuple[Pool, _Told]:
        """See ``Keeper``."""
        if self.ahead_s:
            raise StoppedEarly("the slots can't be read")
        changed = super().change_now(change)
        if getattr(changed[1], "bookings", None):
            self._loop.call_later(0.002, self._lose)
        return changed

    def _lose(self) -> None:
        self.ahead_s = 60.0


def test_a_row_whose_slot_is_lost_after_its_intent_is_pending(tmp_path: Path) -> None:
    """Its intent is in the ledger and is taken back there, although the run ends in the same moment."""

    async def whole() -> None:
        some = rows(1)
        keeper = Lost(asyncio.get_running_loop())
        async with serve(quick()) as sandbox:
            async with sending(tmp_path, sandbox, some, keeper=keeper) as run:
                ending = await run.of(some)
                assert isinstance(ending, StoppedEarly)
                assert ending.message == "the slots can't be read"
            assert not sandbox.calls
        assert ask(tmp_path, "select outcome from attempts") == [("withdrawn",)]
        assert ask(tmp_path, "select state, attempts from tickets") == [("pending", 0)]

    asyncio.run(whole())
