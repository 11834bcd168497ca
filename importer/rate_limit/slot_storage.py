"""Who keeps the pool of an account's slots, as the limiter sees it: one that is shared, or one of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from importer.rate_limit import SlotPool

_Told = TypeVar("_Told")


class SlotStorage(Protocol):
    """Keeps the pool of one account.

    ``returns_copies``: the pools that it gives are copies, which later changes of the pool don't reach.
    """

    returns_copies: bool = False

    def now(self) -> float:
        """The pool's clock, in seconds."""

    async def change(self, change: Callable[[SlotPool, float], _Told]) -> tuple[SlotPool, _Told]:
        """Let ``change`` have the pool and the time, alone; give the pool as it is then, and what was answered.

        Changes are made in the order in which they are asked for.
        """

    def change_now(self, change: Callable[[SlotPool, float], _Told]) -> tuple[SlotPool, _Told] | None:  # noqa: ARG002
        """Make the same change at once, where that takes no waiting; ``None``: it was not made, and has to wait."""
        return None

    def change_later(self, change: Callable[[SlotPool, float], object]) -> None:
        """Make a change that nobody waits for. If it can't be made, the next one that is waited for says why."""


class MemorySlots(SlotStorage):
    """The keeper of a pool that nobody shares. ``clock``: seconds, such as the event loop's."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pool = SlotPool()

    def now(self) -> float:
        """See ``SlotStorage``."""
        return self._clock()

    async def change(self, change: Callable[[SlotPool, float], _Told]) -> tuple[SlotPool, _Told]:
        """See ``SlotStorage``."""
        return self.change_now(change)

    def change_now(self, change: Callable[[SlotPool, float], _Told]) -> tuple[SlotPool, _Told]:
        """See ``SlotStorage``."""
        return self._pool, change(self._pool, self._clock())

    def change_later(self, change: Callable[[SlotPool, float], object]) -> None:
        """See ``SlotStorage``."""
        change(self._pool, self._clock())
