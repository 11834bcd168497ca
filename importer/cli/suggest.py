"""`suggest`: drafts a mapping from a manifest."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli import options
from importer.cli.commands import cli
from importer.cli.known_fields import fields_line, kept_fields
from importer.cli.output import log, say, set_up_log
from importer.errors import SettingsError, UsageError
from importer.runtime.atomic_files import create, writing
from importer.settings import Environment, fields_folder, read_account

if TYPE_CHECKING:
    from importer.account_fields import AccountFields
    from importer.suggest import Suggestion


@cli.command()
@click.argument("manifest", type=options.PATH)
@click.option("-o", "--output", type=options.PATH, help="Write the mapping to this new file.  [default: print it]")
@click.option(
    "--sheet", metavar="NAME", help="Draft for this sheet of a workbook.  [default: the first that holds a table]"
)
@options.logging_flags
def suggest(manifest: Path, output: Path | None, sheet: str | None, **flags: Any) -> int:
    """Draft a mapping from what MANIFEST's columns are called and hold, and call nothing.

    What is guessed is marked, and what is left to you is under `ignore`. Where `fields` has read the account's fields
    before, the draft knows them.
    """
    from importer.suggest import suggest  # noqa: PLC0415 - see the package's docstring

    environment = Environment(os.environ, Path(".env"))
    set_up_log(flags, environment)
    if output is not None:
        _check_place(output)
    suggestion = suggest(manifest, _fields(environment), sheet)
    if output is None:
        for line in suggestion.text.rstrip("\n").split("\n"):
            say(line)
    else:
        _write(output, suggestion.text)
    _tell(suggestion, manifest, output)
    return int(not suggestion.has_lead)


def _fields(environment: Environment) -> AccountFields | None:
    """The account's fields, where an account is set and they were read before."""
    try:
        name = read_account(environment).name
    except SettingsError:
        return None
    found = kept_fields(name, fields_folder(None, environment))
    if found is None:
        log.info("the account's fields are not known; `ticket-importer fields` reads them, and makes a better draft")
    else:
        log.info("%s", fields_line(found))
    return found


def _check_place(path: Path) -> None:
    """Raise UsageError for a file that is there already, or that no disk takes."""
    with writing(str(path), "-o"):
        is_there = path.exists() or path.is_symlink()
    if is_there:
        raise UsageError(f"{path} is there already", hint="name another file with -o, or move that one away")


def _write(path: Path, text: str) -> None:
    """Write a file that was not there. Raises UsageError."""
    with writing(str(path), "-o"), os.fdopen(create(path), "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _tell(suggestion: Suggestion, manifest: Path, output: Path | None) -> None:
    from importer.suggest.decisions import Confidence  # noqa: PLC0415 - see the package's docstring

    counts = suggestion.draft.counts
    files = f", {len(suggestion.files.used):,} of attachments" if suggestion.files.used else ""
    rows = "1 row" if suggestion.rows == 1 else f"{suggestion.rows:,} rows"
    log.info("%s (%s): %s looked at", manifest, suggestion.detected, rows)
    log.info(
        "columns    %s sure, %s guessed, %s left under `ignore`%s",
        *(f"{counts[each]:,}" for each in Confidence),
        files,
    )
    if not suggestion.has_lead:
        log.warning(
            "no column tells who asked, and every ticket needs a lead: fill in the line marked TODO under `columns`"
        )
    elif output is not None:
        command = shlex.join(["ticket-importer", "validate", str(manifest), "-m", str(output)])
        log.info("next       look through it, then: %s", command)
