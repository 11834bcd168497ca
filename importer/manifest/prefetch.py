"""Reads ahead: a thread makes the next item while the caller works on the current one."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


class _End:
    """Marks the end of the items."""


_END = _End()


def prefetch(items: Generator[_Item, None, None]) -> Generator[_Item, None, None]:
    """Yield the items, and make the next one in a thread meanwhile.

    Only one item is made ahead, to bound the memory. An error is raised in its item's turn. When the caller leaves
    early, ``items`` are closed.
    """
    # A signal that interrupts the thread's start leaves it running, and the executor does not know about it.
    is_running = threading.Lock()

    def make() -> _Item | _End:
        with is_running:
            return next(items, _END)

    try:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as thread:
            next_item = thread.submit(make)
            while not isinstance(item := next_item.result(), _End):
                next_item = thread.submit(make)
                yield item
    finally:
        with is_running:
            items.close()
