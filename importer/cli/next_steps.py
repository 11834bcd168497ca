"""What to do after a command: sentences, and commands to copy. Pure.

The README of this folder has a table of the ends of a run with the next step of each.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from importer.cli.commands import cli
from importer.cli.typed_command import TypedCommand, as_argument
from importer.errors import ImporterError, Interrupted, ProgramError
from importer.models import Status
from importer.reports import labelled
from importer.reports.summary import PlanSummary, Summary, Validation
from importer.runtime.ledger_address import without_password
from importer.submission.plan import Disposition

_TRIAL_ROWS = 10
_SANDBOX_RUN = ("run", "MANIFEST", "-m", "MAPPING", "--sandbox")
# Flags that choose some of the rows.
_SELECTING = ("--limit", "--rows", "--where", "--sample", "--seed", "--only")
# Flags that no proposed command has: they may create tickets twice, or are about one time or the screen.
_DROPPED = ("--on-unknown", "--retry-status", "--yes", "--json", "--dry-run")


class Step(NamedTuple):
    """One step: what to do, and the words of the command that does it."""

    text: str
    command: tuple[str, ...] = ()


def step_lines(steps: Iterable[Step]) -> Iterator[str]:
    """Yield the lines of steps. Each command has its own line."""
    label = "next"
    for step in steps:
        yield labelled(label, step.text)
        if step.command:
            yield labelled("", shlex.join(["ticket-importer", *step.command]))
        label = ""


def steps_data(steps: Iterable[Step]) -> list[dict[str, str | None]]:
    """Return steps for JSON."""
    return [
        {"text": step.text, "command": shlex.join(["ticket-importer", *step.command]) if step.command else None}
        for step in steps
    ]


def after_import(summary: Summary, typed: TypedCommand) -> list[Step]:
    """Return what to do after a `run` or a `rerun`; nothing if all rows are done."""
    typed, states = _with_seed(_proposed(typed), summary.seed), summary.statuses
    # The sandbox's ledger is deleted: only the results file knows its tickets.
    again = _rerun(summary, typed) if typed.name == "rerun" or typed.has("--sandbox") else typed
    if summary.stops:
        go_on = [word for stop in summary.stops for word in stop.go_on_with.split()]
        return [Step("correct the export or the mapping; if this export is right, send it with:", typed.words(*go_on))]
    if states[Status.PENDING] and summary.ending is not None:
        return [Step(_after_stop(summary.ending), again.words()), *_resolve(summary, typed, "then, ")]
    if summary.is_blocked:
        blocked = typed if typed.has("--sandbox") else again
        without = Step("or, to send the other rows without them, run:", blocked.words("--skip-invalid"))
        return [*_correct(summary, typed), *([without] if states[Status.PENDING] else [])]
    typed, again = typed.without(_SELECTING), again.without(_SELECTING)
    if states[Status.PENDING]:
        return [
            Step(f"to send {_rows(summary, Status.PENDING)}, run:", again.words()),
            *_resolve(summary, typed, "then, "),
        ]
    steps = [*_resolve(summary, typed), *_correct(summary, typed, "then, " if states[Status.UNKNOWN] else "")]
    if not steps and typed.name == "run" and typed.has("--sandbox"):
        text = "this was a rehearsal; to see what a run would send to the account, run:"
        return [Step(text, typed.without(["--sandbox", "-o"]).words("--dry-run"))]
    return steps


def after_resolve(summary: Summary, typed: TypedCommand) -> list[Step]:
    """Return what to do after `resolve`; nothing if all rows are done."""
    typed, states = _proposed(typed).without(["--set"]), summary.statuses
    rerun = replace(typed, flags=(("-m", "MAPPING"), *typed.flags))
    if summary.ending is not None and states[Status.UNKNOWN]:
        return [Step(_after_stop(summary.ending), typed.words())]
    steps: list[Step] = []
    if states[Status.UNKNOWN]:
        steps += _settle(summary, typed)
    then = "then, " if steps else ""
    if states[Status.FAILED] or states[Status.REJECTED]:
        return [*steps, *_correct(summary, rerun, then)]
    if states[Status.PENDING]:
        text = f"{then}to send {_rows(summary, Status.PENDING)}, run:"
        return [*steps, Step(text, _rerun(summary, rerun).words())]
    return steps


def after_plan(plan: PlanSummary, typed: TypedCommand) -> list[Step]:
    """Return what to do after a dry run; nothing if there is nothing to send."""
    again = _with_seed(_proposed(typed), plan.seed)
    if plan.stops or not plan.to_send:  # the error says what to do about stops
        return []
    if plan.is_blocked:
        without = Step("or, to send the other rows without them, run:", again.words("--skip-invalid"))
        return [Step("correct the rejected rows in the manifest, or the mapping, then check again"), without]
    if plan.to_send > _TRIAL_ROWS and not plan.counts[Disposition.SKIP] and not any(map(again.has, _SELECTING)):
        return [Step("to send ten rows as a trial, run:", again.words("--limit", str(_TRIAL_ROWS)))]
    return [Step("to send the rows, run:", again.words())]


def after_validation(validation: Validation, typed: TypedCommand) -> list[Step]:
    """Return what to do after `validate`."""
    if validation.rejected:
        return [Step("correct these rows or the mapping, then check again")]
    run = _with_seed(_command("run", typed.argument, _proposed(typed)), validation.seed)
    rows = "these rows" if any(map(run.has, _SELECTING)) else "the manifest"
    return [Step(f"to import {rows}, run:", run.words())]


def after_fetch(typed: TypedCommand, *, is_complete: bool) -> list[Step]:
    """Return what to do after `fetch`."""
    if is_complete:
        validate = _command("validate", typed.argument, _proposed(typed).without(["--answer-timeout"]))
        return [Step("to check the manifest, run:", validate.words())]
    return [Step("to try the others again, run:", _proposed(typed).without(["--refresh"]).words())]


def after_fields(typed: TypedCommand) -> list[Step]:
    """Return what to do after `fields`: the sandbox's are not kept, so nothing is checked with them."""
    if typed.has("--sandbox"):
        return [Step("these fields are not kept; to import into the sandbox, run:", _SANDBOX_RUN)]
    return [
        Step("to draft a mapping with these fields, run:", ("suggest", "MANIFEST", "-o", "mapping.yaml")),
        Step("or, with a mapping, to check a manifest, run:", ("validate", "MANIFEST", "-m", "MAPPING")),
    ]


