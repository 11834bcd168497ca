"""The story of `resolve`: which rows are unknown, what the account shows where their tickets would be, what follows.

Prints nothing.

Only a ticket that fits one row, and that no other row's request may have made, settles it. Not finding one proves
nothing: a row then stays unknown, unless the user has decided otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from importer.errors import Declined, ImporterError, LedgerError, ProgramError, ResultsError, UsageError
from importer.leadsquared.ticket_details import read_request
from importer.ledger import Claim, Ledger, LedgerEntry, RunInfo, new_run_id, source_of_run, utc_now
from importer.ledger.results_runs import record_row_count, runs_of_source, unknown_keys
from importer.ledger.unanswered_requests import known_numbers, record_findings, unanswered_requests
from importer.manifest import Manifest, open_manifest, private_copy, private_folder
from importer.models import ManifestOptions, Status
from importer.reports.summary import Summary
from importer.resolve.conclusions import Evidence, UnknownRow, conclusions
from importer.resolve.decisions import Decisions, read_decisions
from importer.resolve.number_gaps import UnansweredRequest
from importer.resolve.search import ResolveInterface, Search, SearchContext, SearchOptions, SearchPlan
from importer.resolve.ticket_lookup import LookupResult
from importer.results import (
    COLUMNS,
    JudgedRow,
    Outcomes,
    ResultRow,
    check_results,
    check_target,
    data_columns,
    imports,
    project,
    read_results,
    write_whole,
)
from importer.runtime.signals import interruptions
from importer.validation import content_hashes

_MAY_BE_TICKETS = (Status.CREATED, Status.SKIPPED, Status.UNKNOWN)
_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class ResolveJob:
    """What the user asked for. ``decisions``: the texts of ``--set``."""

    results: Path
    target: Path
    account_name: str
    ledger_url: str
    decisions: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Resolution:
    """How it ended. ``outcomes``: how many rows were found, not found, and so on."""

    summary: Summary
    outcomes: Counter[str] = field(default_factory=Counter)


def resolve(job: ResolveJob, terms: SearchOptions, desk: ResolveInterface) -> Resolution:
    """Settle what can be settled, and write the results anew. Raises ImporterError; then nothing was settled."""
    with _prepared(job) as resolving, resolving.recorded(desk) as resolution:
        search = resolving.take()
        plan = search.plan(job.account_name, str(job.results), terms.rate)
        desk.show(plan)
        if plan.calls and not resolving.agreed(desk, plan):
            raise Declined("nothing was asked, and nothing is settled")
        with interruptions() as signals:
            asked = resolving.ask(search, plan, SearchContext(terms, desk, signals))
            resolving.settle(asked, search, resolution, desk)
            resolving.conclude(resolution.summary)
        resolution.summary.calls, resolution.summary.throttled = asked.calls, asked.throttled
        resolution.summary.seconds = asked.seconds
        return resolution


@contextlib.contextmanager
def _prepared(job: ResolveJob) -> Iterator[_Resolving]:
    """Find everything that is wrong with the file before the ledger is touched."""
    with private_folder() as folder:
        copy = private_copy(job.results, folder)
        manifest = open_manifest(copy.path, ManifestOptions(), COLUMNS, shown_as=job.results)
        source = _source(manifest)
        check_results(manifest, str(job.results), account=job.account_name, source=source)
        check_target(job.target, account=job.account_name, source=source, inputs=[])
        info = RunInfo(
            id=new_run_id(source),
            account=job.account_name,
            source=source,
            command="resolve",
            manifest=str(job.results.absolute()),
            manifest_sha256=copy.sha256,
            mapping_sha256="",
            key_field=None,
        )
        ledger = Ledger.open(job.ledger_url)
        try:
            yield _Resolving(job, manifest, ledger, info)
        finally:
            ledger.close()


def _source(manifest: Manifest) -> str:
    """Whose keys these are: the first row's run tells, and the others are held against it."""
    if "import_run" not in manifest.columns:
        return ""  # no results file, as will be said
    first = next(manifest.chunks(1), None)
    if first is None:
        return ""
    source = source_of_run(first.frame["import_run"].iloc[0])
    if not source:
        raise ResultsError(
            f"row {first.rows[0]} has no import_run", hint="take the file as the import wrote it, with every column"
        )
    return source


