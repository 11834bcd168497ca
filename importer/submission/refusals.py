"""Decide whether a refusal concerns the account or only its row. Pure.

A 403, a 404, a redirect, a web page and an error of the account's application can come from wrong settings, from a
network that requires a login, or from a firewall that blocks the text of one row. Before the first success of a run,
such an answer counts against the account.
"""

from __future__ import annotations

from collections import deque

from importer.errors import StoppedEarly
from importer.leadsquared.answers import Answer, Created, Refused
from importer.submission.operations import Doubt, Operation, Result
from importer.submission.retry import WaitForFirstSuccess, reason_of
from importer.submission.send_queue import QueuedRow

_MAX_REFUSED_IN_A_ROW = 3
_MAX_REPEATED_NUMBERS_IN_A_ROW = 3


class AccountRefusals:
    """Refusals of one run.

    ``account_known``: the ledger has a ticket of the account, so the settings were right.
    """

    def __init__(self, *, account_known: bool) -> None:
        self.succeeded = False  # a request of this run has succeeded
        self._limit = _MAX_REFUSED_IN_A_ROW if account_known else 1
        self._refused_in_a_row = 0
        self._repeated_numbers_in_a_row = 0
        self._waiting: deque[tuple[QueuedRow, WaitForFirstSuccess, Answer]] = deque()
        self._messages: list[str] = []
        self._ids_reported = False

    def doubt(self, operation: Operation, answer: Answer) -> Doubt | None:
        """Return the doubt about the account that an answer raises before the first success."""
        return None if self.succeeded else operation.meaning(answer).doubt

    def record(self, operation: Operation, answer: Answer) -> StoppedEarly | None:
        """Count an answer. Return the error that ends the run if there are too many refusals."""
        if isinstance(answer, Created) and answer.note and not self._ids_reported:
            self._ids_reported = True
            self._messages.append(f"{answer.note} (shown only for the first such ticket)")
        if isinstance(answer, Refused):
            self._refused_in_a_row = 0
        if (doubt := self.doubt(operation, answer)) is None:
            return None
        self._refused_in_a_row += 1
        if self._refused_in_a_row < self._limit:
            self._messages.append(f"{doubt.text}: {reason_of(answer)}; the next row is sent alone")
            return None
        times = f" {self._refused_in_a_row} times in a row" if self._refused_in_a_row > 1 else ""
        return StoppedEarly(f"{doubt.text}{times}: {reason_of(answer)}", hint=doubt.hint)

    def record_success(self) -> None:
        """Record a success; its ticket, if it made one, belongs only to its row."""
        self.succeeded = True
        self._repeated_numbers_in_a_row = 0

    def record_repeated_number(self, error: str) -> StoppedEarly | None:
        """Record an answer with another row's ticket.

        Return the error that ends the run if there are too many.
        """
        self._repeated_numbers_in_a_row += 1
        if self._repeated_numbers_in_a_row < _MAX_REPEATED_NUMBERS_IN_A_ROW:
            return None
        return StoppedEarly(
            f"{self._repeated_numbers_in_a_row} answers in a row named tickets of other rows: {error}",
            hint="a gateway, proxy or cache may answer instead of the account: find it and exempt the API's address "
            "from it; then check in the account which of the unknown rows are tickets",
        )

    def add_waiting(self, row: QueuedRow, step: WaitForFirstSuccess, answer: Answer) -> None:
        """Keep a refused row until the run's first success decides about it."""
        self._waiting.append((row, step, answer))

    def take_refused(self) -> tuple[QueuedRow, WaitForFirstSuccess, Answer] | None:
        """After the first success, take a waiting row that was certainly refused. Redirected rows stay pending."""
        while self.succeeded and self._waiting:
            row, step, answer = self._waiting.popleft()
            if row.operation.meaning(answer).result is Result.FAILED:
                return row, step, answer
        return None

    def take_messages(self) -> list[str]:
        """Return the messages for the user since the last time."""
        messages, self._messages = self._messages, []
        return messages
