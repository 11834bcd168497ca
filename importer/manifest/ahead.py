"""Reading ahead: the next part of a file is made ready in a thread while the present one is worked on."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


def ahead(items: Generator[_Item, None, None]) -> Generator[_Item, None, None]:
    """Yield the items, of which the next one is made meanwhile; never more than one, so memory stays bounded.

    An error is raised when its item's turn comes. When the caller leaves early, ``items`` are closed.
    """
    with contextlib.closing(items), ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item