class _Resolving:
    """The unknown rows of one results file. Rows of one key (``duplicates: first``) are settled together."""

    def __init__(self, job: ResolveJob, manifest: Manifest, ledger: Ledger, info: RunInfo) -> None:
        self._job = job
        self._manifest = manifest
        self._ledger = ledger
        self._info = info
        self._rows: list[UnknownRow] = []
        self._decisions = Decisions()

    @contextlib.contextmanager
    def recorded(self, desk: ResolveInterface) -> Iterator[Resolution]:
        """Hold a lease in the ledger, and record how it ended."""
        summary = Summary(run=self._info.id, account=self._info.account, results=self._job.target)
        self._ledger.begin_run(self._info)
        code = ProgramError.exit_code
        try:
            yield Resolution(summary=summary)
            code = summary.exit_code
        except ImporterError as error:
            code = error.exit_code
            raise
        finally:
            try:
                self._ledger.end_run(self._info.id, code)
            except LedgerError as error:  # no reason to hide how it ended; its rows are free as after a crash
                desk.note(f"the end of this run could not be recorded: {error.message}")

    # -- which rows -------------------------------------------------------------------------------------------------

    def take(self) -> Search:
        """Claim the rows that are unknown, here and in the ledger.

        Raises HeldByAnotherRun, and UsageError for what --set says of other rows.
        """
        self._check_keys()
        unknown: dict[str, list[int]] = defaultdict(list)
        others: set[int] = set()
        for prior in self._prior():
            self._ledger.add_from_results(self._info, imports(prior))
            for result in prior:
                if result.status is Status.UNKNOWN and result.key:
                    unknown[result.key].append(result.row)
                else:
                    others.add(result.row)
        record_row_count(self._ledger, self._info.id, len(others) + sum(map(len, unknown.values())))
        entries = self._look_up(list(unknown))
        claims = [
            Claim(key=key, manifest_row=unknown[key][0])
            for key, entry in entries.items()
            if entry.state in (Status.UNKNOWN, "sending")
        ]
        self._ledger.claim(self._info, claims)
        entries = self._look_up([claim.key for claim in claims])
        open_entries = {key: entry for key, entry in entries.items() if entry.state == Status.UNKNOWN}
        others.update(row for key, rows in unknown.items() if key not in open_entries for row in rows)
        known = known_numbers(self._ledger, self._info.account)
        self._decisions = read_decisions(
            self._job.decisions,
            unknown={row for key in open_entries for row in unknown[key]},
            others=others,
            taken={each.number: str(each) for each in known},
        )
        self._refuse_twins([unknown[key] for key in open_entries])
        requests: dict[int, list[UnansweredRequest]] = defaultdict(list)
        for request in self._requests():
            requests[request.row].append(request)
        self._rows = [
            UnknownRow(rows=tuple(unknown[key]), entry=entry, requests=tuple(requests[entry.id]))
            for key, entry in open_entries.items()
        ]
        return Search(self._rows, self._decisions, known)

    def _refuse_twins(self, rows: Iterable[list[int]]) -> None:
        """Rows of one key are one ticket, of which one thing can be said."""
        decided = ([row for row in twins if row in self._decisions] for twins in rows)
        if twice := [twins for twins in decided if len(twins) > 1]:
            raise UsageError(
                "--set can't be followed",
                details=[f"rows {' and '.join(map(str, twins))} have one key, and so one ticket" for twins in twice],
                hint="set one of them",
            )

    def _prior(self) -> Iterator[list[ResultRow]]:
        return (read_results(chunk.frame) for chunk in self._manifest.chunks())

    def _check_keys(self) -> None:
        """A run of this ledger has all its keys there: one that is not was changed in the file. Raises ResultsError."""
        account, source = self._info.account, self._info.source
        runs = {origin.run for origin in runs_of_source(self._ledger, account, source)}
        for prior in self._prior():
            rows = {
                result.key: result.row
                for result in prior
                if result.key and result.run in runs and result.status in _MAY_BE_TICKETS
            }
            if strange := unknown_keys(self._ledger, account, source, rows):
                raise ResultsError(
                    f"{self._job.results}: import_key was changed; the ledger knows the runs, and not these keys",
                    details=[f"import_row {rows[key]}: {key!r}" for key in strange[:_SHOWN]],
                    hint="take the file as the import wrote it",
                )

    def _look_up(self, keys: list[str]) -> dict[str, LedgerEntry]:
        return self._ledger.look_up(self._info.account, self._info.source, keys)

    def _requests(self) -> list[UnansweredRequest]:
        """Every unanswered request of the account, of other sources, too: each may have made a ticket."""
        requests = []
        for each in unanswered_requests(self._ledger, self._info.account):
            lead_id, fields = read_request(each.request)
            requests.append(
                UnansweredRequest(
                    row=each.ticket,
                    key=each.key,
                    attempt=each.attempt,
                    settled_after=each.settled_after,
                    lead_id=lead_id,
                    fields=fields,
                    key_field=each.key_field,
                    title_hash=None if each.request else each.title_hash,
                )
            )
        return requests

    # -- what the account shows, and what follows -------------------------------------------------------------------

    def agreed(self, desk: ResolveInterface, plan: SearchPlan) -> bool:
        """Ask whether to go on; however long the answer takes, the rows stay this run's."""
        with self._ledger.renewing(self._info.id):
            return desk.confirm(plan)

    def ask(self, search: Search, plan: SearchPlan, way: SearchContext) -> LookupResult:
        """Ask what there is to be asked. Raises StoppedEarly and Interrupted."""
        if not plan.calls:
            return LookupResult(tickets={})
        return asyncio.run(search.ask(way, plan, self._ledger, self._info))

    def settle(self, asked: LookupResult, search: Search, resolution: Resolution, desk: ResolveInterface) -> None:
        """Record what was found, not found, and decided.

        What the ledger knows is read again: whatever the account has shown by now was asked for before this moment.
        """
        evidence = Evidence(
            requests=self._requests(),
            known={each.number: str(each) for each in known_numbers(self._ledger, self._info.account)},
            tickets=asked.tickets,
            gaps=search.gaps,
            at=utc_now(),
            hashed=self._ledger.keyed_hash.hex,
        )
        follows = conclusions(self._rows, self._decisions, evidence)
        for conclusion in follows:
            if conclusion.note:
                desk.note(conclusion.note)
        findings = [conclusion.finding for conclusion in follows]
        settled = record_findings(self._ledger, self._info, findings)
        for row, finding in zip(self._rows, findings, strict=True):
            if finding.ids is not None and finding.key not in settled:
                desk.note(
                    f"row {row.rows[0]}: ticket {finding.ids.number} is another row's, by its number or its GUID, or "
                    "the row is not unknown any more; it stays as it is"
                )
        resolution.outcomes.update(finding.outcome for finding in findings if finding.key in settled)

    # -- write down -------------------------------------------------------------------------------------------------

    def conclude(self, summary: Summary) -> None:
        """Write the results anew: rows that were unknown as the ledger knows them by now, the others to the letter."""
        rows = 0
        columns = list(data_columns(self._manifest.columns))

        def outcomes() -> Iterator[Outcomes]:
            nonlocal rows
            for chunk in self._manifest.chunks():
                prior = read_results(chunk.frame)
                keys = [each.key for each in prior if each.status is Status.UNKNOWN and each.key]
                entries = self._look_up(keys)
                contents = content_hashes(chunk.frame[columns])
                results = [
                    project(
                        JudgedRow(row=each.row, key=each.key, content=content, entry=entries[each.key], rejection=None),
                        account=self._info.account,
                        run=self._info.id,
                    )
                    if each.status is Status.UNKNOWN and each.key in entries
                    else each
                    for each, content in zip(prior, contents, strict=True)
                ]
                rows += len(results)
                summary.count((result.status, result.code, result.error) for result in results)
                yield Outcomes(frame=chunk.frame, results=results)

        written = write_whole(self._job.target, columns, outcomes())
        if written != rows:
            raise ProgramError(f"{rows} rows went in, and {written} came out")
