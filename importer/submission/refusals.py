"""Decide whether a refusal concerns the account or only its row. Pure.

A 403, a 404, a redirect, a web page and an error of the account's application can come from wrong settings, from a
network that requires a login, or from a firewall that blocks the text of one row. Before the first ticket of a run,
such an answer counts against the account.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from importer.error_codes import ERROR_CODES
from importer.errors import StoppedEarly
from importer.leadsquared.answers import Answer, Created, KeysRefused, Refused, Unclear, WrongUrl
from importer.submission.retry import WaitForFirstTicket
from importer.submission.send_queue import QueuedRow

_MAX_REFUSED_IN_A_ROW = 3
_MAX_REPEATED_NUMBERS_IN_A_ROW = 3


class AccountRefusals:
    """Refusals of one run.

    ``account_known``: the ledger has a ticket of the account, so the settings were right.
    """

    def __init__(self, *, account_known: bool) -> None:
        self.succeeded = False  # this run has created a ticket
        self._limit = _MAX_REFUSED_IN_A_ROW if account_known else 1
        self._refused_in_a_row = 0
        self._repeated_numbers_in_a_row = 0
        self._waiting: list[tuple[QueuedRow, WaitForFirstTicket, Answer]] = []
        self._messages: list[str] = []
        self._ids_reported = False

    def casts_doubt(self, answer: Answer) -> bool:
        """Return whether an answer casts doubt on the account's settings."""
        return not self.succeeded and _account_problem(answer) is not None

    def record(self, answer: Answer) -> StoppedEarly | None:
        """Count an answer. Return the error that ends the run if there are too many refusals."""
        if isinstance(answer, Created) and answer.note and not self._ids_reported:
            self._ids_reported = True
            self._messages.append(f"{answer.note} (shown only for the first such ticket)")
        if isinstance(answer, Refused):
            self._refused_in_a_row = 0
        problem = _account_problem(answer)
        if self.succeeded or problem is None:
            return None
        self._refused_in_a_row += 1
        code, text = problem
        if self._refused_in_a_row < self._limit:
            self._messages.append(f"{text}: {_reason(answer)}; the next row is sent alone")
            return None
        times = f" {self._refused_in_a_row} times in a row" if self._refused_in_a_row > 1 else ""
        return StoppedEarly(f"{text}{times}: {_reason(answer)}", hint=_hint(code))

    def record_ticket(self) -> None:
        """Record a ticket that belongs only to its row."""
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

    def add_waiting(self, row: QueuedRow, step: WaitForFirstTicket, answer: Answer) -> None:
        """Keep a refused row until the run's first ticket decides about it."""
        self._waiting.append((row, step, answer))

    def take_refused(self) -> Iterator[tuple[QueuedRow, WaitForFirstTicket, Answer]]:
        """Yield the waiting rows that were certainly refused. Redirected rows stay pending."""
        waiting, self._waiting = self._waiting, []
        for row, step, answer in waiting:
            if isinstance(answer, KeysRefused) or _is_not_found(answer):
                yield row, step, answer

    def take_messages(self) -> list[str]:
        """Return the messages for the user since the last time."""
        messages, self._messages = self._messages, []
        return messages


def _is_not_found(answer: Answer) -> bool:
    return isinstance(answer, WrongUrl) and answer.http_status == HTTPStatus.NOT_FOUND


def _account_problem(answer: Answer) -> tuple[str, str] | None:
    """Return code and text of a problem that may concern the whole account; ``None`` for other answers."""
    match answer:
        case KeysRefused(_, HTTPStatus.UNAUTHORIZED):
            return None  # ends any run immediately
        case KeysRefused():
            return "keys-refused", "the account refuses the keys"
        case WrongUrl():
            return "wrong-url", "the account's API is not at this URL"
        case Unclear(web_page=True):
            return "web-page", "a web page came instead of the API's answer"
        case Unclear(exception_type=str(exception_type)) if exception_type:
            return "application-error", "the account's application answered with an error"
        case _:
            return None


def _reason(answer: Answer) -> str:
    return getattr(answer, "reason", "")


def _hint(code: str) -> str:
    if code == "web-page":
        return (
            "log in to the network, wait for the end of the maintenance, or check the proxy and LSQ_HOST; then check "
            "in the account whether the unknown rows are tickets, and run again"
        )
    return ERROR_CODES[code].advice
