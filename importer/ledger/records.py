"""The values that are stored in the ledger and read from it. Pure: no I/O."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from importer.models import TicketIds

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInfo:
    """The facts of a run that are recorded when it starts."""

    id: str
    account: str
    source: str
    command: str
    manifest: str
    manifest_sha256: str
    mapping_sha256: str
    key_field: str | None
    results: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerEntry:
    """One row of the ledger's tickets. ``state`` is a ``models.Status`` value, or ``sending``."""

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
    """A row's state in a results file, for a ledger that may not know the row."""

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
    """A row that validation rejected; it is not sent."""

    manifest_row: int
    key: str
    code: str
    error: str
    hint: str
    content: str = ""  # hash of its cells


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """A known bad row. ``content``: the hash of its cells. ``key`` is empty if it has none."""

    key: str
    content: str
    manifest_row: int
    state: str
    code: str
    reason: str
    user_name: str
    acknowledged_at: str


Acknowledgements = Mapping[tuple[str, str], Acknowledgement]
"""The acknowledged rows of an account and source, by key and content."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForgottenTicket:
    """What a user has made the ledger forget. ``number`` is empty if it was not known; ``sent_by``: the run."""

    key: str
    number: str
    sent_by: str | None


CREATE = "create"  # the operation whose requests create tickets


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """A request that is about to be sent. The ledger stores its title and leads as hashes only.

    ``new_leads``: the e-mail address and the phone number of a lead that it may create.
    """

    key: str
    content: str
    request: str
    operation: str = CREATE
    title: str = ""
    lead: str = ""
    new_leads: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The outcome of a request. ``counted`` is false if the API certainly did not process it (429, not sent).

    ``state`` is the row's new state: ``created``, ``failed``, ``unknown``, or ``pending`` if it may be sent again.
    """

    key: str
    state: str
    outcome: str  # kind of answer, stored with the attempt
    operation: str = CREATE
    ids: TicketIds | None = None
    error_code: str = ""
    error: str = ""
    http_status: int | None = None
    counted: bool = True
    unchanged: bool = False  # the row keeps the code and error it had before this request
    late: bool = False  # the request was not counted when its answer came, and is counted now
    wait_s: float | None = None  # how long the row waits before it is sent again


# Outcomes of resolving an unknown row; they are stored as attempts without a request.
FOUND, SET_CREATED, SET_PENDING = "found", "set-created", "set-pending"
NOT_FOUND, AMBIGUOUS = "not-found", "ambiguous"

# Effective state of a pending row that the account refused before, or that was set to pending by the user. Such a row
# is never the first to be sent again.
REFUSED = "refused"
_WAS_SENT = ("keys-refused", "wrong-url", SET_PENDING)


def effective_state(state: str, error_code: str) -> str:
    """Return ``REFUSED`` for a pending row that was refused or set to pending; else the state itself."""
    return REFUSED if state == "pending" and error_code in _WAS_SENT else state


@dataclass(frozen=True, kw_only=True, slots=True)
class RowFinding:
    """Result of resolving an unknown row. ``state``: ``created``, ``pending`` or still ``unknown``."""

    key: str
    state: str
    outcome: str
    ids: TicketIds | None = None
    error_code: str = ""
    error: str = ""


def utc_now() -> str:
    """Return the wall clock as ISO 8601, for display only; no decision depends on it."""
    return datetime.now(UTC).strftime(_TIME_FORMAT)


def utc_before(seconds: float) -> str:
    """Return the moment so long ago, in the form of ``utc_now``, for old records; of a negative number, one to come."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime(_TIME_FORMAT)


def seconds_since(moment: str) -> float | None:
    """Return the age of a moment of ``utc_now``, for display only; ``None`` if the text is no such moment."""
    try:
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
    except (ValueError, TypeError):  # a results file may hold any text, also a time without a zone
        return None


def utc_minute() -> int:
    """Return the wall clock in minutes since 1970, to count a day's calls across restarts of the machine."""
    return int(datetime.now(UTC).timestamp()) // 60


def path_text(path: Path) -> str:
    """Return a path as text that a database takes: its name may hold bytes that are not text."""
    return str(path).encode(errors="surrogateescape").decode(errors="backslashreplace")


def new_run_id(source: str) -> str:
    """Return a unique name for a run: source, start time and random digits."""
    return f"{source}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{uuid.uuid4().hex[:6]}"


def source_of_run(run_id: str) -> str:
    """Return the source in a run's name."""
    return run_id.rsplit(".", 2)[0]
