"""The plan and the summary of a run, as lines of text or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from importer.export_checks.checks import ExportFigures, ExportStop, SinceLastRun
from importer.ledger.records import seconds_since
from importer.models import AttachmentCounts, Status
from importer.reports.problem_text import kind_data
from importer.reports.summary import PlanSummary, Summary
from importer.runtime.display_text import (
    age_text,
    counted,
    duration,
    labelled,
    least_duration,
    limit_text,
    one_line,
    size_text,
)
from importer.submission.plan import TO_SEND, Disposition

_REASONS_SHOWN = 10
_EXPLAINED = (Status.FAILED, Status.UNKNOWN)
_ROW_LINES = (
    (Disposition.SKIP, "already imported, skipped"),
    (Disposition.EXCLUDE, "excluded by the mapping's `rows`"),
    (Disposition.HOLD, "unknown: sent before without a usable answer, not sent again"),
    (Disposition.REJECT, "rejected because of problems"),
    (Disposition.ACKNOWLEDGE, "acknowledged as bad, not sent until their cells change"),
    (Disposition.DUPLICATE, "with the key of an earlier row, not sent: they get its ticket"),
    (Disposition.KEEP, "not selected, unchanged"),
    (Disposition.RESEND, "failed or unknown before, sent again after all others"),
)


def plan_lines(plan: PlanSummary) -> Iterator[str]:
    """Yield the plan of a run: account, file, rows, what will be sent, and how long it takes."""
    yield labelled("account", plan.account)
    yield labelled("manifest", f"{plan.manifest} ({plan.detected})")
    yield from fields_lines(knows_fields=plan.knows_fields)
    blank = f" and {counted(plan.blank_rows, 'blank one')}" if plan.blank_rows else ""
    yield labelled("rows", f"{plan.rows:,}{blank}")
    for disposition, text in _ROW_LINES:
        if count := plan.counts[disposition]:
            yield labelled("", f"{count:,} {text}")
    yield from seed_lines(plan.seed)
    yield from ignored_lines(plan.ignored_by_patterns)
    if plan.export is not None:
        yield labelled("compared", f"with earlier imports: {_export_text(plan.export)}")
    if plan.attachments is not None:
        yield attachments_line(plan.attachments, plan.rows)
    yield labelled("to send", _to_send_text(plan))
    if plan.to_send and not plan.go_on_with:
        calls = f"{counted(plan.to_send, 'call')} at {limit_text(plan.limit)}"
        yield labelled("duration", f"{least_duration(plan.seconds)}: {calls}")
    if plan.daily_cap is not None:
        left = max(0, plan.daily_cap - plan.made_today)
        days = f": {plan.days:,} days, run the same command on each" if plan.days > 1 else ""
        yield labelled("daily cap", f"{plan.daily_cap:,} calls, {left:,} of them left in these 24 hours{days}")


def short_plan(plan: PlanSummary) -> str:
    """Return the plan of a run in one line, for a log of several runs."""
    takes = f", {least_duration(plan.seconds)}" if plan.to_send and not plan.go_on_with else ""
    return f"{counted(plan.rows, 'row')} in {plan.manifest}, to send: {_to_send_text(plan)}{takes}"


def _to_send_text(plan: PlanSummary) -> str:
    if plan.go_on_with:
        rejected = plan.counts[Disposition.REJECT]
        reasons = ["a check of the export stopped the run"] if plan.stops else []
        reasons += (
            [f"{counted(rejected, 'row')} {'is' if rejected == 1 else 'are'} rejected"] if plan.is_blocked else []
        )
        would_send = f"; {plan.go_on_with} would send {plan.to_send:,}" if plan.to_send else ""
        return f"0: {' and '.join(reasons)}{would_send}"
    if not plan.to_send:
        return "nothing"
    all_to_send = sum(plan.counts[disposition] for disposition in TO_SEND)
    up_to = "up to " if plan.to_send < all_to_send else ""
    size = f" with {up_to}{size_text(plan.attachment_bytes)} of attachments" if plan.attachment_bytes else ""
    return f"{counted(plan.to_send, 'ticket')}{size}"


def seed_lines(seed: int | None) -> Iterator[str]:
    """Yield the seed of a sample as the flag that draws it again."""
    if seed is not None:
        yield labelled("sample", f"drawn at random with --seed {seed}")


def fields_lines(*, knows_fields: bool) -> Iterator[str]:
    """Yield a line if less is checked because the account's fields are not known."""
    if not knows_fields:
        yield labelled("fields", "not known, so less is checked: `ticket-importer fields` reads them")


