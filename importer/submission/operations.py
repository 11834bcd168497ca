"""The operations that rows ask for: what each answer means for a row, and what may be repeated. Pure.

README.md of this folder, "Answers", describes the table of ``CREATE`` to users. The other modules of this folder know
no operation: they take what to do from the operation of the row.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from importer.error_codes import ERROR_CODES
from importer.leadsquared.answers import (
    Answer,
    AnswerReader,
    Created,
    KeysRefused,
    NotSendable,
    NotSent,
    Refused,
    Throttled,
    Unclear,
    WrongUrl,
    read_answer,
)
from importer.ledger import records


class Kind(enum.Enum):
    """The kinds of answers that an operation distinguishes."""

    SUCCESS = enum.auto()
    REFUSED = enum.auto()
    KEYS_REFUSED = enum.auto()  # 401
    FORBIDDEN = enum.auto()  # 403
    NOT_FOUND = enum.auto()  # 404
    REDIRECT = enum.auto()  # 3xx
    THROTTLED = enum.auto()  # 429
    NOT_SENT = enum.auto()
    NOT_SENDABLE = enum.auto()
    APPLICATION_ERROR = enum.auto()  # of the account's application, whose types begin with MX
    WEB_PAGE = enum.auto()
    UNCLEAR = enum.auto()  # any other answer, or none


_KINDS: Mapping[type[Answer], Kind] = {
    Created: Kind.SUCCESS,
    Refused: Kind.REFUSED,
    KeysRefused: Kind.FORBIDDEN,
    WrongUrl: Kind.REDIRECT,
    Throttled: Kind.THROTTLED,
    NotSent: Kind.NOT_SENT,
    NotSendable: Kind.NOT_SENDABLE,
    Unclear: Kind.UNCLEAR,
}


def kind_of(answer: Answer) -> Kind:
    """Return the kind of an answer."""
    match answer:
        case KeysRefused(_, HTTPStatus.UNAUTHORIZED):
            return Kind.KEYS_REFUSED
        case WrongUrl(_, HTTPStatus.NOT_FOUND):
            return Kind.NOT_FOUND
        case Unclear(web_page=True):
            return Kind.WEB_PAGE
        case Unclear() if answer.exception_type:
            return Kind.APPLICATION_ERROR
        case Unclear(http_status=int(status)) if 300 <= status < 400:  # noqa: PLR2004 - the class of redirects
            return Kind.REDIRECT
        case _:
            return _KINDS[type(answer)]


class Result(enum.Enum):
    """What follows for the row."""

    SUCCESS = enum.auto()
    FAILED = enum.auto()
    UNKNOWN = enum.auto()  # the request may have changed the account
    REPEAT = enum.auto()  # it certainly changed nothing, and is sent again
    STOP = enum.auto()  # the run stops; the row stays pending


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """What may be wrong for the whole account. An answer raises the doubt only before the run's first success.

    With a ``code``, the row is pending with this code until the first success decides about it.
    """

    text: str
    hint: str
    code: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """What an answer means. ``code``: of the error; empty: the answer has its own."""

    result: Result
    code: str = ""
    doubt: Doubt | None = None
    counts_as_failure: bool = False  # for --max-failures, although the row is unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """What a row asks the account to do."""

    name: str  # in the ledger
    answers: Mapping[Kind, Meaning]
    repeatable: bool  # sent again although its outcome is unknown
    makes_ticket: bool  # a success leaves IDs, which no other row may have
    read_answer: AnswerReader = read_answer

    def meaning(self, answer: Answer) -> Meaning:
        """Return what an answer means."""
        return self.answers[kind_of(answer)]


_WRONG_KEYS = Doubt(text="the account refuses the keys", hint=ERROR_CODES["keys-refused"].advice, code="keys-refused")
_WRONG_URL = Doubt(text="the account's API is not at this URL", hint=ERROR_CODES["wrong-url"].advice, code="wrong-url")
_NOT_THE_API = Doubt(
    text="a web page came instead of the API's answer",
    hint="log in to the network, wait for the end of the maintenance, or check the proxy and LSQ_HOST; then check in "
    "the account whether the unknown rows are tickets, and run again",
)
_BROKEN = Doubt(text="the account's application answered with an error", hint=ERROR_CODES["application-error"].advice)

CREATE = Operation(
    name=records.CREATE,
    repeatable=False,
    makes_ticket=True,
    answers={
        Kind.SUCCESS: Meaning(result=Result.SUCCESS),
        Kind.REFUSED: Meaning(result=Result.FAILED, code="refused"),
        Kind.KEYS_REFUSED: Meaning(result=Result.STOP, code="keys-refused"),
        Kind.FORBIDDEN: Meaning(result=Result.FAILED, code="refused", doubt=_WRONG_KEYS),
        Kind.NOT_FOUND: Meaning(result=Result.FAILED, code="refused", doubt=_WRONG_URL),
        Kind.REDIRECT: Meaning(result=Result.UNKNOWN, code="unclear-answer", doubt=_WRONG_URL, counts_as_failure=True),
        Kind.THROTTLED: Meaning(result=Result.REPEAT, code="limit-exceeded"),
        Kind.NOT_SENT: Meaning(result=Result.REPEAT, code="not-connected"),
        Kind.NOT_SENDABLE: Meaning(result=Result.FAILED),
        Kind.APPLICATION_ERROR: Meaning(result=Result.UNKNOWN, doubt=_BROKEN, counts_as_failure=True),
        Kind.WEB_PAGE: Meaning(result=Result.UNKNOWN, doubt=_NOT_THE_API, counts_as_failure=True),
        Kind.UNCLEAR: Meaning(result=Result.UNKNOWN),
    },
)
