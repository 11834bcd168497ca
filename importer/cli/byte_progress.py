"""Shows the progress of `fetch` in files and bytes: a bar on a terminal, a log line every ten seconds elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from importer.cli.output import log
from importer.runtime.display_text import size_text
from importer.runtime.events import AddressFetched, BytesFetched, Event, FetchEnded, FetchStarted

_LINE_EVERY_S = 10.0


class ByteLines:
    """Listens to the events of `fetch`: a log line at most every ten seconds, and one for each error."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, is_silent: bool = False) -> None:
        self._clock = clock
        self._is_silent = is_silent
        self._addresses = self._done = self._failed = self._bytes = 0
        self._next_at = clock() + _LINE_EVERY_S

    def listen(self, event: Event) -> None:
        """Count files and bytes, and show them now and then."""
        match event:
            case FetchStarted(addresses):
                self._addresses = addresses
                self._start()
            case BytesFetched(size_bytes):
                self._bytes += size_bytes
                self._show(size_bytes)
            case AddressFetched(url, error):
                self._done += 1
                self._failed += bool(error)
                if error:
                    log.warning("%s: %s", url, error)
                self._show(0)
            case FetchEnded():
                self._end()

    @property
    def _text(self) -> str:
        failed = f", {self._failed:,} failed" if self._failed else ""
        return f"{self._done:,} of {self._addresses:,} files{failed}"

    def _start(self) -> None:
        """Begin to show."""

    def _show(self, _size_bytes: int) -> None:
        if not self._is_silent and self._clock() >= self._next_at:
            self._next_at = self._clock() + _LINE_EVERY_S
            log.info("%s, %s", self._text, size_text(self._bytes))

    def _end(self) -> None:
        """Show nothing any more."""


class ByteBar(ByteLines):
    """A tqdm bar of bytes on standard error, below the log lines. If the terminal is closed, `fetch` goes on."""

    _bar: tqdm[Any] | None = None
    _redirect: contextlib.AbstractContextManager[None] = contextlib.nullcontext()

    def _start(self) -> None:
        self._redirect = logging_redirect_tqdm(loggers=[log])
        self._redirect.__enter__()
        with contextlib.suppress(OSError):
            layout = "{n_fmt} in {elapsed}, {rate_fmt}{postfix}"
            self._bar = tqdm(unit="B", unit_scale=True, bar_format=layout, dynamic_ncols=True, mininterval=0.2)

    def _show(self, size_bytes: int) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.set_postfix_str(self._text, refresh=False)
                self._bar.update(size_bytes)

    def _end(self) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.close()
        self._redirect.__exit__(None, None, None)


def byte_progress(shows_bar: bool | None) -> ByteLines:  # noqa: FBT001 - as `questions.shows_bar` returns it
    """Return what shows the progress: a bar (``True``), log lines (``False``), or only errors (``None``)."""
    return ByteBar() if shows_bar else ByteLines(is_silent=shows_bar is None)
