"""The command `ticket-importer`, with all of its subcommands."""

from __future__ import annotations

import click

from importer import __version__
from importer.cli.explain import explain
from importer.cli.fields import fields
from importer.cli.history import history
from importer.cli.ledger import ledger
from importer.cli.rerun import rerun
from importer.cli.resolve import resolve
from importer.cli.run import run
from importer.cli.sandbox import sandbox
from importer.cli.schema import schema
from importer.cli.suggest import suggest
from importer.cli.validate import validate
from importer.settings import VARIABLES


class _CommandGroup(click.Group):
    """A group whose help ends with a table of the environment variables."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Environment variables (also read from .env in this folder; flags override them)"):
            formatter.write_dl(list(VARIABLES.items()))


@click.group(cls=_CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="ticket-importer")
def cli() -> None:
    """Import tickets with attachments into LeadSquared Service Cloud.

    No ticket is created twice, and no row is lost.
    """


for _command in (run, rerun, validate, explain, resolve, history, ledger, fields, suggest, schema, sandbox):
    cli.add_command(_command)
