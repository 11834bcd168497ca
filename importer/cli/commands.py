"""The command `ticket-importer`: its subcommands, their arguments and flags. This module carries nothing out.

A command is carried out by the function of its name in the module of its name, or in the one that is given: `validate`
by ``validate.validate``, `ledger init` by ``ledger.init``, `ledger forget` by ``ledger_rows.forget``. It is loaded when
the command is called, because pandas, aiohttp and SQLAlchemy take long to load: ``--help`` and a mistyped flag answer
at once.
"""

from __future__ import annotations

import contextlib
import importlib
import textwrap
from typing import Any

import click

from importer import __version__
from importer.cli import options
from importer.cli.ending import command_run
from importer.cli.typed_command import typed_command
from importer.runtime.garbage_collection import paused
from importer.settings import VARIABLES


class _Command(click.Command):
    """A command whose function is loaded when it is called. Its ``Ending`` becomes the exit code."""

    def __init__(self, *arguments: Any, module: str | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._module = module

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:  # not while a shell completes a word
            with contextlib.suppress(click.UsageError):  # reported below
                command_run(ctx).typed = typed_command(self, ctx, args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        names = [name.replace("-", "_") for name in ctx.command_path.split()[1:]]
        with paused():
            module = importlib.import_module(f"importer.cli.{self._module or names[0]}")
        return command_run().end(ctx.invoke(getattr(module, names[-1]), **ctx.params))


class _CommandGroup(click.Group):
    """A group whose help ends with a table of the environment variables."""

    command_class = _Command

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Environment variables (also read from .env in this folder; flags override them)"):
            formatter.write_dl(list(VARIABLES.items()))


class _SandboxCommand(_Command):
    """The command `sandbox`; its help ends with the format of a fault plan."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        from importer.sandbox import Fault  # noqa: PLC0415 - loads the server

        with formatter.section("Fault plan: a list of rules; the first that selects a request applies"):
            formatter.write_dl(
                [
                    ('- {calls: [3, 7], fault: "500"}', "the requests 3 and 7"),
                    ("- {calls: 10-20, fault: hang-before}", "a range of requests"),
                    ('- {every: 50, fault: "429", retry_after: 3}', "each 50th request"),
                    ("- {probability: 0.01, fault: slow, delay_s: 9}", "one in a hundred; the same each time"),
                    ('- {match: {Title: Fire}, fault: "503", times: 2}', "tickets like this, twice"),
                ],
                col_max=50,
            )
        with formatter.section("Faults"):
            for line in textwrap.wrap(", ".join(Fault), formatter.width - 2, break_on_hyphens=False):
                formatter.write(f"  {line}\n")


@click.group(cls=_CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="ticket-importer")
def cli() -> None:
    """Import tickets with attachments into LeadSquared Service Cloud.

    No ticket is created twice, and no row is lost.
    """


@cli.command()
@click.argument("manifest", type=options.PATH)
@options.strict_end
@options.export_checks
@options.sending
def run() -> None:
    """Import the tickets of a manifest.

    MANIFEST is a table: CSV, a workbook or JSON. The results file has every row with its ticket number or error.
    If a run stops, run the same command again: it goes on with the remaining rows and never creates a ticket twice.
    """


@cli.command("run-all")
@click.argument("jobs", type=options.PATH)
@options.sending_all
def run_all() -> None:
    """Import the tickets of many accounts at the same time.

    JOBS is a YAML file with an account, a manifest and a mapping for each job. All jobs are checked before the first is
    run. A job that fails does not keep the others from being run.
    """


@cli.command()
@click.argument("results_file", metavar="RESULTS", type=options.PATH)
@click.option(
    "--only",
    default="failed,rejected,pending",
    show_default=True,
    metavar="STATES",
    help="Send the rows in these states. `unknown` needs --on-unknown retry.",
)
@click.option(
    "--manifest",
    "original",
    type=options.PATH,
    help="The manifest of RESULTS, to find cells that a spreadsheet changed.  [default: from the ledger]",
)
@click.option("--restore", is_flag=True, help="Take cells that a spreadsheet changed from the manifest.")
@click.option("--accept-edits", is_flag=True, help="Send cells that a spreadsheet changed as they are.")
@click.option("--allow-missing", is_flag=True, help="Go on although RESULTS lacks rows of the manifest.")
@options.sending
def rerun() -> None:
    """Send the rows of a results file that are not tickets yet.

    Correct the failed and rejected rows in RESULTS first. Rows that are tickets stay as they are.
    """


@cli.command()
@click.argument("manifest", type=options.PATH)
@options.mapping
@options.row_choice
@click.option("--report", type=options.PATH, help="Write every problem to this file: .csv, .json or .html.")
@options.read_fields
@options.strict_end
@options.reading
@options.logging_flags
def validate() -> None:
    """Check a manifest without sending anything.

    Checks every row of MANIFEST as `run` does. Rows that the ledger knows as tickets are not checked again. Makes no
    calls, except with --read-fields.
    """


@cli.command()
@click.argument("manifest", type=options.PATH)
@options.mapping
@click.option(
    "--concurrency",
    type=click.IntRange(1, 100),
    default=8,
    show_default=True,
    metavar="N",
    help="Download at most N files at the same time.",
)
@click.option("--refresh", is_flag=True, help="Download the files again that were fetched before.")
@click.option(
    "--max-file-size",
    type=options.SIZE,
    metavar="SIZE",
    help="Refuse larger files, such as 20 MB.  [default: from the mapping]",
)
@click.option(
    "--answer-timeout",
    type=options.DURATION,
    default="30s",
    show_default=True,
    help="How long a server may send nothing, or hardly anything.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@options.progress
@options.logging_flags
def fetch() -> None:
    """Download the attachments that a manifest names by address.

    Puts the files behind the addresses of MANIFEST into the folder of the mapping's `attachments: download`. Asks only
    the hosts listed there. If it stops, run the same command again: it goes on with the remaining files.
    """


@cli.command()
@click.argument("code", required=False)
def explain() -> None:
    """Explain an error code, or list all codes.

    Shows what CODE means, why it occurs, and what to do.
    """


@cli.command()
@click.argument("results_file", metavar="RESULTS", type=options.PATH)
@click.option(
    "--set",
    "decisions",
    multiple=True,
    metavar="ROW=STATE",
    help="Decide it yourself: ROW=created:NUMBER, ROW=pending or not-found=pending. ROW: an import_row. Repeatable.",
)
@click.option("-o", "--results", type=options.PATH, help="File for the new results.  [default: replace RESULTS]")
@click.option("--sandbox", is_flag=True, help="Look in an empty sandbox account on this machine.")
@options.reading
@click.option("--yes", is_flag=True, help="Do not ask before looking in the account.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@options.logging_flags
def resolve() -> None:
    """Find out which unknown rows became tickets.

    Looks up the tickets of the unknown rows of RESULTS in the account, and updates RESULTS. A row becomes created only
    if a ticket is certainly its own. A row that is not found stays unknown, unless you decide with --set.
    """


@cli.command()
@click.argument("run_name", metavar="[RUN]", required=False)
@options.ledger
@options.as_json
def history() -> None:
    """List past runs, or the rows of one run.

    The newest run comes first. RUN is any part of a run's name that no other run has, such as its last six characters.
    """


@cli.group()
def ledger() -> None:
    """Manage the ledger.

    The ledger records every ticket that was created or may have been created.
    """


@ledger.command(cls=_Command)
@options.ledger
def init() -> None:
    """Create the ledger, once, before the first import.

    An existing ledger stays as it is.
    """


@ledger.command(cls=_Command)
@click.argument("target", metavar="FILE", type=options.PATH)
@options.ledger
def backup() -> None:
    """Copy the ledger to a new file.

    FILE must not exist. Runs may go on meanwhile.
    """


@ledger.command(cls=_Command, module="ledger_care")
@options.ledger
@options.as_json
def info() -> None:
    """Show where the ledger is and what it holds.

    Rows by state, runs, requests, size, schema version, and the times of the first and last run.
    """


@ledger.command(cls=_Command, module="ledger_care")
@options.ledger
@options.as_json
def check() -> None:
    """Check the ledger for damage and contradictions.

    Changes nothing. The exit code is 1 if it finds a problem.
    """


@ledger.command(cls=_Command, module="ledger_care")
@click.option(
    "--older-than",
    type=options.DURATION,
    required=True,
    metavar="AGE",
    help="Of runs that ended so long ago: 90d.",
)
@click.option("--dry-run", is_flag=True, help="Count what would be deleted; delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@options.ledger
@options.as_json
def prune() -> None:
    """Delete old requests, rejections and texts of errors.

    Rows keep their keys, states and ticket numbers, so that none is sent again. Runs may go on meanwhile.
    """


@ledger.command(cls=_Command, module="ledger_care")
@click.argument("target", metavar="FILE|URL")
@options.ledger
@options.as_json
def move() -> None:
    """Move the ledger to a new file or a PostgreSQL server.

    Copies the ledger to FILE or URL and compares both; then the former one is refused. No run may be active. If the
    command breaks off, repeat it.
    """


@ledger.command(cls=_Command, module="ledger_rows")
@click.argument("name", metavar="RUN|RESULTS")
@click.option("--rows", type=options.ROWS, help="Only these rows, such as 2-11,40: numbers of import_row.")
@click.option("--even-existing", is_flag=True, help="Forget unknown rows and existing tickets, too; look for none.")
@click.option("--yes", is_flag=True, help="Do not ask before forgetting.")
@options.reading
@options.as_json
@options.logging_flags
def forget() -> None:
    """Make rows new again whose tickets were deleted.

    Looks in the account for the tickets of a run or a results file, and forgets those that do not exist any more: the
    next run creates them again. Rows whose tickets exist, and unknown rows, are kept.
    """


@ledger.command(cls=_Command, module="ledger_rows")
@click.argument("results_file", metavar="RESULTS", type=options.PATH)
@click.option("--rows", type=options.ROWS, required=True, help="The rows, such as 2-11,40: numbers of import_row.")
@click.option("--reason", type=options.REASON, required=True, metavar="TEXT", help="Why they may stay as they are.")
@options.ledger
@options.as_json
def acknowledge() -> None:
    """Take known bad rows out of the exit code.

    The rejected or failed rows of RESULTS that --rows names are counted apart and not sent, until their cells change.
    """


@cli.command()
@click.option("-o", "--output", type=options.PATH, help="Write the fields to this file, .csv or .json.")
@click.option("--sandbox", is_flag=True, help="Read from a sandbox account on this machine.")
@options.reading
@options.as_json
@options.logging_flags
def fields() -> None:
    """Show the account's ticket fields and save them for checks.

    Shows each field's name, SchemaName, type, whether it is mandatory, and the values of a select field.
    Later checks use them. This command needs an administrator's keys.
    """


@cli.command()
@click.argument("manifest", type=options.PATH)
@click.option("-o", "--output", type=options.PATH, help="Write the mapping to this new file.  [default: print it]")
@click.option(
    "--sheet", metavar="NAME", help="Sheet of a workbook to draft for.  [default: the first that holds a table]"
)
@options.logging_flags
def suggest() -> None:
    """Draft a mapping from the columns of a manifest.

    The draft marks its guesses, lists the columns left for you under `ignore`, and says what is still missing. It
    fits the account if you run `fields` first. Makes no calls.
    """


@cli.command()
def schema() -> None:
    """Print the JSON Schema of the mapping language.

    Save it to a file and begin a mapping with
    `# yaml-language-server: $schema=FILE`: an editor then completes and checks the mapping.
    """


@cli.command(cls=_SandboxCommand)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on this machine.  [default: any free port]"
)
@click.option("--rate", type=options.RATE, default="25/5", show_default=True, help="The account's rate limit.")
@click.option(
    "--algorithm",
    type=click.Choice(["sliding", "fixed", "bucket"]),
    default="sliding",
    show_default=True,
    help="How the rate limit counts: sliding window, fixed window or token bucket.",
)
@click.option("--latency", type=options.DURATION, default="50ms", show_default=True, help="Time to create a ticket.")
@click.option(
    "--jitter", type=options.DURATION, default="0s", show_default=True, help="Longest random delay before each request."
)
@click.option("--faults", type=options.PATH, help="A YAML or JSON file that lists requests to fail, and how.")
def sandbox() -> None:
    """Serve a simulated account on this machine, for tests.

    Prints the settings to use it, and runs until Ctrl-C. All calls and tickets are listed at /sandbox/record.
    """
