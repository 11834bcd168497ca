"""Problems, plans and summaries as text and files for people."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from importer.errors import UsageError
from importer.models import Problem, Rate, Status
from importer.progress import duration
from importer.results import harmless
from importer.submission.plan import Disposition
from importer.summary import PlanSummary, Summary

REPORT_ENDINGS = (".csv", ".json")
_REASONS_SHOWN = 10
_PLAN_LINES = (
    (Disposition.SKIP, "are tickets already and are skipped"),
    (Disposition.HOLD, "are unknown: sent once without an answer that tells, and not sent again unasked"),
    (Disposition.REJECT, "are rejected"),
    (Disposition.TWIN, "repeat the key of an earlier row and take over its ticket"),
    (Disposition.KEEP, "stay as they are"),
    (Disposition.RESEND, "failed or were unknown before and are sent last"),
)


class ProblemTally:
    """Counts problems by code and keeps the first of each: ten thousand lines help nobody."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rows = 0
        self._firsts: dict[str, Problem] = {}
        self._last_row = -1

    def problem(self, problem: Problem) -> None:
        """Take one problem."""
        self.counts[problem.code] += 1
        self._firsts.setdefault(problem.code, problem)
        if problem.row != self._last_row:
            self.rows += 1
            self._last_row = problem.row

    def lines(self) -> Iterator[str]:
        """The first problem of each code with its count, the most frequent first."""
        for code, count in self.counts.most_common():
            first = self._firsts[code]
            times = f"{count} × " if count > 1 else ""
            sheet = f"sheet {first.sheet!r}, " if first.sheet else ""
            yield f"{times}{code}: {sheet}row {first.row}: {first.message}"
            yield f"    {first.hint}"


_REPORT_COLUMNS = ("sheet", "row", "column", "value", "code", "message", "hint")


@contextmanager
def report_file(path: Path | None) -> Iterator[Callable[[Problem], None]]:
    """Write every problem to a CSV or JSON file, by its ending. Raises UsageError."""
    if path is None:
        yield lambda _: None
        return
    if path.suffix.lower() not in REPORT_ENDINGS:
        raise UsageError(
            f"{path}: a report ends in {' or '.join(REPORT_ENDINGS)}", hint="choose one of these endings for --report"
        )
    try:
        with path.open("w", encoding="utf-8-sig" if path.suffix.lower() == ".csv" else "utf-8", newline="") as file:
            yield from _csv_report(file) if path.suffix.lower() == ".csv" else _json_report(file)
    except OSError as error:
        raise UsageError(
            f"the report {path} can't be written: {error.strerror}", hint="choose another place for --report"
        ) from error


def _csv_report(file: Any) -> Iterator[Callable[[Problem], None]]:
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(_REPORT_COLUMNS)

    def write(problem: Problem) -> None:
        writer.writerow([harmless(str(getattr(problem, name) or "")) for name in _REPORT_COLUMNS])

    yield write


def _json_report(file: Any) -> Iterator[Callable[[Problem], None]]:
    written = 0

    def write(problem: Problem) -> None:
        nonlocal written
        file.write("[\n" if written == 0 else ",\n")
        file.write(json.dumps({name: getattr(problem, name) for name in _REPORT_COLUMNS}, ensure_ascii=False))
        written += 1

    yield write
    file.write("\n]\n" if written else "[]\n")


def plan_lines(plan: PlanSummary, rate: Rate) -> Iterator[str]:
    """The plan of a run."""
    yield f"account    {plan.account}"
    yield f"manifest   {plan.manifest} ({plan.detected})"
    blank = f", and {plan.blank_rows:,} blank" if plan.blank_rows else ""
    yield f"rows       {plan.rows:,}{blank}"
    for disposition, what in _PLAN_LINES:
        if plan.counts[disposition]:
            yield f"           {plan.counts[disposition]:,} {what}"
    size = f" with {size_text(plan.attachment_bytes)} of attachments" if plan.attachment_bytes else ""
    yield f"to send    {plan.to_send:,}{size}: {plan.to_send:,} calls at {rate} s, at least {duration(plan.seconds)}"
    for warning in plan.warnings:
        yield f"warning    {warning}"


def summary_lines(summary: Summary) -> Iterator[str]:
    """How a run ended: counts, reasons, where the results are."""
    counts = ", ".join(f"{summary.statuses[status]:,} {status}" for status in Status if summary.statuses[status])
    sent = f"; {summary.calls:,} calls in {duration(summary.seconds)}" if summary.calls else "; no call was made"
    limited = f", {summary.throttled:,} of them answered 429" if summary.throttled else ""
    yield f"{counts or 'no rows'}{sent}{limited}"
    for (status, code, error), count in summary.reasons.most_common(_REASONS_SHOWN):
        yield f"  {count:,} {status}: {code}{f': {error}' if error else ''}"
    if len(summary.reasons) > _REASONS_SHOWN:
        yield f"  … and {len(summary.reasons) - _REASONS_SHOWN:,} more reasons: see the results"
    yield f"results    {summary.results}"


def summary_json(summary: Summary) -> str:
    """The summary as one JSON object."""
    return json.dumps(
        {
            "run": summary.run,
            "account": summary.account,
            "results": str(summary.results),
            "rows": summary.statuses.total(),
            **{status.value: summary.statuses[status] for status in Status},
            "calls": summary.calls,
            "throttled": summary.throttled,
            "seconds": round(summary.seconds, 3),
            "exit_code": summary.exit_code,
            "stopped": summary.ending.message if summary.ending else None,
        },
        ensure_ascii=False,
    )


def size_text(size_bytes: int) -> str:
    """A size in decimal units: ``5.0 MB``."""
    size = float(size_bytes)
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":  # noqa: PLR2004 - decimal units
            break
        size /= 1000
    return f"{size:,.0f} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"
