"""`run` and `rerun` for Python, over the same workflows, the same ledger and the same limit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from importer.errors import LedgerError, UsageError
from importer.reports.summary import Confirm, NewLedger, PlanSummary, Summary
from importer.results import WORKBOOK_ENDING
from importer.runtime.events import Emit, Warned, to_all
from importer.runtime.signals import outside_event_loop
from importer.settings import (
    SANDBOX_ACCOUNT,
    AccountSettings,
    notes_folder,
    read_connection,
    read_environment,
    read_refusals,
)
from importer.submission.retry import RetryPolicy
from importer.workflows import run as workflow
from importer.workflows.import_job import ImportJob
from importer.workflows.known_fields import fields_to_check
from importer.workflows.ledger_location import ledger_for_import
from importer.workflows.options import Options
from importer.workflows.preflight import naming_wrong_files
from importer.workflows.send_options import SendOptions

_IGNORE = to_all()


def run_import(
    manifest: str | Path,
    mapping: str | Path,
    options: Options | None = None,
    emit: Emit = _IGNORE,
    confirm: Confirm | None = None,
) -> Summary:
    """Import the tickets of a manifest, and write the results of every row.

    ``confirm`` is asked with the plan, and with a ``NewLedger`` if there is no ledger; without it the plan is carried
    out, and no ledger is created. Raises ImporterError if nothing was sent; otherwise ``Summary.ending`` says why a run
    ended early.
    """
    options, manifest = options or Options(), Path(manifest)
    order = Order("run", manifest, Path(mapping), options.results_of_manifest(manifest), options)
    return outside_event_loop(partial(order.run, emit, confirm or confirm_plans))


def rerun(
    results: str | Path,
    mapping: str | Path,
    options: Options | None = None,
    emit: Emit = _IGNORE,
    confirm: Confirm | None = None,
) -> Summary:
    """Send the rows of a results file that are not tickets yet. See ``run_import``."""
    options, results = options or Options(), Path(results)
    order = Order("rerun", results, Path(mapping), options.results_of_results(results), options)
    return outside_event_loop(partial(order.run, emit, confirm or confirm_plans))


def plan_import(
    manifest: str | Path, mapping: str | Path, options: Options | None = None, emit: Emit = _IGNORE
) -> PlanSummary:
    """Plan the import of a manifest without a call or a record; the plan has the first requests."""
    options, manifest = options or Options(), Path(manifest)
    order = Order("run", manifest, Path(mapping), options.results_of_manifest(manifest), options)
    return outside_event_loop(partial(order.plan, emit))


def confirm_plans(question: PlanSummary | NewLedger) -> bool:
    """Carry out every plan, and create no ledger."""
    return isinstance(question, PlanSummary)


@dataclass(frozen=True)
class Order:
    """One `run` or `rerun`, as the user orders it."""

    command: str
    manifest: Path
    mapping: Path
    results: Path
    options: Options

    def __post_init__(self) -> None:
        """Raise UsageError for an option that has no effect on these results."""
        if self.options.open_only and self.results.suffix.lower() != WORKBOOK_ENDING:
            raise UsageError(
                f"--open-only is for a workbook, and the results are {self.results}",
                hint="name a workbook with -o NAME.xlsx; NAME.csv beside it then has all rows",
            )

    def run(self, emit: Emit, confirm: Confirm) -> Summary:
        """Carry it out."""
        with self._prepared(emit, confirm) as (job, send_options, account):
            return workflow.run_import(job, send_options, emit, confirm, account)

    def plan(self, emit: Emit) -> PlanSummary:
        """Only plan it."""
        with self._prepared(emit, None) as (job, send_options, account):
            base_url, tenant = (account.base_url, account.tenant_id) if account else ("http://sandbox", "sandbox")
            return workflow.dry_run(job, send_options, emit, f"{base_url}/api/tenants/{tenant}/tickets")

    @contextlib.contextmanager
    def _prepared(
        self, emit: Emit, confirm: Confirm | None
    ) -> Iterator[tuple[ImportJob, SendOptions, AccountSettings | None]]:
        """Read the settings and find the ledger. Without ``confirm``, nothing is called or recorded."""
        with naming_wrong_files(self.mapping, self.manifest, self.options), self._job(emit, confirm) as prepared:
            yield prepared

    @contextlib.contextmanager
    def _job(
        self, emit: Emit, confirm: Confirm | None
    ) -> Iterator[tuple[ImportJob, SendOptions, AccountSettings | None]]:
        options = self.options
        environment = read_environment(options.settings)
        account, rate = read_connection(environment, options.rate, sandbox=options.sandbox)
        policy = RetryPolicy(
            retry_unknown=options.on_unknown == "retry",
            retry_statuses=options.retry_status,
            refusals=read_refusals(options.refusals, environment),
        )
        with ledger_for_import(account, environment, options, confirm) as ledger:
            if isinstance(ledger, LedgerError):
                emit(Warned(f"{ledger.message}, so a run would ask or stop; {ledger.hint}"))
            fields = fields_to_check(
                account, environment, options, emit, mapping=self.mapping, may_call=confirm is not None
            )
            job = ImportJob(
                command=self.command,
                manifest=self.manifest,
                mapping=self.mapping,
                results=self.results,
                account_name=account.name if account else SANDBOX_ACCOUNT,
                ledger_url=ledger if isinstance(ledger, str) else None,
                options=options,
                fields=fields,
                notes=notes_folder() if account is not None else None,
            )
            yield job, SendOptions(rate=rate, policy=policy, options=options), account
