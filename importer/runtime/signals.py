"""Handles SIGINT, SIGTERM and SIGHUP in each phase of a command, so that every sent row gets a state."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any, TypeVar

from importer.errors import Interrupted

_AGAIN = "run the same command again to go on"

Stop = Callable[[Interrupted, bool], None]
_Told = TypeVar("_Told")


@contextlib.contextmanager
def raising() -> Iterator[Raising]:
    """Raise Interrupted in the main thread at a signal. For the time before and after sending."""
    handler = Raising()
    with _handling(handler):
        yield handler


class Raising:
    """Raises at every signal, and remembers the first: Python drops exceptions that are raised in a finalizer."""

    defers = False

    def __init__(self) -> None:
        self.first: int | None = None
        self._is_held = False

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        self.first = self.first or number
        if not self._is_held:
            raise interrupted(number)

    def hold(self) -> None:
        """Raise nothing until `release`: what is being made could not be cleaned up yet."""
        self._is_held = True

    def release(self) -> None:
        """Raise for a signal that came since `hold`, and again at every signal."""
        self._is_held = False
        if self.first is not None:
            raise interrupted(self.first)


def raise_lost() -> None:
    """Raise Interrupted for a signal that nothing has raised yet.

    Python drops exceptions that are raised in a finalizer, and raises those of signals in the main thread only.
    """
    _raise_first([_of_thread.get(), *map(signal.getsignal, _signals())])


def _raise_first(handlers: Iterable[object]) -> None:
    for handler in handlers:
        if isinstance(handler, Raising | Interruptions) and not handler.defers and handler.first is not None:
            raise interrupted(handler.first)


class Interruptions:
    """Signals from the first request to the last row of the results: none is lost, and none truncates the results.

    While tickets are sent, ``stop`` is called on the event loop, with True from the second signal on. Otherwise a
    first signal waits for what follows, and a second one ends the process at once.
    """

    def __init__(self, *, may_exit: bool = True) -> None:
        self._may_exit = may_exit
        self._received: list[int] = []
        self.first: int | None = None  # the first signal of all
        self.defers = False  # sending has begun, so that no signal raises any more
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Stop = lambda _reason, _at_once: None

    @contextlib.contextmanager
    def stopping(self, stop: Stop) -> Iterator[None]:
        """Call a function at each signal while the event loop sends, also at one received just before."""
        self._loop, self._stop = asyncio.get_running_loop(), stop
        if self._received:
            stop(interrupted(self._received[0]), False)
        try:
            yield
        finally:
            self._loop = None
            self._received.clear()  # a second Ctrl-C must not truncate the results

    async def unless_stopped(self, work: Coroutine[Any, Any, _Told]) -> _Told:
        """Return the result of ``work``, which changes nothing. At a signal, drop it and raise Interrupted."""
        stopped: asyncio.Future[_Told] = asyncio.get_running_loop().create_future()

        def stop(reason: Interrupted, _at_once: bool) -> None:  # noqa: FBT001 - as it is called
            if not stopped.done():
                stopped.set_exception(reason)

        task = asyncio.create_task(work)
        try:
            with self.stopping(stop):
                await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
                return (task if task.done() else stopped).result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if stopped.done():
                stopped.exception()  # retrieved, so that the event loop does not report it

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        self._received.append(number)
        self.first = self.first or number
        again = len(self._received) > 1
        loop, stop = self._loop, self._stop  # several runs share a loop, which is in another thread
        if loop is not None:
            loop.call_soon_threadsafe(stop, interrupted(number), again)
        elif again and self._may_exit:
            os._exit(128 + number)


@contextlib.contextmanager
def recorded_signals() -> Iterator[list[int]]:
    """Only record the numbers of signals during the block."""
    received: list[int] = []
    with _handling(lambda number, _frame: received.append(number)):
        yield received


_of_thread: contextvars.ContextVar[Interruptions | None] = contextvars.ContextVar("interruptions", default=None)


class SeveralRuns:
    """Passes each signal on to several runs, which are in different threads. A signal ends all of them."""

    def __init__(self) -> None:
        self._runs: list[Interruptions] = []
        self._lock = threading.RLock()  # a second signal interrupts the handler of the first
        self.first: int | None = None

    @contextlib.contextmanager
    def handling(self) -> Iterator[None]:
        """Handle signals during the block, in the main thread."""
        with _handling(self._handle) as former:
            _raise_first(former)
            yield

    @contextlib.contextmanager
    def one_run(self) -> Iterator[Interruptions]:
        """Pass signals on to the run of this thread during the block, also one that came before."""
        received = Interruptions(may_exit=False)
        token = _of_thread.set(received)
        with self._lock:
            self._runs.append(received)
            if self.first is not None:
                received.handle(self.first, None)
        try:
            yield received
        finally:
            with self._lock:
                self._runs.remove(received)
            _of_thread.reset(token)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        with self._lock:
            self.first = self.first or number
            for run in self._runs:
                run.handle(number, None)


@contextlib.contextmanager
def interruptions() -> Iterator[Interruptions]:
    """Handle signals with one object during the block."""
    received = _of_thread.get() or Interruptions()
    with _handling(received.handle) as former:
        _raise_first(former)
        received.defers = True
        yield received


def outside_event_loop(work: Callable[[], _Told]) -> _Told:
    """Return the result of ``work``; call it in another thread if this one has a running event loop, as in Jupyter.

    An interruption of this thread, such as Jupyter's, is passed on as SIGINT.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    received = Interruptions(may_exit=False)
    context = contextvars.copy_context()
    context.run(_of_thread.set, received)
    with ThreadPoolExecutor(max_workers=1) as pool:
        result = pool.submit(context.run, work)
        while True:
            try:
                return result.result()
            except KeyboardInterrupt:
                received.handle(signal.SIGINT, None)


def interrupted(number: int) -> Interrupted:
    """Return the error for a signal."""
    return Interrupted(number, f"interrupted by {signal.Signals(number).name}", hint=_AGAIN)


def _signals() -> Iterator[signal.Signals]:
    yield signal.SIGINT
    yield signal.SIGTERM
    # SIGHUP: the terminal was closed, as when a connection breaks. Under `nohup` the run must go on.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        yield signal.SIGHUP


@contextlib.contextmanager
def _handling(handle: Callable[[int, FrameType | None], None]) -> Iterator[Iterable[object]]:
    """Handle signals with ``handle`` during the block; yield the handlers from before."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield ()
        return
    former = {number: signal.signal(number, handle) for number in _signals()}
    try:
        yield former.values()
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
