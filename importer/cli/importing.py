"""Carries out `run` and `rerun`: builds the job from the flags, runs it, and prints the summary.

Both commands load this module when they are called; it loads pandas, aiohttp and SQLAlchemy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from importer.cli.ending import Ending, command_run
from importer.cli.known_fields import fields_to_check
from importer.cli.ledger_location import ledger_for_import
from importer.cli.log_setup import set_up_log
from importer.cli.next_steps import next_step_lines
from importer.cli.options import read_environment
from importer.cli.questions import can_ask
from importer.cli.terminal import Terminal
from importer.export_checks.checks import ExportLimits
from importer.models import Rate
from importer.reports import plan_data, plan_lines, problem_lines, summary_data, summary_lines, warning_lines
from importer.reports.summary import PlanSummary
from importer.settings import (
    SANDBOX_ACCOUNT,
    AccountSettings,
    read_connection,
    read_refusals,
)
from importer.submission.retry import RetryPolicy
from importer.workflows.import_job import ImportJob, RowSelection
from importer.workflows.run import dry_run, export_stopped, run_import
from importer.workflows.send_options import SendOptions


def import_tickets(command: str, manifest: Path, results: Path, flags: dict[str, Any]) -> Ending:
    """Run one import, or only plan it with ``--dry-run``."""
    environment = read_environment()
    set_up_log(flags, environment, written=(results,))
    account, rate = read_connection(environment, flags["rate"], sandbox=flags["sandbox"])
    flags["refusals"] = read_refusals(flags["refusals"], environment)
    terminal = Terminal(asks=can_ask() and not flags["yes"], bar=_shows_bar(flags))
    with ledger_for_import(account, environment, flags, asks=terminal.asks) as ledger_url:
        job = ImportJob(
            command=command,
            manifest=manifest,
            mapping=flags["mapping"],
            mapping_source=flags["source"],
            mapping_key=flags["key"],
            results=None if flags["dry_run"] else results,
            account_name=account.name if account else SANDBOX_ACCOUNT,
            ledger_url=ledger_url,
            selection=_row_selection(flags),
            fields=fields_to_check(account, environment, flags),
            skip_invalid=flags["skip_invalid"],
            limit=flags["limit"],
            strict_end=flags.get("strict_end", False),
            export_limits=_export_limits(flags),
        )
        if flags["dry_run"]:
            return _planned(dry_run(job, _send_options(rate, flags), terminal.listen, _tickets_url(account)))
        summary = run_import(job, _send_options(rate, flags), terminal.listen, terminal.confirm, account)
    lines = (*summary_lines(summary), *next_step_lines(summary, job, flags))
    return Ending(exit_code=summary.exit_code, data=summary_data(summary), lines=lines, error=summary.ending)


def _planned(plan: PlanSummary) -> Ending:
    command_run().listen(plan)
    return Ending(
        exit_code=plan.exit_code,
        data=plan_data(plan),
        lines=(*problem_lines(plan.kinds), *plan_lines(plan), *warning_lines(plan)),
        text=(
            *(line for request in plan.requests for line in ("", *request.split("\n"))),
            "",
            "This was a dry run: nothing was sent, recorded or written.",
        ),
        error=export_stopped(plan) if plan.stops else None,
    )


def _row_selection(flags: dict[str, Any]) -> RowSelection:
    return RowSelection(
        only=flags.get("only"),
        resend_unknown=flags["on_unknown"] == "retry",
        manifest=flags.get("original"),
        allow_missing=flags.get("allow_missing", False),
        accept_edits=flags.get("accept_edits", False),
    )


def _export_limits(flags: dict[str, Any]) -> ExportLimits:
    names = ("expect_new", "max_changed", "max_gone", "min_rows")
    return ExportLimits(**{name: flags[name] for name in names if name in flags})


def _send_options(rate: Rate, flags: dict[str, Any]) -> SendOptions:
    return SendOptions(
        rate=rate,
        policy=RetryPolicy(
            retry_unknown=flags["on_unknown"] == "retry",
            retry_statuses=flags["retry_status"],
            refusals=flags["refusals"],
        ),
        max_failures=flags["max_failures"],
        give_up_after_s=flags["give_up_after"],
        answer_timeout_s=flags["answer_timeout"],
        grace_s=flags["grace"],
        concurrency=flags["concurrency"],
        rate_share=flags["rate_share"],
        daily_cap=flags["daily_cap"],
    )


def _shows_bar(flags: dict[str, Any]) -> bool | None:
    """Return whether to show a progress bar (``True``), log lines (``False``) or nothing (``None``)."""
    if flags["quiet"]:
        return None
    if flags["progress"] is not None:
        return bool(flags["progress"])
    return can_ask() and flags["log_format"] == "text"


def _tickets_url(account: AccountSettings | None) -> str:
    base_url, tenant = (account.base_url, account.tenant_id) if account else ("http://sandbox", "sandbox")
    return f"{base_url}/api/tenants/{tenant}/tickets"
