"""``--max-failures``: when too many rows have failed. Pure."""

from __future__ import annotations

from importer.models import Status

_MIN_ROWS_FOR_PERCENT = 100


class FailureLimit:
    """The limit ``N`` (failures in a row) or ``N%`` (of the finished rows, once 100 are finished)."""

    def __init__(self, text: str) -> None:
        """Read ``25`` or ``10%``. Raises ValueError."""
        number = text.strip().removesuffix("%")
        self._is_percent = text.strip().endswith("%")
        if not number.isdecimal() or int(number) < 1 or (self._is_percent and int(number) > 100):  # noqa: PLR2004
            raise ValueError(f"{text!r} is not a number of failures; write 25 (in a row) or 10% (of all)")
        self._number = int(number)
        self._in_a_row = 0
        self._failed = 0
        self._finished = 0
        self._some_unknown = False

    def record(self, status: Status, *, counts_as_failure: bool = False) -> None:
        """Count a finished row. ``counts_as_failure``: although it is unknown."""
        failed = counts_as_failure or status is Status.FAILED
        self._finished += 1
        self._failed += failed
        self._in_a_row = self._in_a_row + 1 if failed else 0
        self._some_unknown |= counts_as_failure

    def reached(self) -> str:
        """Describe the failures if there are too many; empty if not."""
        or_refused = ", or were refused with an unclear answer" if self._some_unknown else ""
        if self._is_percent:
            enough = self._finished >= _MIN_ROWS_FOR_PERCENT
            if enough and self._failed * 100 > self._number * self._finished:
                return f"{self._failed} of {self._finished} rows failed{or_refused}, more than {self._number} %"
        elif self._in_a_row >= self._number:
            return (f"{self._in_a_row} rows in a row failed" if self._in_a_row > 1 else "a row failed") + or_refused
        return ""
