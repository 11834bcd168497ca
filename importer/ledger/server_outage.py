"""How long to wait for a database server that is away: restarted, unreachable, or failing over."""

from __future__ import annotations

import logging
import math
import threading
import weakref

from importer.ledger.database import boot_clock_s
from importer.ledger.records import utc_before
from importer.runtime.display_text import duration
from importer.runtime.signals import raise_lost

log = logging.getLogger("importer")
_BETWEEN_TRIES_S = 0.5
USUAL_PATIENCE_S = 30.0
_active: weakref.WeakSet[ServerOutage] = weakref.WeakSet()  # outages that several runs wait for


class ServerOutage:
    """The waits of one open ledger. ``patience_s``: how long one outage may last."""

    def __init__(self, patience_s: float = USUAL_PATIENCE_S) -> None:
        self.patience_s = patience_s
        self._since: float | None = None
        self._end_at: float | None = None  # the run was asked to stop
        self._hurried = threading.Event()
        self.is_given_up = False  # the run was asked to stop, and the server did not answer until its end

    @property
    def is_active(self) -> bool:
        """Whether the server does not answer now."""
        return self._since is not None

    def hurry(self, seconds: float) -> None:
        """Wait at most so long from now on: the run was asked to stop."""
        at = boot_clock_s() + seconds
        self._end_at = at if self._end_at is None else min(self._end_at, at)
        self._hurried.set()

    def wait(self, why: str, at_most_s: float = math.inf) -> bool:
        """Wait before another try; return whether there may be one. ``at_most_s``: how long this outage may last."""
        patience_s = min(self.patience_s, at_most_s)
        raise_lost()  # in a thread, a signal raises nothing by itself
        now = boot_clock_s()
        if self._since is None:
            self._since = now
            if not _active:  # else another run has said so
                log.warning(
                    "the ledger's server does not answer (%s); waiting up to %s for it, until %s",
                    why,
                    duration(patience_s),
                    utc_before(-patience_s),
                )
            _active.add(self)
        self.is_given_up = self.is_given_up or (self._end_at is not None and now > self._end_at)
        if now - self._since > patience_s or self.is_given_up:
            _active.discard(self)
            return False
        if self._hurried.wait(_BETWEEN_TRIES_S):
            threading.Event().wait(_BETWEEN_TRIES_S / 10)
        return True

    def ended(self) -> None:
        """Record that the server answers."""
        if self._since is not None:
            _active.discard(self)
            if not _active:
                log.warning("the ledger's server answers again after %.0f s", boot_clock_s() - self._since)
            self._since = None
