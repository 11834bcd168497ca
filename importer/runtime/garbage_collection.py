"""Pauses the garbage collector during bulk work."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


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
    """Exclude all present objects from collections while rows are sent, which may take days."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
