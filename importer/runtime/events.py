"""What happens in a command, as values. A workflow emits them, and listeners make screen, log, JSON and files of them.

A plan and a summary are events, too; `reports/summary.py` defines them. An event is made only if something happened,
and problems come in batches: a manifest may have a million of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from importer.models import Problem, Rate, Status, TicketIds


class Event:
    """Base of all events."""


class Checked(Event):
    """Base of the events that tell what a check of all rows found."""

    warnings: Sequence[str]


Emit = Callable[[Event], None]


def to_all(*listeners: Emit) -> Emit:
    """Return a function that gives each event to each listener, in this order."""

    def emit(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return emit


@dataclass(frozen=True)
class Warned(Event):
    """A warning for the user."""

    text: str


@dataclass(frozen=True)
class Noted(Event):
    """A note for the log. ``is_detail``: only users who ask for details see it."""

    text: str
    is_detail: bool = False


@dataclass(frozen=True)
class RunStarted(Event):
    """A run has begun in the ledger, with this name."""

    run: str
    account: str


@dataclass(frozen=True)
class RowsChecked(Event):
    """So many more rows are checked."""

    rows: int


@dataclass(frozen=True, kw_only=True)
class ProblemsFound(Event):
    """The problems of up to 2,000 rows, in the manifest's order.

    ``rows``: their numbers. ``cells`` reads their cells, in ``columns``; a row may have too many or too few.
    """

    rows: Sequence[int]
    problems: Sequence[Problem]
    columns: Sequence[str]
    cells: Callable[[], Sequence[Sequence[str]]]


@dataclass(frozen=True)
class SendingStarted(Event):
    """The first of ``rows`` rows is about to be sent, at ``limit`` at most."""

    rows: int
    limit: Rate


@dataclass(frozen=True)
class CallEnded(Event):
    """A call to the API ended. ``answer``: its name, as in the ledger; ``throttled`` is an answer with status 429."""

    answer: str


@dataclass(frozen=True, kw_only=True)
class RowSettled(Event):
    """A row that was sent has its final state. ``cells``: its own, without those that an import adds.

    ``is_repeated``: it was sent again although an earlier request may have created a ticket.
    """

    row: int
    key: str
    cells: Sequence[str]
    status: Status
    ids: TicketIds | None
    code: str
    error: str
    attempts: int
    is_repeated: bool


@dataclass(frozen=True)
class SendingGoesOn(Event):
    """A second of sending has passed. ``calls_left``: per period, if other programs use the limit, too."""

    calls_left: float | None


@dataclass(frozen=True)
class SendingEnded(Event):
    """No row is in flight any more."""


@dataclass(frozen=True)
class FetchStarted(Event):
    """The first of so many addresses is about to be downloaded."""

    addresses: int


@dataclass(frozen=True)
class BytesFetched(Event):
    """So many more bytes of a file have arrived."""

    size_bytes: int


@dataclass(frozen=True)
class AddressFetched(Event):
    """An address has its file, or ``error`` says why not."""

    url: str
    error: str


@dataclass(frozen=True)
class FetchEnded(Event):
    """Nothing is downloaded any more."""
