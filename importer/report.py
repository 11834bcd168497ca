"""Problems, plans and summaries as text and files for people."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from importer.errors import UsageError
from importer.models import Problem, Status
from importer.progress import duration, limit_text
from importer.results import harmless
from importer.submission.plan import TO_SEND, Disposition
from importer.summary import PlanSummary, Summary

REPORT_ENDINGS = (".csv", ".json")
_REASONS_SHOWN = 10
_ROWS_SHOWN = 10
_TEXT_SHOWN = 400
_EXPLAINED = (Status.FAILED, Status.UNKNOWN)
_PLAN_LINES = (
    (Disposition.SKIP, "are tickets already and are skipped"),
    (Disposition.HOLD, "are unknown: sent once without an answer that tells, and not sent again unasked"),
    (Disposition.REJECT, "are rejected"),
    (Disposition.TWIN, "repeat the key of an earlier row and take over its ticket"),
    (Disposition.KEEP, "stay as they are"),
    (Disposition.RESEND, "failed or were unknown before and are sent last"),
)


class ProblemTally:
    """Counts problems by code, with the first of each and the rows of some more: ten thousand lines help nobody."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rows = 0
        self._firsts: dict[str, Problem] = {}
        self._others: defaultdict[str, list[int]] = defaultdict(list)
        self._last_row = -1

    def problem(self, problem: Problem) -> None:
        """Take one problem."""
        self.counts[problem.code] += 1
        first = self._firsts.setdefault(problem.code, problem)
        others = self._others[problem.code]
        if problem.row not in (first.row, *others) and len(others) < _ROWS_SHOWN:
            others.append(problem.row)
        if problem.row != self._last_row:
            self.rows += 1
            self._last_row = problem.row

    def lines(self) -> Iterator[str]:
        """The first problem of each code with its count, the most frequent first."""
        for code, count in self.counts.most_common():
            first = self._firsts[code]
            times = f"{count:,} × " if count > 1 else ""
            sheet = f"sheet {first.sheet!r}, " if first.sheet else ""
            yield f"{times}{code}: {sheet}row {first.row}: {one_line(first.message)}"
            if others := self._others[code]:
                more = ", …" if len(others) == _ROWS_SHOWN and count > _ROWS_SHOWN + 1 else ""
                yield f"    also in row {', '.join(map(str, others))}{more}"
            if first.hint:
                yield f"    {one_line(first.hint)}"


_REPORT_COLUMNS = ("sheet", "row", "column", "value", "code", "message", "hint")


@contextmanager
def report_file(path: Path | None, inputs: Iterable[Path] = ()) -> Iterator[Callable[[Problem], None]]:
    """Write every problem to a CSV or JSON file, by its ending. It appears when it is whole. Raises UsageError."""
    if path is None:
        yield lambda _: None
        return
    if path.suffix.lower() not in REPORT_ENDINGS:
        raise UsageError(
            f"{path}: a report ends in {' or '.join(REPORT_ENDINGS)}", hint="choose one of these endings for --report"
        )
    if any(each.exists() and path.exists() and path.samefile(each) for each in inputs):
        raise UsageError(f"{path} is an input of this check and must not be replaced", hint="name another file")
    with _unwritable(path):
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        Path(name).chmod(path.stat().st_mode if path.exists() else 0o644)
    try:
        is_csv = path.suffix.lower() == ".csv"
        with os.fdopen(descriptor, "w", encoding="utf-8-sig" if is_csv else "utf-8", newline="") as file:
            report = _CsvReport(file) if is_csv else _JsonReport(file)

            def write(problem: Problem) -> None:
                with _unwritable(path):
                    report.write(problem)

            yield write
            with _unwritable(path):
                report.end()
                file.flush()
        with _unwritable(path):
            Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def _unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"the report {path} can't be written: {error.strerror}", hint="choose another place for --report"
        ) from error


class _CsvReport:
    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file, lineterminator="\r\n")
        self._writer.writerow(_REPORT_COLUMNS)

    def write(self, problem: Problem) -> None:
        values = (getattr(problem, name) for name in _REPORT_COLUMNS)
        self._writer.writerow(["" if value is None else harmless(str(value)) for value in values])

    def end(self) -> None:
        pass


class _JsonReport:
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lead = "[\n"

    def write(self, problem: Problem) -> None:
        values = {name: getattr(problem, name) for name in _REPORT_COLUMNS}
        # A cell may hold half a surrogate pair, which no encoding takes.
        text = json.dumps(values, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
        self._file.write(f"{self._lead}{text}")
        self._lead = ",\n"

    def end(self) -> None:
        self._file.write("\n]\n" if self._lead == ",\n" else "[]\n")


def plan_lines(plan: PlanSummary) -> Iterator[str]:
    """The plan of a run."""
    yield f"account    {plan.account}"
    yield f"manifest   {plan.manifest} ({plan.detected})"
    blank = f", and {plan.blank_rows:,} blank" if plan.blank_rows else ""
    yield f"rows       {plan.rows:,}{blank}"
    for disposition, what in _PLAN_LINES:
        if plan.counts[disposition]:
            yield f"           {plan.counts[disposition]:,} {what}"
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
            "calls": summary.calls,
            "throttled": summary.throttled,
            "repeated": summary.repeated,
            "limit": summary.limit or None,
            "seconds": round(summary.seconds, 3),
            "exit_code": summary.exit_code,
            "stopped": summary.ending.message if summary.ending else None,
        },
        ensure_ascii=False,
    )


def one_line(text: str) -> str:
    """Text of a server or a cell as one line that can't steer a terminal, and that ends somewhere."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return shown if len(shown) <= _TEXT_SHOWN else f"{shown[:_TEXT_SHOWN]}…"


def size_text(size_bytes: int) -> str:
    """A size in decimal units: ``5.0 MB``."""
    size = float(size_bytes)
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":  # noqa: PLR2004 - decimal units
            break
        size /= 1000
    return f"{size:,.0f} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"
