"""The plan of a run and how it ended, as lines of text or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from importer.export_checks.checks import ExportFigures, ExportStop
from importer.models import AttachmentCounts, Status
from importer.reports.summary import PlanSummary, Summary
from importer.runtime.display_text import one_line, size_text
from importer.runtime.progress import duration, limit_text
from importer.submission.plan import TO_SEND, Disposition

_REASONS_SHOWN = 10
_EXPLAINED = (Status.FAILED, Status.UNKNOWN)
_PLAN_LINES = (  # of one row, and of several
    (Disposition.SKIP, "is a ticket already and is skipped", "are tickets already and are skipped"),
    (
        Disposition.HOLD,
        "is unknown: sent once without an answer that tells, and not sent again unasked",
        "are unknown: sent once without an answer that tells, and not sent again unasked",
    ),
    (Disposition.REJECT, "is rejected", "are rejected"),
    (
        Disposition.DUPLICATE,
        "repeats the key of an earlier row and takes over its ticket",
        "repeat the key of an earlier row and take over its ticket",
    ),
    (Disposition.KEEP, "stays as it is", "stay as they are"),
    (
        Disposition.RESEND,
        "failed, was refused or was unknown before and is sent last",
        "failed, were refused or were unknown before and are sent last",
    ),
)


def plan_lines(plan: PlanSummary) -> Iterator[str]:
    """The plan of a run."""
    yield f"account    {plan.account}"
    yield f"manifest   {plan.manifest} ({plan.detected})"
    blank = f", and {plan.blank_rows:,} blank" if plan.blank_rows else ""
    yield f"rows       {plan.rows:,}{blank}"
    for disposition, of_one, of_several in _PLAN_LINES:
        if count := plan.counts[disposition]:
            yield f"           {count:,} {of_one if count == 1 else of_several}"
    if plan.attachments is not None:
        yield attachments_line(plan.attachments, plan.rows)
    if plan.export is not None:
        yield f"keys       {_export_text(plan.export)}"
    all_to_send = sum(plan.counts[disposition] for disposition in TO_SEND)
    up_to = "up to " if plan.to_send < all_to_send else ""
    size = f" with {up_to}{size_text(plan.attachment_bytes)} of attachments" if plan.attachment_bytes else ""
    time = f", at least {duration(plan.seconds)}" if plan.seconds else ""
    calls = "1 call" if plan.to_send == 1 else f"{plan.to_send:,} calls"
    yield (
        f"to send    {plan.to_send:,}{size}: {calls} at {limit_text(plan.limit)}{time}"
        if plan.to_send
        else "to send    0"
    )
    if plan.daily_cap is not None:
        left = max(0, plan.daily_cap - plan.made_today)
        days = f": {plan.days:,} days, with the same command on each" if plan.days > 1 else ""
        yield f"daily cap  {plan.daily_cap:,} calls, {left:,} of them left in these 24 hours{days}"


def attachments_line(counts: AttachmentCounts, rows: int) -> str:
    """How many files the rows have, and what belongs to none of them."""
    files, with_files = _counted(counts.files, "file"), f"{counts.rows:,} of {_counted(rows, 'row')}"
    unclaimed = [
        _counted(number, what)
        for number, what in ((counts.unclaimed_folders, "folder"), (counts.unclaimed_files, "file"))
        if number
    ]
    belongs = "belongs" if (counts.unclaimed_folders or 0) + (counts.unclaimed_files or 0) == 1 else "belong"
    left = f"; {' and '.join(unclaimed)} below the root {belongs} to no row" if unclaimed else ""
    size = size_text(counts.size_bytes).replace(".0 ", " ")
    return f"attachments {files} ({size}) for {with_files}{left}"


def attachments_json(counts: AttachmentCounts | None) -> dict[str, int | None] | None:
    """The same for JSON."""
    if counts is None:
        return None
    return {
        "files": counts.files,
        "bytes": counts.size_bytes,
        "rows": counts.rows,
        "unclaimed_files": counts.unclaimed_files,
        "unclaimed_folders": counts.unclaimed_folders,
    }


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def plan_json(plan: PlanSummary, requests: Sequence[str], *, exit_code: int) -> str:
    """The plan of a rehearsal as one JSON object, with the first requests as they would go out."""
    return json.dumps(
        {
            "account": plan.account,
            "manifest": plan.manifest,
            "detected": plan.detected,
            "rows": plan.rows,
            "blank_rows": plan.blank_rows,
            "to_send": plan.to_send,
            "skipped": plan.counts[Disposition.SKIP],
            "unknown": plan.counts[Disposition.HOLD],
            "rejected": plan.counts[Disposition.REJECT],
            "attachment_bytes": plan.attachment_bytes,
            "attachments": attachments_json(plan.attachments),
            "seconds": round(plan.seconds, 3),
            **_export_facts(plan.export, plan.stops),
            "stopped": plan.stops[0].reason if plan.stops else None,
            "warnings": list(plan.warnings),
            "requests": list(requests),
            "exit_code": exit_code,
        },
        ensure_ascii=False,
    )


def _export_text(export: ExportFigures) -> str:
    return f"{export.new:,} new, {export.known:,} known, {export.changed:,} changed, {export.gone:,} gone"


def _export_facts(export: ExportFigures | None, stops: Sequence[ExportStop]) -> dict[str, object]:
    """An export beside those before it, for JSON; of a rerun, which is not compared, nothing."""
    if export is None:
        return {}
    return {
        "new": export.new,
        "known": export.known,
        "changed": export.changed,
        "gone": export.gone,
        "stopped_by": stops[0].name if stops else None,
        "go_on_with": " ".join(stop.go_on_with for stop in stops) or None,
    }


def warning_lines(plan: PlanSummary) -> Iterator[str]:
    """What a person would want to know before a run."""
    for warning in plan.warnings:
        yield f"warning    {warning}"


def summary_lines(summary: Summary) -> Iterator[str]:
    """How a run ended: counts, reasons, where the results are."""
    counts = ", ".join(f"{summary.statuses[status]:,} {status}" for status in Status if summary.statuses[status])
    calls = "1 call" if summary.calls == 1 else f"{summary.calls:,} calls"
    sent = f"; {calls} in {duration(summary.seconds)}" if summary.calls else "; no call was made"
    limited = f", {summary.throttled:,} of them answered 429" if summary.throttled else ""
    yield f"{counts or 'no rows'}{sent}{limited}"
    if summary.limit:
        yield f"limit      {summary.limit}"
    if summary.repeated:
        rows = "1 row was" if summary.repeated == 1 else f"{summary.repeated:,} rows were"
        yield f"  {rows} sent again after a request that may have made a ticket: look for duplicates in the account"
    # What is wrong with rejected rows was shown before, and pending rows have not been anywhere.
    reasons = [(*reason, n) for reason, n in summary.reasons.most_common() if reason[0] in _EXPLAINED]
    for status, code, error, count in reasons[:_REASONS_SHOWN]:
        yield f"  {count:,} {status}: {code}{f': {one_line(error)}' if error else ''}"
    if len(reasons) > _REASONS_SHOWN:
        yield f"  … and {len(reasons) - _REASONS_SHOWN:,} more reasons: see the results"
    yield f"results    {summary.results}"


def summary_json(summary: Summary) -> str:
    """The summary as one JSON object."""
    return json.dumps(
        {
            "run": summary.run,
            "account": summary.account,
            "results": str(summary.results) if summary.results else None,
            "rows": summary.statuses.total(),
            **{status.value: summary.statuses[status] for status in Status},
            **_export_facts(summary.export, summary.stops),
            "calls": summary.calls,
            "throttled": summary.throttled,
            "repeated": summary.repeated,
            "attachments": attachments_json(summary.attachments),
            "limit": summary.limit or None,
            "seconds": round(summary.seconds, 3),
            "exit_code": summary.exit_code,
            "stopped": summary.ending.message if summary.ending else None,
        },
        ensure_ascii=False,
    )
