"""Whether a refusal speaks of the account or of its row: before the first ticket of a run, of the account. Pure.

A 403, a 404, a redirect, a web page and an error of the account's application can come from wrong settings, from a
network that asks for a login, or from a firewall that dislikes the text of one row.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from importer.error_codes import ERROR_CODES
from importer.errors import StoppedEarly
from importer.leadsquared.answers import Answer, Created, KeysRefused, Refused, Unclear, WrongUrl
from importer.submission.retry import WaitForFirstTicket
from importer.submission.send_queue import QueuedRow

_IN_A_ROW = 3
_TWICE_IN_A_ROW = 3


class AccountRefusals:
    """Counts them in one run. ``account_known``: the ledger has a ticket of the account, so the settings were right."""

    def __init__(self, *, account_known: bool) -> None:
        self.succeeded = False  # this run has made a ticket
        self._limit = _IN_A_ROW if account_known else 1
        self._in_a_row = 0
        self._twice_in_a_row = 0
        self._held: list[tuple[QueuedRow, WaitForFirstTicket, Answer]] = []
        self._news: list[str] = []
        self._odd_ids = False

    def doubted_by(self, answer: Answer) -> bool:
        """Say whether an answer makes it doubtful that the account can be reached."""
        return not self.succeeded and _what(answer) is not None

    def note(self, answer: Answer) -> StoppedEarly | None:
        """Count an answer; say why the run ends, if it does."""
        if isinstance(answer, Created) and answer.note and not self._odd_ids:
            self._odd_ids = True
            self._news.append(f"{answer.note}; this is not repeated for later tickets")
        if isinstance(answer, Refused):
            self._in_a_row = 0
        told = _what(answer)
        if self.succeeded or told is None:
            return None
        self._in_a_row += 1
        code, what = told
        if self._in_a_row < self._limit:
            self._news.append(f"{what}: {_reason(answer)}; the next row is tried alone")
            return None
        times = f" {self._in_a_row} times in a row" if self._in_a_row > 1 else ""
        return StoppedEarly(f"{what}{times}: {_reason(answer)}", hint=_hint(code))

    def made(self) -> None:
        """Take note of a ticket that is this row's alone."""
        self.succeeded = True
        self._twice_in_a_row = 0

    def number_twice(self, error: str) -> StoppedEarly | None:
        """Take note of a ticket that another row has; say why the run ends, if it does."""
        self._twice_in_a_row += 1
        if self._twice_in_a_row < _TWICE_IN_A_ROW:
            return None
        return StoppedEarly(
            f"{self._twice_in_a_row} answers in a row named tickets that other rows have: {error}",
            hint="a gateway, proxy or cache between here and the account may be answering in its place: find it and "
            "exempt the API's address from it; then look in the account which of the unknown rows are tickets",
        )

    def hold(self, row: QueuedRow, verdict: WaitForFirstTicket, answer: Answer) -> None:
        """Keep a row whose refusal may speak of the account."""
        self._held.append((row, verdict, answer))

    def released(self) -> Iterator[tuple[QueuedRow, WaitForFirstTicket, Answer]]:
        """Give the rows that were surely refused themselves; a row that was redirected stays pending."""
        kept, self._held = self._held, []
        for row, verdict, answer in kept:
            if isinstance(answer, KeysRefused) or _is_missing(answer):
                yield row, verdict, answer

    def news(self) -> list[str]:
        """Give what a person would want to know since the last time."""
        news, self._news = self._news, []
        return news


def _is_missing(answer: Answer) -> bool:
    return isinstance(answer, WrongUrl) and answer.http_status == HTTPStatus.NOT_FOUND


def _what(answer: Answer) -> tuple[str, str] | None:
    """Give the code and the words for an answer that may speak of the account; nothing for any other."""
    match answer:
        case KeysRefused(_, HTTPStatus.UNAUTHORIZED):
            return None  # ends any run by itself
        case KeysRefused():
            return "keys-refused", "the account refuses the keys"
        case WrongUrl():
            return "wrong-url", "the URL is not that of the account's API"
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
            "log in to the network, wait for the end of the maintenance, or check the proxy and LSQ_HOST; then look in "
            "the account whether the unknown rows are tickets, and run again"
        )
    return ERROR_CODES[code].advice
