"""`suggest`: drafts a mapping from a manifest."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from importer.account_fields import AccountFields
from importer.cli.ending import Ending, command_run
from importer.cli.log_setup import set_up_log
from importer.cli.next_steps import after_draft, step_lines
from importer.cli.output import log, print_line, show_lines
from importer.errors import SettingsError, UsageError
from importer.runtime.atomic_files import create, writing
from importer.runtime.display_text import labelled
from importer.settings import Environment, fields_folder, read_account, read_environment
from importer.suggest import Suggestion
from importer.suggest import suggest as draft_mapping
from importer.suggest.decisions import Confidence
from importer.workflows.known_fields import cached_fields, fields_line


def suggest(manifest: Path, output: Path | None, sheet: str | None, **flags: Any) -> Ending:
    """Draft a mapping from the columns of a manifest."""
    environment = read_environment()
    set_up_log(flags, environment)
    if output is not None:
        _check_output(output)
    fields = _fields(environment)
    suggestion = draft_mapping(manifest, fields, sheet)
    if output is None:
        for line in suggestion.text.rstrip("\n").split("\n"):
            print_line(line)
    else:
        _write(output, suggestion.text)
    _log_counts(suggestion, manifest)
    if not suggestion.has_lead:
        log.warning(
            "no column identifies the lead, which every ticket needs: fill in the line marked TODO under `columns`"
        )
    steps = after_draft(command_run().typed, output, has_lead=suggestion.has_lead, knows_fields=fields is not None)
    show_lines(logging.INFO, step_lines(steps))
    return Ending(exit_code=int(not suggestion.has_lead))


def _fields(environment: Environment) -> AccountFields | None:
    """Return the account's cached fields, or ``None`` without an account or a cache."""
    try:
        name = read_account(environment).name
    except SettingsError:
        advice = "name the account in .env, and run `ticket-importer fields` first for a better draft"
        show_lines(logging.INFO, [labelled("fields", f"not known: {advice}")])
        return None
    found = cached_fields(name, fields_folder(None, environment))
    if found is None:
        show_lines(
            logging.INFO, [labelled("fields", "not known: run `ticket-importer fields` first for a better draft")]
        )
    else:
        show_lines(logging.INFO, [fields_line(found)])
    return found


def _check_output(path: Path) -> None:
    """Raise UsageError for a file that exists or can't be written."""
    with writing(str(path), "-o"):
        exists = path.exists() or path.is_symlink()
    if exists:
        raise UsageError(f"{path} exists already", hint="name another file with -o, or move that one")


def _write(path: Path, text: str) -> None:
    """Write a new file. Raises UsageError."""
    with writing(str(path), "-o"):
        descriptor = create(path)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError:
            path.unlink()  # half a draft would be in the way of the next one
            raise


def _log_counts(suggestion: Suggestion, manifest: Path) -> None:
    counts = suggestion.draft.counts
    files = f", {len(suggestion.files.used):,} with attachments" if suggestion.files.used else ""
    rows = "1 row" if suggestion.rows == 1 else f"{suggestion.rows:,} rows"
    show_lines(logging.INFO, [labelled("manifest", f"{manifest} ({suggestion.detected}), {rows} read")])
    sure, guessed, ignored = (f"{counts[each]:,}" for each in Confidence)
    show_lines(
        logging.INFO, [labelled("columns", f"{sure} sure, {guessed} guessed, {ignored} left under `ignore`{files}")]
    )
    if suggestion.preset:
        show_lines(
            logging.INFO,
            [labelled("preset", f"{suggestion.preset}: check the statuses and priorities of your account")],
        )
