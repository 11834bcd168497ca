"""The commands: each turns its flags into a job, runs it, and prints how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer import __version__
from importer.cli import options
from importer.cli.json_envelope import enveloped
from importer.cli.known_fields import fields_to_check
from importer.cli.output import ask, is_terminal, note_bug, say, say_error, set_up_log
from importer.errors import LedgerError, UsageError
from importer.models import Rate, Status
from importer.runtime.garbage_collection import paused
from importer.settings import (
    SANDBOX_ACCOUNT,
    VARIABLES,
    AccountSettings,
    Environment,
    ledger_url,
    read_connection,
    read_refusals,
)

if TYPE_CHECKING:
    from importer.export_checks.checks import ExportLimits
    from importer.reports.summary import Summary
    from importer.workflows.preflight import ImportJob
    from importer.workflows.send_options import SendOptions

_EPILOG = "Settings come from flags, then the environment, then .env in this folder:\n\n\b\n" + "\n".join(
    f"{name:<16}{text}" for name, text in VARIABLES.items()
)
_RERUN_STATES = (Status.FAILED, Status.REJECTED, Status.PENDING, Status.UNKNOWN, Status.UNDONE)


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="ticket-importer")
def cli() -> None:
    """Import tickets with attachments into LeadSquared Service Cloud: never twice, never lost."""


@cli.command()
@click.argument("manifest", type=options.PATH)
@options.strict_end
@options.comparing
@options.sending
def run(manifest: Path, **flags: Any) -> int:
    """Import the tickets of MANIFEST (a table as CSV, workbook or JSON Lines) and write a results file.

    The same command again goes on where it stopped; a ticket is never made twice.
    """
    ending = ".sandbox.results.csv" if flags["sandbox"] else ".results.csv"
    results = flags["results"] or manifest.with_name(f"{manifest.stem}{ending}")
    return _import("run", manifest, results, flags)


@cli.command()
@click.argument("results_file", metavar="RESULTS", type=options.PATH)
@click.option(
    "--only",
    default="failed,rejected,pending",
    show_default=True,
    metavar="STATES",
    help="Which states are sent again. `unknown` needs --on-unknown retry.",
)
@click.option(
    "--manifest",
    "original",
    type=options.PATH,
    help="The manifest that RESULTS came from, to see what a spreadsheet changed.  [default: as the ledger knows it]",
)
@click.option("--accept-edits", is_flag=True, help="Send cells as they are, though a spreadsheet has changed them.")
@click.option("--allow-missing", is_flag=True, help="Go on although rows of the manifest are missing in RESULTS.")
@options.sending
def rerun(results_file: Path, only: str, **flags: Any) -> int:
    """Send again what did not become a ticket, from RESULTS as an import wrote it and you have mended it."""
    names = [name.strip() for name in only.split(",")]
    if wrong := [name for name in names if name not in _RERUN_STATES]:
        raise UsageError(f"--only: {', '.join(map(repr, wrong))} can't be sent again", hint=", ".join(_RERUN_STATES))
    if Status.UNKNOWN in names and flags["on_unknown"] != "retry":
        raise UsageError(
            "--only unknown needs --on-unknown retry",
            hint="an unknown row may be a ticket already, and would then be made twice; look in the account first",
        )
    kept = results_file.suffix.lower() in (".csv", ".xlsx")
    results = flags["results"] or (results_file if kept else results_file.with_suffix(".csv"))
    return _import("rerun", results_file, results, {**flags, "only": frozenset(map(Status, names))})


@cli.group()
def ledger() -> None:
    """Look after the ledger, which knows every ticket that was made or may have been."""


@ledger.command("init")
@click.option("--ledger", "address", metavar="FILE|URL", help="Where it is to be; or LSQ_LEDGER.")
def ledger_init(address: str | None) -> int:
    """Make the ledger, once, before the first import. One that is there stays as it is."""
    from importer.ledger import Ledger, safe_url  # noqa: PLC0415 - see the package's docstring

    url = ledger_url(address, _environment())
    there = Ledger.exists(url)
    Ledger.create(url).close()
    say(f"the ledger {'was there already' if there else 'is made'}: {safe_url(url)}")
    return 0


@ledger.command("backup")
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--ledger", "address", metavar="FILE|URL", help="Where the ledger is; or LSQ_LEDGER.")
def ledger_backup(target: Path, address: str | None) -> int:
    """Copy the ledger into a new FILE, which may be done while runs go on."""
    from importer.ledger.backup import back_up  # noqa: PLC0415 - see the package's docstring

    backup = back_up(ledger_url(address, _environment()), target)
    say(f"the ledger is copied to {target}: {backup.rows:,} rows, {backup.size_bytes:,} bytes, checked")
    return 0


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port.  [default: a free one]")
@click.option("--rate", type=options.RATE, default="25/5", show_default=True, help="The account's limit.")
@click.option("--algorithm", type=click.Choice(["sliding", "fixed", "bucket"]), default="sliding", show_default=True)
@click.option("--latency", type=options.DURATION, default="50ms", show_default=True, help="Time to make a ticket.")
@click.option("--jitter", type=options.DURATION, default="0s", show_default=True, help="Longest wait before counting.")
@click.option("--faults", type=options.PATH, help="A YAML or JSON file that says which request goes wrong, and how.")
def sandbox(port: int, faults: Path | None, **flags: Any) -> int:
    """Serve a stand-in account on this machine until it is interrupted.

    Its record of every call and ticket is at /sandbox/record.
    """
    from importer.cli.sandbox import serve_until_interrupted  # noqa: PLC0415 - see the package's docstring

    return serve_until_interrupted(port, faults, **flags)


# -- one import -----------------------------------------------------------------------------------------------------


def _import(command: str, manifest: Path, results: Path, flags: dict[str, Any]) -> int:
    environment = _environment()
    set_up_log(flags, environment, written=(results,))
    account, rate = read_connection(environment, flags["rate"], sandbox=flags["sandbox"])
    flags["refusals"] = read_refusals(flags["refusals"], environment)
    with paused():
        from importer.cli.terminal import Terminal  # noqa: PLC0415 - see the package's docstring
        from importer.workflows.preflight import ImportJob  # noqa: PLC0415
        from importer.workflows.rerun.previous_results import RowSelection  # noqa: PLC0415
        from importer.workflows.run import run_import  # noqa: PLC0415

    asks = is_terminal() and not flags["yes"]
    bar = flags["progress"]
    if bar is None:
        bar = is_terminal() and flags["log_format"] == "text"
    desk = Terminal(rate, asks=asks, bar=None if flags["quiet"] else bar)
    with _ledger(account, environment, flags, asks=asks) as url:
        job = ImportJob(
            command=command,
            manifest=manifest,
            mapping=flags["mapping"],
            mapping_source=flags["source"],
            mapping_key=flags["key"],
            results=None if flags["dry_run"] else results,
            account_name=account.name if account else SANDBOX_ACCOUNT,
            ledger_url=url,
            choice=RowSelection(
                only=flags.get("only"),
                resend_unknown=flags["on_unknown"] == "retry",
                manifest=flags.get("original"),
                allow_missing=flags.get("allow_missing", False),
                accept_edits=flags.get("accept_edits", False),
            ),
            fields=fields_to_check(account, environment, flags),
            skip_invalid=flags["skip_invalid"],
            limit=flags["limit"],
            strict_end=flags.get("strict_end", False),
            export_limits=_export_limits(flags),
        )
        if flags["dry_run"]:
            base_url, tenant = (account.base_url, account.tenant_id) if account else ("http://sandbox", "sandbox")
            calls_at = f"{base_url}/api/tenants/{tenant}/tickets"
            return _rehearse(job, _sending(rate, flags), calls_at, as_json=flags["as_json"])
        summary = run_import(job, _sending(rate, flags), desk, account)
    return _show(summary, job, flags)


def _export_limits(flags: dict[str, Any]) -> ExportLimits:
    from importer.export_checks.checks import ExportLimits  # noqa: PLC0415 - see the package's docstring

    names = ("expect_new", "max_changed", "max_gone", "min_rows")
    return ExportLimits(**{name: flags[name] for name in names if name in flags})


def _rehearse(job: ImportJob, sending: SendOptions, url: str, *, as_json: bool) -> int:
    """Show the plan and the first requests."""
    from importer.cli.terminal import Terminal  # noqa: PLC0415 - see the package's docstring
    from importer.reports import plan_json, plan_lines, warning_lines  # noqa: PLC0415
    from importer.workflows.run import rehearse, stopped_by_export  # noqa: PLC0415

    desk = Terminal(sending.rate)
    plan, requests = rehearse(job, sending, desk, url)
    code = int(desk.tally.rows > 0 or bool(plan.stops))
    if as_json:
        say(enveloped(json.loads(plan_json(plan, requests, exit_code=code))))
        return code
    for line in (*desk.tally.lines(), *plan_lines(plan), *warning_lines(plan)):
        say(line)
    if plan.stops:
        say_error(stopped_by_export(plan), word="stopped")
    for request in requests:
        for line in ("", *request.split("\n")):
            say(line)
    say("")
    say("A rehearsal: no call was made, nothing was recorded, and no results were written.")
    return code


def _sending(rate: Rate, flags: dict[str, Any]) -> SendOptions:
    from importer.submission.retry import RetryPolicy  # noqa: PLC0415 - see the package's docstring
    from importer.workflows.send_options import SendOptions  # noqa: PLC0415

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


def _show(summary: Summary, job: ImportJob, flags: dict[str, Any]) -> int:
    """Print how a run ended, and what to type next."""
    from importer.reports import summary_json, summary_lines  # noqa: PLC0415 - see the package's docstring

    if summary.ending is not None:
        note_bug(summary.ending)
    if flags["as_json"]:
        say(enveloped(json.loads(summary_json(summary)), error=summary.ending))
    else:
        for line in (*summary_lines(summary), *_next_lines(summary, job, flags)):
            say(line)
    if summary.ending is not None:
        say_error(summary.ending, word="stopped")
    return summary.exit_code


def _next_lines(summary: Summary, job: ImportJob, flags: dict[str, Any]) -> Iterator[str]:
    """What brings the import on from here; the command stands in a line of its own, to be copied."""
    from importer.ledger import safe_url  # noqa: PLC0415 - see the package's docstring

    statuses = summary.statuses
    where = ["--sandbox"] if flags["sandbox"] else []
    if address := flags["ledger"]:
        where += ["--ledger", safe_url(address) if "://" in address else address]
    where += ["--rate", str(flags["rate"])] if flags["rate"] else []
    table = ["--source", job.mapping_source] if job.mapping_source else []
    table += [word for column in job.mapping_key for word in ("--key", column)]
    # What the sandbox's ledger knew of the manifest has gone with it.
    original = job.manifest if flags["sandbox"] and job.command == "run" else flags.get("original")
    held = ["--manifest", str(original)] if original else []
    held += [f"--{name.replace('_', '-')}" for name in ("accept_edits", "allow_missing") if flags.get(name)]
    limits = ["--rate-share", f"{100 * flags['rate_share']:g}%"] if flags["rate_share"] < 1 else []
    limits += ["--daily-cap", str(flags["daily_cap"])] if flags["daily_cap"] else []
    limits += ["--read-fields"] if flags["read_fields"] else []
    limits += ["--refusals", ",".join(sorted(flags["refusals"]))] if flags["refusals"] else []
    mapping = ["-m", str(job.mapping), *table]
    rerun = ["rerun", str(summary.results), *mapping, *where, *held, *limits]
    again = [job.command, str(job.manifest), *mapping, *where, *limits]
    if flags["results"]:
        again += ["-o", str(flags["results"])]
    if summary.stops:
        yield "next       correct the export or the mapping; if this export is right, go on with"
        again += [word for stop in summary.stops for word in stop.go_on_with.split()]
        yield f"           {shlex.join(['ticket-importer', *again])}"
        return
    if statuses[Status.REJECTED] and statuses[Status.PENDING] and not summary.calls and not job.skip_invalid:
        yield "stopped    nothing was sent, because rows are rejected; --skip-invalid sends the others"
    if statuses[Status.FAILED] or statuses[Status.REJECTED]:
        yield f"next       mend the rows in {summary.results}, then"
    elif statuses[Status.PENDING]:
        # The sandbox that made the tickets has gone: only the results know of them.
        again += ["--skip-invalid"] if job.skip_invalid else []
        rerun = rerun if flags["sandbox"] or job.command == "rerun" else again
        yield "next       for the pending rows"
    elif statuses[Status.UNKNOWN]:
        yield "next       to find out which of the unknown rows are tickets"
        rerun = ["resolve", str(summary.results), *where]
    else:
        return
    yield f"           {shlex.join(['ticket-importer', *rerun])}"


@contextlib.contextmanager
def _ledger(
    account: AccountSettings | None, environment: Environment, flags: dict[str, Any], *, asks: bool
) -> Iterator[str | None]:
    """Give the ledger's address: a temporary one for the sandbox, none for a rehearsal that finds none."""
    from importer.ledger import Ledger, safe_url  # noqa: PLC0415 - see the package's docstring
    from importer.manifest import private_folder  # noqa: PLC0415

    if account is None:
        with private_folder() as folder:
            url = f"sqlite:///{folder}/ledger.sqlite"
            Ledger.create(url).close()
            yield url
        return
    url = ledger_url(flags["ledger"], environment)
    if Ledger.exists(url):
        yield url
    elif flags["dry_run"]:
        yield None
    elif asks and ask(
        f"There is no ledger at {safe_url(url)}. Is this the first import from here, and shall it be made?"
    ):
        Ledger.create(url).close()
        yield url
    else:
        command = ["ticket-importer", "ledger", "init", *(["--ledger", flags["ledger"]] if flags["ledger"] else [])]
        raise LedgerError(
            f"no ledger found at {safe_url(url)}",
            hint=f"if this is the first import from here, make it with `{shlex.join(command)}`; if not, find the "
            "former one first: without it every row looks new, and tickets would be made twice",
        )


def _environment() -> Environment:
    return Environment(os.environ, Path(".env"))