def ignored_lines(ignored: Sequence[tuple[str, int]]) -> Iterator[str]:
    """Yield how many columns the patterns under ``ignore`` cover."""
    if ignored:
        each = ", ".join(f"{one_line(pattern)} ({count:,})" for pattern, count in ignored)
        yield labelled("ignored", f"{counted(sum(count for _, count in ignored), 'column')} by patterns: {each}")


def attachments_line(counts: AttachmentCounts, rows: int) -> str:
    """Return how many files the rows have, and how many files and folders belong to no row."""
    files, with_files = counted(counts.files, "file"), f"{counts.rows:,} of {counted(rows, 'row')}"
    unclaimed = [
        counted(number, what)
        for number, what in ((counts.unclaimed_folders, "folder"), (counts.unclaimed_files, "file"))
        if number
    ]
    belongs = "belongs" if (counts.unclaimed_folders or 0) + (counts.unclaimed_files or 0) == 1 else "belong"
    unused = f"; {' and '.join(unclaimed)} {belongs} to no row" if unclaimed else ""
    size = size_text(counts.size_bytes).replace(".0 ", " ")
    return labelled("attachments", f"{files} ({size}) for {with_files}{unused}")


def attachments_json(counts: AttachmentCounts | None) -> dict[str, int | None] | None:
    """Return the attachment counts for JSON."""
    if counts is None:
        return None
    return {
        "files": counts.files,
        "bytes": counts.size_bytes,
        "rows": counts.rows,
        "unclaimed_files": counts.unclaimed_files,
        "unclaimed_folders": counts.unclaimed_folders,
    }


def plan_data(plan: PlanSummary) -> dict[str, object]:
    """Return the plan of a dry run for JSON, with the first requests."""
    return {
        "account": plan.account,
        "manifest": plan.manifest,
        "detected": plan.detected,
        "knows_fields": plan.knows_fields,
        "rows": plan.rows,
        "blank_rows": plan.blank_rows,
        "comment_rows": plan.comment_rows,
        "footer_rows": plan.footer_rows,
        "to_send": 0 if plan.go_on_with else plan.to_send,
        "would_send": plan.to_send if plan.go_on_with else None,
        "skipped": plan.counts[Disposition.SKIP],
        "excluded": plan.counts[Disposition.EXCLUDE],
        "ignored_by_patterns": dict(plan.ignored_by_patterns),
        "unknown": plan.counts[Disposition.HOLD],
        "rejected": plan.counts[Disposition.REJECT],
        "acknowledged": plan.counts[Disposition.ACKNOWLEDGE],
        "kinds": [kind_data(kind) for kind in plan.kinds],
        "not_selected": plan.counts[Disposition.KEEP],
        "seed": plan.seed,
        "attachment_bytes": plan.attachment_bytes,
        "attachments": attachments_json(plan.attachments),
        "seconds": round(plan.seconds, 3),
        **_export_facts(plan.export, plan.stops),
        "requests": list(plan.requests),
    }


def _export_text(export: ExportFigures) -> str:
    return f"{export.new:,} new, {export.known:,} known, {export.changed:,} changed, {export.gone:,} gone"


