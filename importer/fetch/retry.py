"""When a download is tried again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class RetryRules:
    """How often and after which time a download is tried again."""

    attempts: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0

    def wait_s(self, failures: int, retry_after_s: float | None) -> float:
        """Return how long to wait after so many failures; at least as long as the server wants, up to ten minutes."""
        own = min(self.longest_wait_s, self.first_wait_s * 2.0 ** (failures - 1))
        return own if retry_after_s is None else min(retry_after_s, _LONGEST_WAIT_S)


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header, which may be a date; ``None`` if it has no usable value."""
    if header is None:
        return None
    text = header.strip()
    if text.isdecimal() and text.isascii():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