def after_jobs(typed: TypedCommand, exit_code: int) -> list[Step]:
    """Return what to do after `run-all`; nothing if all rows of all jobs are done."""
    again = _proposed(typed).words()
    if exit_code:
        return [Step("correct what the jobs report; to go on with all of them, run:", again)]
    return [Step("to import the tickets of all jobs, run:", again)] if typed.has("--dry-run") else []


def after_draft(typed: TypedCommand, draft: Path | None, *, has_lead: bool, knows_fields: bool) -> list[Step]:
    """Return what to do after `suggest`. ``draft``: the file it wrote, if any."""
    if draft is None:
        return [Step("to write the draft to a file, run:", _proposed(typed).words("-o", "mapping.yaml"))]
    validate = ("validate", as_argument(typed.argument), "-m", str(draft))
    review = "review this draft" if has_lead else "name the column of the lead in this draft"
    if knows_fields:
        return [Step(f"{review}, then run:", validate)]
    return [
        Step("to draft for the account's fields, run this, then draft to another file:", ("fields",)),
        Step(f"or {review}, then run:", validate),
    ]


def after_forgetting(manifest: str, *, forgotten: bool, kept: bool) -> list[Step]:
    """Return what to do after `ledger forget`. ``manifest``: of the run; empty if it is not known."""
    if forgotten:
        command = ("run", as_argument(manifest) if manifest else "MANIFEST", "-m", "MAPPING")
        return [Step("to send the forgotten rows as new ones, run:", command)]
    if kept:
        return [Step("delete the tickets in the account first; --even-existing forgets the rows all the same")]
    return [Step("the next run counts these rows again")]


def after_acknowledging(typed: TypedCommand) -> list[Step]:
    """Return how to take back `ledger acknowledge`."""
    flags = tuple(each for each in _proposed(typed).flags if each[0] in ("--rows", "--ledger"))
    words = replace(typed, name="forget", flags=flags).words()
    return [Step("to take this back later, run:", ("ledger", *words))]


def after_counting(typed: TypedCommand) -> list[Step]:
    """Return what to do after `ledger prune --dry-run` found something."""
    return [Step("to delete this, run:", ("ledger", *(word for word in _proposed(typed).words() if word)))]


def after_creating() -> list[Step]:
    """Return what to do after `ledger init`."""
    dry_run = ("run", "MANIFEST", "-m", "MAPPING", "--dry-run")
    return [Step("keep this ledger; to see what a run would send, run:", dry_run)]


def _after_stop(ending: ImporterError) -> str:
    """Return what to do before the same command runs again."""
    match ending:
        case Interrupted():
            return "to go on, run:"
        case ProgramError():
            return "report this bug; to go on, run:"
    hint = ending.hint.rstrip(".")
    hint = hint if hint[1:2].isupper() else hint[:1].lower() + hint[1:]
    return f"{hint}:" if hint.endswith(("run again", "run the same command again")) else f"{hint}, then run:"


