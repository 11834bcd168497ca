"""One run of `resolve`: opens the results file and the ledger, and records the run in the ledger."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from importer.errors import ImporterError, LedgerError, ProgramError, ResultsError
from importer.leadsquared.ticket_details import read_request
from importer.ledger.records import LedgerEntry, RunInfo, new_run_id, path_text, source_of_run
from importer.ledger.store import Ledger
from importer.ledger.unanswered_requests import unanswered_requests
from importer.manifest.manifest import Manifest, open_manifest
from importer.manifest.snapshot import private_copy, private_folder
from importer.models import ManifestOptions
from importer.resolve.number_gaps import SearchedRequest
from importer.results import (
    COLUMNS,
    WORKBOOK_ENDING,
    ResultRow,
    all_rows_path,
    check_results,
    check_results_path,
    has_only_open_rows,
    read_result_rows,
    with_other_rows,
)
from importer.runtime.events import Emit, RunStarted, Warned


@dataclass(frozen=True, kw_only=True)
class ResolveJob:
    """What the user asks for: the results file to resolve, the file to write, and the ``--set`` texts."""

    results: Path
    target: Path
    account_name: str
    ledger_url: str
    decisions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ResolveRun:
    """An open results file, the open ledger, and the run as the ledger records it.

    ``all_rows``: the file with all rows, if the results have only those to work on.
    """

    job: ResolveJob
    manifest: Manifest
    ledger: Ledger
    info: RunInfo
    all_rows: Path | None = None

    def result_rows(self) -> Iterator[list[ResultRow]]:
        """Read the rows of the results file, chunk by chunk."""
        return (read_result_rows(chunk.frame) for chunk in self.manifest.chunks())

    def ledger_entries(self, keys: list[str]) -> dict[str, LedgerEntry]:
        """Look up the ledger's entries for some keys of the results file."""
        return self.ledger.look_up(self.info.account, self.info.source, keys)

    def unanswered_requests(self) -> list[SearchedRequest]:
        """Read all unanswered requests of the account, also other sources': each may have created a ticket."""
        requests = []
        for each in unanswered_requests(self.ledger, self.info.account):
            lead_id, fields = read_request(each.request)
            requests.append(
                SearchedRequest(
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


@contextlib.contextmanager
def open_run(job: ResolveJob, patience_s: float) -> Iterator[ResolveRun]:
    """Open the results file and the ledger. Raises ImporterError for a bad file before it opens the ledger.

    ``patience_s``: how long to wait for the ledger's server.
    """
    with private_folder() as folder:
        copy = private_copy(job.results, folder)
        options = ManifestOptions().for_results()
        manifest = open_manifest(copy.path, options, COLUMNS, original=job.results)
        all_rows = None
        if has_only_open_rows(manifest):
            manifest = with_other_rows(manifest, job.results, options, folder)
            all_rows = all_rows_path(job.target) if job.target.suffix.lower() == WORKBOOK_ENDING else None
        source = _read_source(manifest)
        check_results(manifest, str(job.results), account=job.account_name, source=source)
        for path in filter(None, (job.target, all_rows)):
            check_results_path(path, account=job.account_name, source=source, inputs=[])
        info = RunInfo(
            id=new_run_id(source),
            account=job.account_name,
            source=source,
            command="resolve",
            manifest=path_text(job.results.absolute()),
            manifest_sha256=copy.sha256,
            mapping_sha256="",
            key_field=None,
            results=path_text(job.target.absolute()),
        )
        ledger = Ledger.open(job.ledger_url, patience_s)
        try:
            yield ResolveRun(job=job, manifest=manifest, ledger=ledger, info=info, all_rows=all_rows)
        finally:
            ledger.close()


def _read_source(manifest: Manifest) -> str:
    """Return the source that the first row's run names; ``check_results`` compares the other rows with it."""
    if "import_run" not in manifest.columns:
        return ""  # not a results file: `check_results` refuses it
    first = next(manifest.chunks(1), None)
    if first is None:
        return ""
    source = source_of_run(first.frame["import_run"].iloc[0])
    if not source:
        raise ResultsError(
            f"row {first.rows[0]} has no import_run",
            hint="use the results file as the import wrote it, with all of its columns",
        )
    return source


class LedgerRun(Protocol):
    """A run that the ledger records."""

    @property
    def ledger(self) -> Ledger:
        """The open ledger."""

    @property
    def info(self) -> RunInfo:
        """The facts of the run."""


class Ended(Protocol):
    """How a run ended."""

    @property
    def exit_code(self) -> int:
        """The exit code of the process."""


@contextlib.contextmanager
def recorded(run: LedgerRun, ended: Ended, emit: Emit) -> Iterator[None]:
    """Begin the run in the ledger, which gives it a lease, and record how it ``ended`` at the end."""
    run.ledger.begin_run(run.info)
    emit(RunStarted(run.info.id, run.info.account))
    exit_code, stopped = ProgramError.exit_code, ""
    try:
        yield
        exit_code = ended.exit_code
    except ImporterError as error:
        exit_code, stopped = error.exit_code, error.message
        raise
    finally:
        try:
            run.ledger.end_run(run.info.id, exit_code, stopped)
        except LedgerError as error:  # must not hide the result; the lease expires by itself, as after a crash
            emit(Warned(f"the end of this run could not be recorded in the ledger: {error.message}"))
