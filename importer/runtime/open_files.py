"""How many files and connections this process may have open."""

from __future__ import annotations

import contextlib
import sys

_MOST_WANTED = 16_384
_WINDOWS = 1_000


def most_open_files() -> int:
    """Return how many files the process may have open."""
    return _limits()[0]


def raise_open_files() -> int:
    """Raise the number of files that may be open as far as the system lets a user do, and return it."""
    now, most = _limits()
    wanted = min(most, _MOST_WANTED)
    if wanted > now:
        import resource  # noqa: PLC0415 - not on Windows

        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return _limits()[0]


def _limits() -> tuple[int, int]:
    if sys.platform == "win32":
        return _WINDOWS, _WINDOWS
    import resource  # noqa: PLC0415 - not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    return (_MOST_WANTED if soft == unlimited else soft, _MOST_WANTED if hard == unlimited else hard)
