"""Claims the unknown rows of a results file for this run, and reads the user's decisions about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from importer.errors import ResultsError, UsageError
from importer.ledger.records import Claim, LedgerEntry
from importer.ledger.results_runs import record_row_count, runs_of_source, unknown_keys
from importer.ledger.unanswered_requests import KnownNumber, known_numbers
from importer.models import Status
from importer.resolve.conclusions import UnknownRow
from importer.resolve.decisions import Decisions, read_decisions
from importer.resolve.number_gaps import SearchedRequest
from importer.resolve.run import ResolveRun
from importer.results import past_imports, without_forgotten

_MAY_BE_TICKETS = (Status.CREATED, Status.SKIPPED, Status.UNKNOWN)
_MAX_KEYS_SHOWN = 10

ImportRows = dict[str, list[int]]  # key -> its import_row numbers: several with `duplicates: first`


@dataclass(frozen=True, kw_only=True)
class ClaimedRows:
    """The unknown rows that this run may settle, the user's decisions, and the known ticket numbers."""

    rows: Sequence[UnknownRow]
    decisions: Decisions
    known: Sequence[KnownNumber]


def claim_unknown_rows(run: ResolveRun) -> ClaimedRows:
    """Claim each row that is unknown in the results file and in the ledger. Rows with one key are settled together.

    Raises ResultsError for changed keys, HeldByAnotherRun, and UsageError for a wrong ``--set``.
    """
    _check_keys(run)
    unknown, others = _read_rows(run)
    entries = _claim(run, unknown)
    others.update(row for key, rows in unknown.items() if key not in entries for row in rows)
    known = known_numbers(run.ledger, run.info.account)
    decisions = read_decisions(
        run.job.decisions,
        unknown={row for key in entries for row in unknown[key]},
        others=others,
        taken={each.number: str(each) for each in known},
    )
    _refuse_two_decisions_for_one_key(decisions, [unknown[key] for key in entries])
    return ClaimedRows(rows=_with_requests(run, unknown, entries), decisions=decisions, known=known)


def _check_keys(run: ResolveRun) -> None:
    """Raise ResultsError for a key that the ledger does not know although it knows its run: the file was changed."""
    account, source = run.info.account, run.info.source
    runs = {each.run for each in runs_of_source(run.ledger, account, source)}
    for results in run.result_rows():
        rows = {
            result.key: result.row
            for result in results
            if result.key and result.run in runs and result.status in _MAY_BE_TICKETS
        }
        if changed := unknown_keys(run.ledger, account, source, rows):
            raise ResultsError(
                f"{run.job.results}: import_key was changed; the ledger knows these rows' run, but not their keys",
                details=[f"import_row {rows[key]}: {key!r}" for key in changed[:_MAX_KEYS_SHOWN]],
                hint="use the results file as the import wrote it",
            )


def _read_rows(run: ResolveRun) -> tuple[ImportRows, set[int]]:
    """Enter the rows of the results file into the ledger; return those that are unknown, and the others."""
    unknown: ImportRows = defaultdict(list)
    others: set[int] = set()
    for read in run.result_rows():
        keys = [row.key for row in read if row.key]
        results = without_forgotten(read, run.ledger.forgotten_tickets(run.info.account, run.info.source, keys))
        run.ledger.add_from_results(run.info, past_imports(results))
        for result in results:
            if result.status is Status.UNKNOWN and result.key:
                unknown[result.key].append(result.row)
            else:
                others.add(result.row)
    record_row_count(run.ledger, run.info.id, len(others) + sum(map(len, unknown.values())))
    return unknown, others


def _claim(run: ResolveRun, unknown: ImportRows) -> dict[str, LedgerEntry]:
    """Claim the keys, and return the entries that are unknown in the ledger, too."""
    entries = run.ledger_entries(list(unknown))
    claims = [
        Claim(key=key, manifest_row=unknown[key][0])
        for key, entry in entries.items()
        if entry.state in (Status.UNKNOWN, "sending")
    ]
    run.ledger.claim(run.info, claims)
    claimed = run.ledger_entries([claim.key for claim in claims])
    return {key: entry for key, entry in claimed.items() if entry.state == Status.UNKNOWN}


def _refuse_two_decisions_for_one_key(decisions: Decisions, rows_by_key: Iterable[list[int]]) -> None:
    decided = ([row for row in rows if row in decisions] for rows in rows_by_key)
    if contradictory := [rows for rows in decided if len(rows) > 1]:
        raise UsageError(
            "--set can't be followed",
            details=[f"rows {' and '.join(map(str, rows))} have one key, and so one ticket" for rows in contradictory],
            hint="set only one of them",
        )


def _with_requests(run: ResolveRun, unknown: ImportRows, entries: Mapping[str, LedgerEntry]) -> list[UnknownRow]:
    requests: dict[int, list[SearchedRequest]] = defaultdict(list)
    for request in run.unanswered_requests():
        requests[request.row].append(request)
    return [
        UnknownRow(import_rows=tuple(unknown[key]), entry=entry, requests=tuple(requests[entry.id]))
        for key, entry in entries.items()
    ]
