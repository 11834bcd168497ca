"""Reading ahead: the next part of a file is made ready in a thread while the present one is worked on."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


class _End:
    """Stands behind the last item."""


_END = _End()


def prefetch(items: Generator[_Item, None, None]) -> Generator[_Item, None, None]:
    """Yield the items, of which the next one is made meanwhile; never more than one, so memory stays bounded.

    An error is raised when its item's turn comes. When the caller leaves early, ``items`` are closed.
    """
    # A signal that interrupts the start of the thread leaves it at work, and the executor doesn't know of it.
    at_work = threading.Lock()

    def make() -> _Item | _End:
        with at_work:
            return next(items, _END)

    try:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as thread:
            coming = thread.submit(make)
            while not isinstance(item := coming.result(), _End):
                coming = thread.submit(make)
                yield item
    finally:
        with at_work:
            items.close()
