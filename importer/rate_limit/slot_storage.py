"""Storage of the slot pool: in the ledger, shared with other runs, or in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from importer.rate_limit import SlotPool

_Result = TypeVar("_Result")


class SlotStorage(Protocol):
    """Storage of the slot pool of one account.

    ``returns_copies``: later changes of the pool don't change the pools that it returned.
    """

    returns_copies: bool = False

    @property
    def change_s(self) -> float:
        """How long a change takes now, in seconds."""
        return 0.0

    @property
    def clock_error_s(self) -> float:
        """By how much ``now`` may be wrong, in seconds: runs on other machines read the same clock."""
        return 0.0

    def now(self) -> float:
        """Return the time of the pool's clock, in seconds."""

    async def change(self, change: Callable[[SlotPool, float], _Result]) -> tuple[SlotPool, _Result]:
        """Call ``change`` with the pool and the time; return the pool and the result.

        Changes are made one at a time, in the order of the calls.
        """

    def change_later(self, change: Callable[[SlotPool, float], object]) -> None:
        """Make a change later, without a result.

        If it fails, the next ``change`` raises the error.
        """


class MemorySlots(SlotStorage):
    """A slot pool in memory. ``clock`` returns seconds, such as the event loop's clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pool = SlotPool()

    def now(self) -> float:
        """See ``SlotStorage``."""
        return self._clock()

    async def change(self, change: Callable[[SlotPool, float], _Result]) -> tuple[SlotPool, _Result]:
        """See ``SlotStorage``."""
        return self._pool, change(self._pool, self._clock())

    def change_later(self, change: Callable[[SlotPool, float], object]) -> None:
        """See ``SlotStorage``."""
        change(self._pool, self._clock())
