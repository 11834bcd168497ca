"""The slots can't be booked any more while a row is at its gate: nothing went out, so nothing is unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from importer.errors import StoppedEarly
from importer.ledger.records import Outcome
from importer.models import Status
from importer.rate_limit import SlotPool
from importer.rate_limit.slot_storage import MemorySlots
from tests.ledger.ledgers import intent, query
from tests.submission.account import Account
from tests.submission.sending import row, rows, sending

_Told = TypeVar("_Told")


class Lost(MemorySlots):
    """A pool that is lost when a slot is booked and its row's intent is being written; the slot is late by then."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(lambda: loop.time() + self.ahead_s)
        self._loop = loop
        self.ahead_s = 0.0

    async def change(self, change: Callable[[SlotPool, float], _Told]) -> tuple[SlotPool, _Told]:
        """See ``SlotStorage``."""
        if self.ahead_s:
            raise StoppedEarly("the slots can't be read")
        changed = await super().change(change)
        if getattr(changed[1], "bookings", None):
            self._loop.call_later(0.002, self._lose)
        return changed

    def _lose(self) -> None:
        self.ahead_s = 60.0


def test_a_row_whose_slot_is_lost_after_its_intent_is_pending(tmp_path: Path) -> None:
    """Its intent is in the ledger and is taken back there, although the run ends in the same moment."""

    async def whole() -> None:
        some = rows(1)
        slots = Lost(asyncio.get_running_loop())
        sandbox = Account()
        async with sending(tmp_path, sandbox, some, slots=slots) as run:
            ending = await run.of(some)
            assert isinstance(ending, StoppedEarly)
            assert ending.message == "the slots can't be read"
        assert not sandbox.calls
        assert query(tmp_path, "select outcome from attempts") == [("withdrawn",)]
        assert query(tmp_path, "select state, attempts from tickets") == [("pending", 0)]

    asyncio.run(whole())


@pytest.mark.parametrize("state", [Status.FAILED, Status.UNKNOWN])
@pytest.mark.parametrize("fault", ["withdrawn", "401"])
def test_row_that_is_put_back_keeps_its_error(state: Status, fault: str, tmp_path: Path) -> None:
    """A failed or unknown row that is sent again for nothing is what it was before, with the code and the words of then."""
    some = [row(2, prior_status=state)]

    async def whole() -> None:
        slots = Lost(asyncio.get_running_loop()) if fault == "withdrawn" else None
        sandbox = Account([{"every": 1, "fault": "401"}])
        async with sending(tmp_path, sandbox, some, slots=slots) as run:
            before = Outcome(key="2", state=state.value, outcome="unclear", error_code="why", error="as it was")
            run.ledger.commit(run.run, [intent("2"), before])
            assert isinstance(await run.of(some), StoppedEarly)
        assert len(sandbox.calls) == (fault == "401")
        found = query(tmp_path, "select state, error_code, error, attempts from tickets")
        assert found == [(state.value, "why", "as it was", 1)]

    asyncio.run(whole())
