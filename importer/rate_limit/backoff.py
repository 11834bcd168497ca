"""Wait before a call is repeated. Pure."""

from __future__ import annotations

BACKOFF_BASE_S = 1.0
BACKOFF_LIMIT_S = 60.0


def backoff_s(attempt: int, jitter: float) -> float:
    """Return the wait in seconds: up to 1 s after the first try, 2 s after the second, at most a minute.

    ``jitter`` is uniform in [0, 1).
    """
    return jitter * min(BACKOFF_LIMIT_S, BACKOFF_BASE_S * 2.0 ** min(attempt - 1, 30))
