"""Storage of the slot pool: in the ledger, shared with other runs, or in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from importer.errors import ImporterError, ProgramError, as_ending
from importer.rate_limit import SlotPool, SlotRequest

_Result = TypeVar("_Result")


def storage_error(error: Exception) -> ImporterError:
    """Return the error that ends a run whose slots can't be changed."""
    if isinstance(error, ImporterError):
        ending = as_ending(error)
    else:
        ending = ProgramError(f"unexpected error ({type(error).__name__}) in the rate limit: {error}")
    if ending is not error:
        ending.__cause__ = error
    return ending


class SlotStorage(Protocol):
    """Storage of the slot pool of one account.

    ``returns_copies``: later changes of the pool don't change the pools that it returned.
    """

    returns_copies: bool = False

    def join(self, request: SlotRequest, notify: Callable[[], None], unbooked: Callable[[], int]) -> None:  # noqa: ARG002 - for storages that need it
        """Say what the run asks, before its first change.

        ``notify`` is called when a slot may be free earlier. ``unbooked`` returns how many calls are about to book.
        """
        return

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
