"""Forwards events of a submission to the part file, the progress display and the summary."""

from __future__ import annotations

from collections.abc import Callable

from importer.error_codes import ERROR_CODES
from importer.leadsquared.answers import Answer, Throttled
from importer.ledger.records import RunInfo, utc_now
from importer.models import Status
from importer.reports.summary import Summary
from importer.results import PartFile, ResultRow
from importer.runtime.progress import Progress
from importer.submission.retry import Settled
from importer.submission.send_queue import QueuedRow


class RunObserver:
    """The observer of one submission. ``warn``: shows a warning to the user."""

    def __init__(
        self, part: PartFile, progress: Progress, warn: Callable[[str], None], summary: Summary, info: RunInfo
    ) -> None:
        self._part = part
        self._progress = progress
        self._warn = warn
        self._summary = summary
        self._info = info

    def row_finished(self, row: QueuedRow, settled: Settled) -> None:
        """Record the result of a row."""
        self._progress.finished(settled.status)
        self._summary.repeated += row.prior_status is Status.UNKNOWN
        result = ResultRow(
            row=row.row,
            key=row.key,
            status=settled.status,
            ids=settled.ids,
            code=settled.code,
            error=settled.error,
            hint=ERROR_CODES[settled.code].advice if settled.code else "",
            attempts=row.attempt,
            finished_at=utc_now(),
            account=self._info.account,
            run=self._info.id,
        )
        self._part.add(row.cells, result.cells())

    def call_ended(self, answer: Answer) -> None:
        """Count a call that ended."""
        self._summary.calls += 1
        self._summary.throttled += isinstance(answer, Throttled)
        self._progress.called()

    def message(self, text: str) -> None:
        """Show a message."""
        self._warn(text)