def _resolve(summary: Summary, typed: TypedCommand, then: str = "") -> Iterator[Step]:
    if summary.statuses[Status.UNKNOWN]:
        command = _command("resolve", str(summary.results), typed).words()
        yield Step(f"{then}to find out which of the unknown rows became tickets, run:", command)


def _settle(summary: Summary, typed: TypedCommand) -> Iterator[Step]:
    """Yield how to settle rows that are still unknown, by the numbers of the rows if they are few."""
    count, numbers = summary.statuses[Status.UNKNOWN], summary.unknown_rows
    command = (typed.name, as_argument(str(summary.results)), "--set")
    if count == len(numbers) == 1:
        text = f"look for unknown row {numbers[0]} in the account; if it is a ticket, run:"
        yield Step(text, (*command, f"{numbers[0]}=created:NUMBER"))
        yield Step("or, if it is none, run:", (*command, f"{numbers[0]}=pending"))
        return
    shown = f" ({', '.join(map(str, numbers))})" if count == len(numbers) else ""
    text = f"look for {_rows(summary, Status.UNKNOWN)}{shown} in the account, then settle each:"
    yield Step(text, (*command, "ROW=created:NUMBER", "--set", "ROW=pending"))


def _correct(summary: Summary, typed: TypedCommand, then: str = "") -> Iterator[Step]:
    """Yield how to go on with rejected and failed rows."""
    wrong = [status for status in (Status.FAILED, Status.REJECTED) if summary.statuses[status]]
    if not wrong:
        return
    if typed.name == "run" and typed.has("--sandbox"):  # a real run does not see what is corrected in these results
        text = f"{then}correct {_rows(summary, *wrong)} in {typed.argument}, or the mapping, and run:"
        yield Step(text, typed.words())
        return
    rerun = _rerun(summary, typed)
    if any(code == "spreadsheet-changed" for _, code, _ in summary.reasons):
        text = f"{then}to take the cells that a spreadsheet changed from the manifest, run:"
        yield Step(text, rerun.words("--restore"))
        yield Step("or, if these changes are intended, run:", rerun.words("--accept-edits"))
        return
    text = f"{then}correct {_rows(summary, *wrong)} in {summary.results}, or the mapping, and run:"
    yield Step(text, rerun.words())
    if summary.since_last_run is not None and summary.since_last_run.still_failing:
        ledger = [word for flag in typed.flags if flag[0] == "--ledger" for word in flag if word]
        path = as_argument(str(summary.results))
        words = ("ledger", "acknowledge", path, "--rows", "ROWS", "--reason", "TEXT", *ledger)
        yield Step("or, to take rows that stay as they are out of the exit code, run:", words)


def _rows(summary: Summary, *statuses: Status) -> str:
    """Return how many rows are in these states: ``the 2 failed and 1 rejected rows``."""
    counts = [f"{summary.statuses[status]:,} {status}" for status in statuses]
    if sum(summary.statuses[status] for status in statuses) == 1:
        return f"the {statuses[0]} row"
    return f"the {' and '.join(counts)} rows"


def _proposed(typed: TypedCommand) -> TypedCommand:
    """Return the typed command without flags that are not proposed and without a ledger's password."""
    flags = typed.without(_DROPPED).flags
    return replace(typed, flags=tuple((name, _without_password(name, value)) for name, value in flags))


def _without_password(flag: str, value: str | None) -> str | None:
    return without_password(value, parameters=True) if flag == "--ledger" and value else value


def _with_seed(typed: TypedCommand, seed: int | None) -> TypedCommand:
    """Return a command that draws the same sample again."""
    return typed if seed is None or typed.has("--seed") else replace(typed, flags=(*typed.flags, ("--seed", str(seed))))


def _rerun(summary: Summary, typed: TypedCommand) -> TypedCommand:
    rerun = _command("rerun", str(summary.results), typed).without(["-o"])
    # The sandbox's ledger, which knew the manifest, is deleted.
    knew_manifest = typed.name == "run" and typed.has("--sandbox")
    return replace(rerun, flags=(*rerun.flags, ("--manifest", typed.argument))) if knew_manifest else rerun


def _command(name: str, argument: str, typed: TypedCommand) -> TypedCommand:
    """Return another command with those of the typed flags that it has."""
    known = {flag for parameter in cli.commands[name].params for flag in (*parameter.opts, *parameter.secondary_opts)}
    return TypedCommand(name, argument, tuple(each for each in typed.flags if each[0] in known))
