"""Reading ahead in a thread yields the same as reading, and leaves no thread running."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator

import pytest

from importer.manifest.prefetch import prefetch


class Stop(Exception):
    """The exception that a signal handler raises."""


@pytest.fixture
def interruptible() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Stop

    former = signal.signal(signal.SIGUSR1, stop)
    yield
    signal.signal(signal.SIGUSR1, former)


def counted(closed: list[int], most: int) -> Generator[int, None, None]:
    try:
        yield from range(1, most + 1)
    finally:
        closed.append(most)


def test_items_are_yielded_once_and_in_order():
    """The source is closed at the end."""
    closed: list[int] = []
    assert list(prefetch(counted(closed, 9))) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert closed == [9]


def test_closing_early_closes_the_source():
    closed: list[int] = []
    items = prefetch(counted(closed, 9))
    assert next(items) == 1
    items.close()
    assert closed == [9]


def test_error_is_raised_after_the_items_before_it():
    def failing() -> Generator[int, None, None]:
        yield 1
        raise OSError("gone")

    items = prefetch(failing())
    assert next(items) == 1
    with pytest.raises(OSError, match="gone"):
        next(items)


def test_signal_during_the_start_of_the_thread_ends_reading(interruptible: None):
    """Only the signal handler's exception is raised."""
    closed: list[int] = []

    def interrupting() -> Generator[int, None, None]:
        try:
            os.kill(os.getpid(), signal.SIGUSR1)  # the thread has just begun, and whoever started it may not know yet
            yield sum(range(2_000_000))  # long enough for the other thread to have its turn
            yield 0
        finally:
            closed.append(1)

    for number in range(1, 21):
        items = prefetch(interrupting())
        with pytest.raises(Stop):
            for _ in items:
                pass
        assert len(closed) == number
