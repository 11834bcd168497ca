"""How many rows may be in flight: enough for slow calls, and not more than this process has files for. Pure."""

from __future__ import annotations

import math

from importer.errors import StoppedEarly
from importer.leadsquared.answers import NotSent
from importer.models import Rate

_CALLS_REMEMBERED = 200
# Rows in flight, as a multiple of the calls that the limit allows while one call takes place.
_IN_FLIGHT_FACTOR = 2


class Concurrency:
    """The most rows in flight.

    It grows with the duration of calls, and falls when this process runs out of files.
    """

    def __init__(self, *, most: int, initial: int) -> None:
        self.most = most
        self._initial = initial
        self._call_s = 0.0  # about the longest recent call
        self._message = ""

    def limit(self, rate: Rate, *, account_confirmed: bool) -> int:
        """Return how many rows may be in flight now."""
        if not account_confirmed:  # all but one wait at their gates
            return min(self.most, rate.calls, self._initial)
        needed = math.ceil(_IN_FLIGHT_FACTOR * self._call_s * rate.calls / rate.period_s)
        return min(self.most, max(self._initial, needed))

    def record_call(self, took_s: float) -> None:
        """Take the duration of an answered call into account."""
        self._call_s = max(took_s, self._call_s + (took_s - self._call_s) / _CALLS_REMEMBERED)

    def lower(self, answer: NotSent, others: int) -> StoppedEarly | None:
        """Lower the limit, as a row could open no file while ``others`` were in flight.

        Return the error that ends the run if there were no others.
        """
        if not others:
            return StoppedEarly(
                f"this process can't open enough files to send a single row: {answer.reason}",
                hint="raise its limit, for example with `ulimit -n 1024`, then run the same command again",
            )
        # A quarter of the files is for the rest of the program.
        fewer = min(self.most, max(1, others * 3 // 4))
        self._message = (
            f"this process can't open as many files as it needs (`ulimit -n`): at most {fewer} rows are sent at once"
            if fewer < self.most
            else ""
        )
        self.most = fewer
        return None

    def take_message(self) -> str:
        """Return the message about a lower limit, once."""
        message, self._message = self._message, ""
        return message