def _export_facts(export: ExportFigures | None, stops: Sequence[ExportStop]) -> dict[str, object]:
    """Return how an export compares with earlier ones, for JSON; empty for a rerun, which is not compared."""
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
    """Yield the plan's warnings."""
    for warning in plan.warnings:
        yield labelled("warning", warning)


def summary_lines(summary: Summary) -> Iterator[str]:
    """Yield how a run ended: rows by state, calls, reasons, and where the results are."""
    yield labelled("rows", _states_text(summary))
    # The plan shows the problems of rejected rows, and pending rows have no reason of their own.
    reasons = [(*reason, n) for reason, n in summary.reasons.most_common() if reason[0] in _EXPLAINED]
    for status, code, error, count in reasons[:_REASONS_SHOWN]:
        yield labelled("", f"{count:,} {status}: {code}{f': {one_line(error)}' if error else ''}")
    if len(reasons) > _REASONS_SHOWN:
        yield labelled("", f"… and {len(reasons) - _REASONS_SHOWN:,} more reasons: see import_error in the results")
    if summary.since_last_run is not None:
        yield labelled("compared", f"with the last run: {_since_text(summary.since_last_run)}")
    if summary.repeated:
        rows = "1 row was" if summary.repeated == 1 else f"{summary.repeated:,} rows were"
        yield labelled("warning", f"{rows} sent again although the first request may have created a ticket:")
        yield labelled("", "look for duplicate tickets in the account")
    time = duration(summary.seconds) if summary.seconds >= 1 else "less than 1 s"
    limited = f", {summary.throttled:,} of them over the rate limit (429)" if summary.throttled else ""
    yield labelled("calls", f"{summary.calls:,} in {time}{limited}" if summary.calls else "none")
    yield labelled("results", str(summary.results))
    if summary.all_rows is not None:
        yield labelled("", f"{summary.all_rows} has all rows, and the workbook those that need work: keep both")


def _since_text(since: SinceLastRun) -> str:
    known = {name.replace("_", " "): count for name, count in asdict(since).items() if count is not None}
    return ", ".join(f"{count:,} {name}" for name, count in known.items())


def log_text(summary: Summary) -> str:
    """Return how a run ended in one line: rows by state, calls, and where the results are."""
    results = f"; results in {summary.results}" if summary.results else ""
    return f"{_states_text(summary)}; {counted(summary.calls, 'call')} in {duration(summary.seconds)}{results}"


def _states_text(summary: Summary) -> str:
    return ", ".join(_state_counts(summary)) or "none"


def _state_counts(summary: Summary) -> Iterator[str]:
    """Yield the number of rows in each state, with the age of the oldest unknown row, and acknowledged rows apart."""
    for status in Status:
        if count := summary.statuses[status]:
            oldest_s = seconds_since(summary.unknown_since) if status is Status.UNKNOWN else None
            left_out = status is Status.PENDING and summary.not_selected
            yield f"{count:,} {status}{age_text(count, oldest_s)}{f' ({left_out:,} not selected)' if left_out else ''}"
    if summary.acknowledged:
        yield f"{summary.acknowledged:,} acknowledged"


def summary_data(summary: Summary) -> dict[str, object]:
    """Return the summary for JSON."""
    return {
        "run": summary.run,
        "account": summary.account,
        "results": str(summary.results) if summary.results else None,
        "rows": summary.statuses.total() + summary.acknowledged,
        **{status.value: summary.statuses[status] for status in Status},
        "acknowledged": summary.acknowledged,
        "unknown_since": summary.unknown_since or None,
        "not_selected": summary.not_selected,
        "kinds": [kind_data(kind) for kind in summary.kinds],
        **_export_facts(summary.export, summary.stops),
        "seed": summary.seed,
        "calls": summary.calls,
        "throttled": summary.throttled,
        "repeated": summary.repeated,
        "attachments": attachments_json(summary.attachments),
        "since_last_run": asdict(summary.since_last_run) if summary.since_last_run is not None else None,
        "limit": summary.limit or None,
        "seconds": round(summary.seconds, 3),
    }
