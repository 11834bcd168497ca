"""Pauses the garbage collector during bulk work."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator

_blocks: list[None] = []  # of `frozen`, which several runs may have entered
_blocks_lock = threading.Lock()


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Pause the garbage collector while modules and workbooks are loaded and rows are checked.

    These leave no cyclic garbage, and collecting takes a tenth of the time of a check. Writing to a ledger does leave
    garbage.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextlib.contextmanager
def frozen() -> Iterator[None]:
    """Exclude all present objects from collections while rows are sent, which may take days.

    Within such a block, another one changes nothing.
    """
    with _blocks_lock:
        _blocks.append(None)
        if len(_blocks) == 1:
            gc.freeze()
    try:
        yield
    finally:
        with _blocks_lock:
            _blocks.pop()
            if not _blocks:
                gc.unfreeze()
