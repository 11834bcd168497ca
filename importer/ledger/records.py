"""What goes into the ledger and comes out of it. Pure values."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from importer.models import TicketIds


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInfo:
    """What is recorded of a run at its start."""

    id: str
    account: str
    source: str
    command: str
    manifest: str
    manifest_sha256: str
    mapping_sha256: str
    key_field: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerEntry:
    """One ticket as the ledger knows it. ``state`` is a ``models.Status`` value, or ``sending``."""

    id: int
    key: str
    state: str
    held_by: str | None
    run: str | None
    content: str
    ids: TicketIds | None
    error_code: str
    error: str
    attempts: int
    finished_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A row that a run wants to send."""

    key: str
    manifest_row: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RowFromResults:
    """A row that a results file knows, for a ledger that may not."""

    key: str
    manifest_row: int
    state: str
    ids: TicketIds | None
    error_code: str
    error: str
    attempts: int
    finished_at: str
    run: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """A row that was judged and never sent."""

    manifest_row: int
    key: str
    code: str
    error: str
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """A request that is about to go out. Of ``title`` and ``lead`` the ledger keeps hashes only."""

    key: str
    content: str
    request: str
    title: str = ""
    lead: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a request. ``counted`` is false where the API surely did not take it (429, not sent).

    ``state`` is what the ticket is now: ``created``, ``failed``, ``unknown``, or ``pending`` if it may be sent again.
    """

    key: str
    state: str
    outcome: str  # the kind of answer, for the attempt's record
    ids: TicketIds | None = None
    error_code: str = ""
    error: str = ""
    http_status: int | None = None
    counted: bool = True
    unchanged: bool = False  # the row's code and error stay what they were before this request
    late: bool = False  # its request was not counted when its answer came, and is now
    wait_s: float | None = None  # how long the row is held back before it goes again


# What is recorded of an unknown row that was looked for, or decided upon: the outcomes of attempts without a request.
FOUND, SET_CREATED, SET_PENDING = "found", "set-created", "set-pending"
NOT_FOUND, AMBIGUOUS = "not-found", "ambiguous"

# The state of a pending row that the account has refused once: it is never the first to be sent again.
REFUSED = "refused"
_WAS_SENT = ("keys-refused", "wrong-url", SET_PENDING)


def effective_state(state: str, error_code: str) -> str:
    """Give the state by which a row is judged: ``REFUSED`` if it was refused, or set to pending, and else its own."""
    return REFUSED if state == "pending" and error_code in _WAS_SENT else state


@dataclass(frozen=True, kw_only=True, slots=True)
class RowFinding:
    """What was found out, or decided, of an unknown row. ``state``: ``created``, ``pending`` or still ``unknown``."""

    key: str
    state: str
    outcome: str
    ids: TicketIds | None = None
    error_code: str = ""
    error: str = ""


def utc_now() -> str:
    """The wall clock as ISO 8601, for people; no decision is ever made by it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_minute() -> int:
    """The wall clock in minutes since 1970: of a day's calls nothing but the time of day tells, over restarts, too."""
    return int(datetime.now(UTC).timestamp()) // 60


def new_run_id(source: str) -> str:
    """A run's name: source, start, and enough chance to be unique. The source can be read back from it."""
    return f"{source}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{uuid.uuid4().hex[:6]}"


def source_of_run(run_id: str) -> str:
    """The source in a run's name."""
    return run_id.rsplit(".", 2)[0]
