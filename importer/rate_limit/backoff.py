"""How long to wait before a call is made again. Pure."""

from __future__ import annotations

BACKOFF_BASE_S = 1.0
BACKOFF_LIMIT_S = 60.0


def backoff_s(attempt: int, chance: float) -> float:
    """Exponential with full jitter: up to 1 s after the first try, 2 s after the second, never over a minute."""
    return chance * min(BACKOFF_LIMIT_S, BACKOFF_BASE_S * 2.0 ** min(attempt - 1, 30))
