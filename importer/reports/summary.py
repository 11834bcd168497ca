"""What a check found, the plan of a run and its summary, as values. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from importer.errors import ImporterError
from importer.export_checks.checks import ExportFigures, ExportStop, SinceLastRun
from importer.models import DONE_STATUSES, AttachmentCounts, Rate, Status
from importer.reports.problem_tally import ProblemKind
from importer.results import ResultRow
from importer.runtime.events import CallEnded, Checked, Event, RowSettled
from importer.submission.plan import Disposition

_ROWS_NAMED = 10
_REASONS_KEPT = 1_000


@dataclass(frozen=True, kw_only=True)
class Validation(Checked):
    """What `validate` found. ``rejected`` of the ``rows`` have problems; ``kinds`` counts the problems.

    ``detected``: the format of the manifest. ``made_at`` has a time zone. ``skipped``: rows that are tickets already.
    ``excluded``: rows that the mapping's `rows` leave out. ``acknowledged``: known bad rows, not among ``rejected``.
    ``not_selected``: rows that ``--rows``, ``--where`` and ``--sample`` leave out; they are not checked. ``seed``: of
    the sample. ``ignored_by_patterns``: how many columns each pattern under ``ignore`` covers.
    ``knows_fields``: rows are checked with the account's fields.
    """

    manifest: str
    mapping: str
    detected: str
    made_at: datetime
    knows_fields: bool = True
    rows: int
    rejected: int
    blank: int
    skipped: int
    excluded: int
    acknowledged: int = 0
    not_selected: int = 0
    seed: int | None = None
    ignored_by_patterns: tuple[tuple[str, int], ...] = ()
    kinds: Sequence[ProblemKind]
    warnings: Sequence[str] = ()
    attachments: AttachmentCounts | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of the process."""
        return int(self.rejected > 0)


@dataclass(frozen=True, kw_only=True)
class PlanSummary(Checked):
    """The plan of a run, which the user confirms. ``kinds`` counts the problems of rejected rows.

    ``is_blocked``: rejected rows keep the ``to_send`` rows from being sent. ``limit``: the calls per period that the
    run may make; ``seconds``: its least duration at this limit. ``made_today``: the account's calls of the last 24
    hours, with a ``daily_cap``; ``days``: how many days the calls take then. ``ignored_by_patterns``: how many columns
    each pattern under ``ignore`` covers. ``knows_fields``: rows are checked with the account's fields.
    """

    account: str
    manifest: str
    detected: str
    knows_fields: bool = True
    rows: int
    blank_rows: int
    comment_rows: int = 0
    footer_rows: int = 0
    counts: Counter[Disposition]
    ignored_by_patterns: tuple[tuple[str, int], ...] = ()
    kinds: Sequence[ProblemKind] = ()
    to_send: int
    seed: int | None = None  # of the sample
    is_blocked: bool = False
    attachment_bytes: int
    attachments: AttachmentCounts | None = None
    seconds: float
    limit: Rate
    daily_cap: int | None = None
    made_today: int = 0
    days: int = 1
    warnings: tuple[str, ...]
    export: ExportFigures | None = None  # compared with earlier exports; only for `run`
    stops: tuple[ExportStop, ...] = ()  # why nothing is sent
    requests: tuple[str, ...] = ()  # the first ones, as text; only for a dry run

    @property
    def go_on_with(self) -> str:
        """The flags that send the rows although something keeps them from being sent; else empty."""
        return " ".join([*(stop.go_on_with for stop in self.stops), *(["--skip-invalid"] if self.is_blocked else [])])

    @property
    def exit_code(self) -> int:
        """The exit code of a dry run."""
        return int(self.counts[Disposition.REJECT] > 0 or bool(self.stops))


@dataclass(frozen=True)
class NewLedger:
    """A question: is a new ledger to be created at ``url``? Only before the first import into an account."""

    url: str


Confirm = Callable[[PlanSummary | NewLedger], bool]


@dataclass(kw_only=True)
class Summary(Event):
    """The summary of a run, complete when the run has ended. ``ending``: why it ended before all rows were done."""

    run: str
    account: str
    results: Path | None
    all_rows: Path | None = None  # the file with all rows, if the results have only those to work on
    statuses: Counter[Status] = field(default_factory=Counter)  # without acknowledged rows
    acknowledged: int = 0  # rejected or failed rows that a user has acknowledged
    not_selected: int = 0  # pending rows that the flags of the run left out
    unknown_rows: list[int] = field(default_factory=list)  # the first unknown rows, by their numbers in the manifest
    unknown_since: str = ""  # when the oldest unknown row became unknown
    reasons: Counter[tuple[Status, str, str]] = field(default_factory=Counter)  # status, code, error
    kinds: Sequence[ProblemKind] = ()  # of the problems of rejected rows
    calls: int = 0
    throttled: int = 0
    repeated: int = 0  # rows sent again although an earlier request may have created a ticket
    seconds: float = 0.0
    seed: int | None = None  # of the sample
    limit: str = ""  # how the rate limit was used, for JSON
    attachments: AttachmentCounts | None = None
    ending: ImporterError | None = None
    export: ExportFigures | None = None  # compared with earlier exports; only for `run`
    since_last_run: SinceLastRun | None = None  # only for `run`
    stops: tuple[ExportStop, ...] = ()  # why nothing was sent
    is_blocked: bool = False  # rejected rows kept the other rows from being sent

    @property
    def exit_code(self) -> int:
        """The exit code of the process."""
        if self.ending is not None:
            return self.ending.exit_code
        return int(any(n for status, n in self.statuses.items() if status not in DONE_STATUSES))

    def listen(self, event: Event) -> None:
        """Count calls, and rows that were sent again."""
        match event:
            case CallEnded(answer):
                self.calls += 1
                self.throttled += answer == "throttled"
            case RowSettled(is_repeated=True):
                self.repeated += 1

    def forget_results(self) -> None:
        """Count the rows anew."""
        self.statuses.clear()
        self.reasons.clear()
        self.acknowledged, self.not_selected, self.unknown_since = 0, 0, ""

    def count_results(self, results: Iterable[ResultRow]) -> None:
        """Count rows by state; acknowledged ones apart."""
        for result in results:
            if result.acknowledged:
                self.acknowledged += 1
                continue
            self.count([(result.status, result.code, result.error)])
            if result.status is Status.UNKNOWN and len(self.unknown_rows) < _ROWS_NAMED:
                self.unknown_rows.append(result.row)
            if result.status is Status.UNKNOWN and result.finished_at:
                self.unknown_since = min(self.unknown_since or result.finished_at, result.finished_at)

    def count(self, rows: Iterable[tuple[Status, str, str]]) -> None:
        """Count rows by state, and rows without a ticket by (state, code, error), up to 1,000 different reasons."""
        for reason in rows:
            status = reason[0]
            self.statuses[status] += 1
            self.not_selected += reason[1] == "not-selected"
            if status not in DONE_STATUSES and (reason in self.reasons or len(self.reasons) < _REASONS_KEPT):
                self.reasons[reason] += 1
