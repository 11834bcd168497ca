"""Reads the ``import_*`` columns of a results file for `rerun`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import pandas as pd

from importer.errors import ResultsError
from importer.ledger.records import ForgottenTicket, RowFromResults, source_of_run
from importer.manifest.manifest import Manifest
from importer.models import Status, TicketIds
from importer.results.columns import COLUMNS, REQUIRED_COLUMNS, ResultRow, unescape_formula
from importer.results.comparison import ResultsContent
from importer.results.projection import NUMBER_IN_LEDGER

_SHOWN_PROBLEMS = 10
_WITHOUT_TICKET = (Status.REJECTED, Status.FAILED, Status.PENDING)
_WITHOUT_NUMBER = (Status.UNKNOWN, Status.FAILED)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


def read_result_rows(frame: pd.DataFrame) -> list[ResultRow]:
    """Read the rows of a chunk, which must have passed ``check_results``."""
    return [
        ResultRow(
            row=int(cells["import_row"]),
            key=unescape_formula(cells["import_key"]),
            status=Status(cells["import_status"]),
            ids=_ids(cells),
            code=cells["import_error_code"],
            error=unescape_formula(cells["import_error"]),
            hint=unescape_formula(cells["import_hint"]),
            attempts=int(cells["import_attempts"] or 0),
            finished_at=cells["import_finished_at"],
            account=cells["import_account"],
            run=cells["import_run"],
            kept=tuple(cells.values()),
        )
        for cells in _records(frame)
    ]


def check_results(manifest: Manifest, file_name: str, *, account: str, source: str) -> ResultsContent:
    """Check that a results file is complete, and of this account and source; return its content.

    Raises ResultsError.
    """
    missing = [column for column in REQUIRED_COLUMNS if column not in manifest.columns]
    if missing:
        raise ResultsError(
            f"{file_name} is not a results file: it has no column {', '.join(missing)}",
            hint="name a file that an import wrote, or use `run` for a manifest",
        )
    problems: list[str] = []
    count = 0
    rows: Counter[str] = Counter()
    accounts: Counter[str] = Counter()
    content = ResultsContent(manifest)
    for chunk in manifest.chunks():
        for row, cells in zip(chunk.rows, _records(chunk.frame), strict=True):
            rows[cells["import_row"]] += 1
            accounts[cells["import_account"]] += 1
            for problem in _problems(cells, account, source):
                count += 1
                if len(problems) < _SHOWN_PROBLEMS:
                    has_number = _WHOLE_NUMBER.fullmatch(cells["import_row"])
                    place = f"row {cells['import_row']}" if has_number else f"row {row} of the file"
                    problems.append(f"{place}: {problem}")
        if not count:
            content.add(chunk)
    twice = [row for row, n in rows.items() if n > 1]
    if twice:
        count += 1
        problems.append(f"import_row {', '.join(twice[:_SHOWN_PROBLEMS])} is in more than one row")
    (of, number), *others = accounts.most_common(2) or [("", 0)]
    if of and of != account and not others and count == number:  # and nothing else is wrong with any row
        raise ResultsError(
            f"{file_name} holds results of account {of!r}, and this is account {account!r}",
            hint="check LSQ_HOST and LSQ_TENANT_ID; results of --sandbox need `rerun --sandbox`",
        )
    if problems:
        more = [f"… and {count - len(problems)} more"] if count > len(problems) else []
        raise ResultsError(
            f"{file_name} can't be run again: its import_* columns were changed, or it belongs to another account",
            details=[*problems, *more],
            hint="use the file that the import wrote, and edit only the columns of the manifest",
        )
    return content


def without_forgotten(results: Sequence[ResultRow], forgotten: Collection[ForgottenTicket]) -> list[ResultRow]:
    """Return the rows, with those pending whose tickets a user has made the ledger forget since."""
    numbers = {(each.key, each.number) for each in forgotten if each.number}
    unknown = {(each.key, each.sent_by) for each in forgotten if not each.number}
    return [
        replace(row, status=Status.PENDING, ids=None, code="", error="", hint="", attempts=0, finished_at="", kept=())
        if (row.ids is not None and (row.key, row.ids.number) in numbers)
        or (row.status in _WITHOUT_NUMBER and (row.key, row.run) in unknown)
        else row
        for row in results
    ]


def past_imports(results: Sequence[ResultRow]) -> list[RowFromResults]:
    """Return the rows that may have a ticket, for a ledger that may not know them."""
    return [
        RowFromResults(
            key=result.key,
            manifest_row=result.row,
            state=state,
            ids=result.ids,
            error_code=result.code,
            error=result.error,
            attempts=result.attempts,
            finished_at=result.finished_at,
            run=result.run,
        )
        for result in results
        if result.key and (state := _ledger_state(result)) is not None
    ]


def _ledger_state(result: ResultRow) -> str | None:
    """Return the ledger's state of a row that may have a ticket."""
    match result.status:
        case Status.SKIPPED if result.ids is None:
            return "unknown"
        case Status.CREATED | Status.SKIPPED:
            return "created"
        case Status.EXCLUDED if result.ids is not None:  # it was a ticket before the mapping left it out
            return "created"
        case Status.UNKNOWN:
            return "unknown"
    return None


def _records(frame: pd.DataFrame) -> Iterator[dict[str, str]]:
    empty = [""] * len(frame)
    for cells in zip(*(frame.get(column, empty) for column in COLUMNS), strict=True):
        yield dict(zip(COLUMNS, cells, strict=True))


def _ids(cells: dict[str, str]) -> TicketIds | None:
    number = unescape_formula(cells["import_ticket_number"])
    if not number:
        return None
    return TicketIds(
        number=number,
        ticket_id=unescape_formula(cells["import_ticket_id"]),
        key=unescape_formula(cells["import_ticket_key"]),
    )


def _problems(cells: dict[str, str], account: str, source: str) -> Iterator[str]:
    if not _WHOLE_NUMBER.fullmatch(cells["import_row"]):
        yield f"import_row is {cells['import_row']!r}, not a row number"
    if cells["import_status"] not in set(Status):
        yield f"import_status is {cells['import_status']!r}, not a status"
    elif cells["import_status"] in (Status.CREATED, Status.SKIPPED) and not (
        (cells["import_ticket_number"] or cells["import_hint"] == NUMBER_IN_LEDGER) and cells["import_key"]
    ):
        yield f"import_status is {cells['import_status']}, but it has no import_ticket_number or no import_key"
    elif cells["import_status"] in _WITHOUT_TICKET and cells["import_ticket_number"]:
        yield f"import_status is {cells['import_status']}, but it has an import_ticket_number"
    if not _WHOLE_NUMBER.fullmatch(cells["import_attempts"] or "0"):
        yield f"import_attempts is {cells['import_attempts']!r}, not a number"
    if cells["import_account"] != account:
        yield f"import_account is {cells['import_account']!r}, but this account is {account!r}"
    if source_of_run(cells["import_run"]) != source:
        yield f"import_run {cells['import_run']!r} does not belong to the mapping's source {source!r}"
