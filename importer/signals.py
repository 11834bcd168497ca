"""SIGINT and SIGTERM in each phase of a command: nothing that was sent may be left without a word."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from importer.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN = "the same command again goes on where it stopped"


@contextlib.contextmanager
def raising() -> Iterator[None]:
    """Before and after sending: a signal raises Interrupted in the main thread."""

    def handle(number: int, _frame: FrameType | None) -> None:
        raise interrupted(number)

    with _handling(handle):
        yield


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """While results are written: a first signal has no effect, a second one ends the process at once."""
    received: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            os._exit(128 + number)

    with _handling(handle):
        yield


@contextlib.contextmanager
def stopping(stop: Callable[[Interrupted, bool], None]) -> Iterator[None]:
    """While the event loop sends: ``stop`` is called with the reason, and with True from the second signal on."""
    loop = asyncio.get_running_loop()
    former = {number: signal.getsignal(number) for number in _SIGNALS}
    received: list[int] = []

    def handle(number: int) -> None:
        received.append(number)
        stop(interrupted(number), len(received) > 1)

    for number in _SIGNALS:
        loop.add_signal_handler(number, handle, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, former[number])


def interrupted(number: int) -> Interrupted:
    """The error for a signal."""
    return Interrupted(number, f"interrupted by {signal.Signals(number).name}", hint=_AGAIN)


@contextlib.contextmanager
def _handling(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    former = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
