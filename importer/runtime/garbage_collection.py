"""When Python looks for garbage: not where much is made that stays, or that goes by itself."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """While programs and workbooks are loaded, and rows are checked: nothing of it needs a collector to go.

    To look through all of it again and again is a tenth of the time that a check takes. What goes into a ledger does
    leave garbage.
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
    """While rows are sent, for days perhaps: what is there by now stays, and is not looked through any more."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
