"""Runs coroutines for code that blocks, on a new event loop or on one that several runs share."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_shared: contextvars.ContextVar[asyncio.AbstractEventLoop | None] = contextvars.ContextVar("event_loop", default=None)


def run_coroutine(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine to its end: on the event loop that several runs share, or else on a new one."""
    loop = _shared.get()
    if loop is None:
        return asyncio.run(work)
    return asyncio.run_coroutine_threadsafe(work, loop).result()


@contextlib.contextmanager
def shared_event_loop() -> Iterator[None]:
    """Start a thread with an event loop, which `run_coroutine` uses in this context and in copies of it."""
    ended: asyncio.Future[None]
    loop: asyncio.AbstractEventLoop
    started = threading.Event()

    async def wait() -> None:
        nonlocal ended, loop
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        started.set()
        await ended

    thread = threading.Thread(target=lambda: asyncio.run(wait()), name="event loop", daemon=True)
    thread.start()
    started.wait()
    token = _shared.set(loop)
    try:
        yield
    finally:
        _shared.reset(token)
        loop.call_soon_threadsafe(ended.set_result, None)
        thread.join()
