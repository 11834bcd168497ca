"""The workflow of `resolve`: finds the tickets of unknown rows in the account and settles these rows. Prints nothing.

A ticket settles a row only if it fits this row and no other row's request may have created it. A ticket that is not
found proves nothing: its row stays unknown, unless the user decides otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from importer.errors import Declined, ProgramError
from importer.ledger.records import utc_now
from importer.ledger.unanswered_requests import known_numbers, record_findings
from importer.models import Status
from importer.reports.summary import Summary
from importer.resolve.claims import ClaimedRows, claim_unknown_rows
from importer.resolve.conclusions import Evidence, conclusions
from importer.resolve.run import ResolveJob, ResolveRun, open_run, recorded
from importer.resolve.search import SearchOptions, SearchPlan, TicketSearch, look_up_tickets
from importer.resolve.ticket_lookup import LookupResult
from importer.results import (
    RowResults,
    RowState,
    data_columns,
    data_header,
    read_result_rows,
    result_of_row,
    with_acknowledgement,
    write_results,
)
from importer.runtime.events import Emit, Warned
from importer.runtime.signals import interruptions
from importer.validation import content_hashes
from importer.workflows.former_results import record_results


@dataclass(kw_only=True)
class Resolution:
    """The result of `resolve`. ``outcomes``: how many rows were found, not found, and so on."""

    summary: Summary
    outcomes: Counter[str] = field(default_factory=Counter)


def resolve(job: ResolveJob, options: SearchOptions, emit: Emit, confirm: Callable[[SearchPlan], bool]) -> Resolution:
    """Settle unknown rows and write the results anew; ``confirm`` is asked before the first call.

    Raises ImporterError if no row was settled.
    """
    with contextlib.ExitStack() as stack:
        run = stack.enter_context(open_run(job, options.give_up_after_s))
        summary = Summary(run=run.info.id, account=run.info.account, results=job.target, all_rows=run.all_rows)
        stack.enter_context(recorded(run, summary, emit))
        claimed = claim_unknown_rows(run)
        search = TicketSearch(claimed.rows, claimed.decisions, claimed.known)
        plan = search.plan(job.account_name, str(job.results), options.rate)
        emit(plan)
        if plan.calls and not _is_confirmed(run, plan, confirm):
            raise Declined("nothing was asked, and no row is settled")
        with interruptions() as signals:
            lookup = LookupResult(tickets={})
            if plan.calls:
                lookup = asyncio.run(look_up_tickets(search, options, run, signals, emit))
            outcomes = _settle(run, claimed, search, lookup, emit)
            _write_results(run, summary)
        files = [path for path in (job.target, run.all_rows) if path is not None]
        record_results(run.ledger, run.info.id, files, emit)
        summary.calls, summary.throttled, summary.seconds = lookup.calls, lookup.throttled, lookup.seconds
        return Resolution(summary=summary, outcomes=outcomes)


def _is_confirmed(run: ResolveRun, plan: SearchPlan, confirm: Callable[[SearchPlan], bool]) -> bool:
    """Ask the user, and keep this run's claims meanwhile, however long the answer takes."""
    with run.ledger.renewing(run.info.id):
        return confirm(plan)


def _settle(
    run: ResolveRun, claimed: ClaimedRows, search: TicketSearch, lookup: LookupResult, emit: Emit
) -> Counter[str]:
    """Record for each row whether its ticket was found, not found, or decided by the user; count these outcomes.

    The ledger is read again here: each ticket that the account has shown was requested before this moment.
    """
    evidence = Evidence(
        requests=run.unanswered_requests(),
        known={each.number: str(each) for each in known_numbers(run.ledger, run.info.account)},
        tickets=lookup.tickets,
        gaps=search.gaps,
        at=utc_now(),
        hash_title=run.ledger.keyed_hash.hex,
    )
    concluded = conclusions(claimed.rows, claimed.decisions, evidence)
    for conclusion in concluded:
        if conclusion.warning:
            emit(Warned(conclusion.warning))
    findings = [conclusion.finding for conclusion in concluded]
    settled_keys = record_findings(run.ledger, run.info, findings)
    for row, finding in zip(claimed.rows, findings, strict=True):
        if finding.ids is not None and finding.key not in settled_keys:
            emit(
                Warned(
                    f"row {row.import_rows[0]}: not settled, because ticket {finding.ids.number} (or its GUID) already "
                    "belongs to another row, or because the row is no longer unknown"
                )
            )
    return Counter(finding.outcome for finding in findings if finding.key in settled_keys)


def _write_results(run: ResolveRun, summary: Summary) -> None:
    """Write the results anew: unknown rows as the ledger now has them, the other rows unchanged."""
    rows = 0
    columns = list(data_columns(run.manifest.columns))
    acknowledged = run.ledger.acknowledgements(run.info.account, run.info.source)

    def outcomes() -> Iterator[RowResults]:
        nonlocal rows
        for chunk in run.manifest.chunks():
            former, cells = read_result_rows(chunk.frame), chunk.cells(columns)
            contents = content_hashes(columns, cells)
            entries = run.ledger_entries([each.key for each in former if each.status is Status.UNKNOWN and each.key])
            results = [
                result_of_row(
                    RowState(row=each.row, key=each.key, content=content, entry=entries[each.key], rejection=None),
                    account=run.info.account,
                    run=run.info.id,
                )
                if each.status is Status.UNKNOWN and each.key in entries
                else each
                for each, content in zip(former, contents, strict=True)
            ]
            rows += len(results)
            summary.count_results(
                with_acknowledgement(result, acknowledged.get((result.key, content)))
                for result, content in zip(results, contents, strict=True)
            )
            yield RowResults(cells=cells, results=results)

    open_only = run.all_rows is not None
    written = write_results(run.job.target, data_header(run.manifest), outcomes(), open_only=open_only)
    if written != rows:
        raise ProgramError(f"{rows} rows were read, but {written} were written")
