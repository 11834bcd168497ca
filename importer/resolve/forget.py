"""The workflow of `ledger forget`: makes rows new again whose tickets were deleted in the account. Prints nothing.

It looks for the tickets in the account first, and keeps those that still exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from importer.errors import Declined, ProgramError, StoppedEarly, UsageError
from importer.ledger.forgetting import (
    SentRow,
    forget_rows,
    other_numbers,
    rows_of_keys,
    rows_sent_by,
)
from importer.ledger.history import past_run
from importer.ledger.records import Claim, RunInfo, new_run_id, path_text
from importer.ledger.store import Ledger
from importer.models import RowNumbers, Status
from importer.rate_limit import estimated_duration_s
from importer.resolve.run import recorded
from importer.resolve.search import SearchOptions, look_up_tickets
from importer.resolve.ticket_lookup import LookupResult
from importer.results.writing import RESULTS_ENDINGS
from importer.runtime.display_text import least_duration, one_line
from importer.runtime.events import Emit, Noted, Warned
from importer.runtime.signals import interruptions
from importer.workflows.named_rows import read_named_rows

_PROOF_TICKETS = 3
_ALL_ROWS = (0, 2**31 - 1)
_WITHOUT_LOOKING = "; --even-existing forgets the rows without looking for their tickets"


@dataclass(frozen=True, kw_only=True)
class ForgetJob:
    """What the user asks for. ``name``: a results file, or a run or a part of its name."""

    name: str
    rows: RowNumbers | None
    even_existing: bool


@dataclass(frozen=True, kw_only=True)
class ForgetPlan:
    """What is about to be forgotten, and which rows are kept because there is or may be a ticket.

    ``acknowledged``: how many rows will not be acknowledged any more. ``manifest``: of the run that sent them; empty if
    it is not known. ``warning``: the account showed no ticket at all, maybe for other reasons.
    """

    account: str
    forgotten: Sequence[SentRow]
    existing: Sequence[SentRow]
    unknown: Sequence[SentRow]
    acknowledged: int = 0
    manifest: str = ""
    warning: str = ""

    @property
    def exit_code(self) -> int:
        """The exit code of the process, after the plan is carried out."""
        return int(bool(self.existing or self.unknown))


@dataclass(frozen=True, kw_only=True)
class _Target:
    """The rows that the user means. ``bad``: key and content of those that may be acknowledged.

    ``acknowledged``: the acknowledgements that end.
    """

    account: str
    source: str
    manifest: str
    is_manifest: bool = False  # not a results file
    rows: Sequence[SentRow]
    bad: Collection[tuple[str, str]]
    acknowledged: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class _ForgetRun:
    ledger: Ledger
    info: RunInfo


@dataclass
class _Ended:
    """How the run ended, for the ledger."""

    exit_code: int = ProgramError.exit_code


class _Numbers:
    """The ticket numbers to look for, and known tickets of the account: one of these must be readable."""

    def __init__(self, numbers: Sequence[str], proof_numbers: Sequence[str]) -> None:
        self._numbers = numbers
        self.proof_numbers = proof_numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def numbers(self) -> Iterator[str]:
        """Return the numbers to ask for."""
        return iter(self._numbers)


def forget(
    job: ForgetJob,
    ledger: Ledger,
    connect: Callable[[], SearchOptions],
    emit: Emit,
    confirm: Callable[[ForgetPlan], bool],
) -> ForgetPlan:
    """Forget rows, and return what was forgotten and kept; ``confirm`` is asked before.

    ``connect`` reads the settings of the account; it is called only if there are tickets to look for.
    """
    target = _target(job, ledger)
    info = RunInfo(
        id=new_run_id(target.source),
        account=target.account,
        source=target.source,
        command="forget",
        manifest=target.manifest,
        manifest_sha256="",
        mapping_sha256="",
        key_field=None,
    )
    run = _ForgetRun(ledger=ledger, info=info)
    ended = _Ended()
    with recorded(run, ended, emit):
        ledger.claim(info, [Claim(key=row.key, manifest_row=row.manifest_row) for row in target.rows])
        plan = _plan(job, run, target, connect, emit)
        if plan.warning:
            emit(Warned(plan.warning))
        if plan.forgotten or plan.acknowledged:
            with ledger.renewing(info.id):
                agreed = confirm(plan)
            if not agreed:
                raise Declined("nothing was forgotten")
            forget_rows(ledger, info, [row.key for row in plan.forgotten], target.acknowledged)
        ended.exit_code = plan.exit_code
        return plan


def _target(job: ForgetJob, ledger: Ledger) -> _Target:
    """Find the rows that the user means. Raises UsageError if there is none."""
    path = Path(job.name)
    if not path.is_file() and (path.suffix.lower() in RESULTS_ENDINGS or path.name != job.name):
        problem = f"{path} is a folder, not a file" if path.is_dir() else f"there is no file {path}"
        raise UsageError(problem, hint="name a results file, or a run that `history` lists")
    target = _of_results(job, ledger, path) if path.is_file() else _of_run(job, ledger)
    acknowledged = ledger.acknowledgements(target.account, target.source)
    if job.rows is None:
        target = _without_acknowledged(target, {key for key, _ in acknowledged})
    else:
        keys = {row.key for row in target.rows}
        named = [each for each in acknowledged if each[0] in keys or each in target.bad]
        target = replace(target, acknowledged=named)
    if not (target.rows or target.acknowledged):
        named_rows = f"rows {job.rows} of " if job.rows is not None else ""
        raise UsageError(
            f"the ledger has nothing to forget of {named_rows}{job.name}",
            hint="`ticket-importer history` lists the runs, and `history RUN` the rows of one",
        )
    return target


def _without_acknowledged(target: _Target, keys: Collection[str]) -> _Target:
    """Leave out failed rows that the user has acknowledged: only ``--rows`` ends an acknowledgement."""
    return replace(target, rows=[row for row in target.rows if row.state != Status.FAILED or row.key not in keys])


def _of_run(job: ForgetJob, ledger: Ledger) -> _Target:
    run = past_run(ledger, job.name)
    if run.pruned:
        raise UsageError(
            f"which rows run {run.id} sent is not known any more: `ledger prune` has deleted its requests",
            hint="name its results file instead, or a backup of it",
        )
    rejected = ledger.rejections(run.id, _ALL_ROWS) if job.rows is not None else {}
    return _Target(
        account=run.account,
        source=run.source,
        manifest=run.manifest,
        is_manifest=run.command == "run",
        rows=[row for row in rows_sent_by(ledger, run.id) if job.rows is None or row.manifest_row in job.rows],
        bad={(each.key, each.content) for row, each in rejected.items() if job.rows is None or row in job.rows},
    )


def _of_results(job: ForgetJob, ledger: Ledger, results: Path) -> _Target:
    read = read_named_rows(results, job.rows)
    keys = list(dict.fromkeys(row.key for row, _ in read.rows if row.key))
    return _Target(
        account=read.account,
        source=read.source,
        manifest=path_text(results.absolute()),
        rows=rows_of_keys(ledger, read.account, read.source, keys),
        bad={(row.key, content) for row, content in read.rows},
    )


def _plan(
    job: ForgetJob, run: _ForgetRun, target: _Target, connect: Callable[[], SearchOptions], emit: Emit
) -> ForgetPlan:
    """Look for the tickets, and decide which rows are kept."""
    shown: Collection[str] = ()
    warning = ""
    numbers = [row.number for row in target.rows if row.number]
    if numbers and not job.even_existing:
        proof_numbers = other_numbers(run.ledger, run.info, _PROOF_TICKETS)
        found = _look_up(_Numbers(numbers, proof_numbers), run, connect, emit)
        shown = found.tickets
        if not (shown or proof_numbers):
            warning = _unproven(numbers, found.not_shown)
    rows = [] if job.even_existing else target.rows
    existing = [row for row in rows if row.number in shown]
    unknown = [row for row in rows if row.state in (Status.UNKNOWN, "sending")]
    kept = {row.key for row in (*existing, *unknown)}
    return ForgetPlan(
        account=target.account,
        forgotten=[row for row in target.rows if row.key not in kept],
        existing=existing,
        unknown=unknown,
        acknowledged=len(target.acknowledged),
        manifest=target.manifest if target.is_manifest else "",
        warning=warning,
    )


def _unproven(numbers: Sequence[str], answer: str) -> str:
    """Return what the user has to find out where no ticket of the account could be read."""
    tickets = f"ticket {numbers[0]}" if len(numbers) == 1 else f"any of these {len(numbers):,} tickets"
    seen = "it is deleted" if len(numbers) == 1 else "all of them are deleted"
    return (
        f"the account does not show {tickets} (it answered: {one_line(answer)}): either {seen}, "
        "or these keys can't read tickets, or LSQ_HOST is wrong; and "
        f"the ledger has no other ticket to tell which. Look for ticket {numbers[0]} in the account with a browser: "
        "if it is there, forget nothing, as the next run would create it twice"
    )


def _connected(connect: Callable[[], SearchOptions], account: str) -> SearchOptions:
    options = connect()
    if options.account is None or options.account.name != account:
        raise UsageError(
            f"the tickets are in account {account}, and the settings are those of another account",
            hint="check LSQ_HOST and LSQ_TENANT_ID",
        )
    return options


def _look_up(search: _Numbers, run: _ForgetRun, connect: Callable[[], SearchOptions], emit: Emit) -> LookupResult:
    """Return which of the tickets the account shows. Raises ImporterError if it can't tell."""
    try:
        options = _connected(connect, run.info.account)
        tickets = "1 ticket" if len(search) == 1 else f"{len(search):,} tickets"
        takes = least_duration(estimated_duration_s(len(search), options.rate))
        emit(Noted(f"looking for {tickets} in {run.info.account}: {takes}"))
        with interruptions() as signals:
            return asyncio.run(look_up_tickets(search, options, run, signals, emit))
    except (UsageError, StoppedEarly) as error:
        error.hint = f"{error.hint}{_WITHOUT_LOOKING}" if error.hint else _WITHOUT_LOOKING.removeprefix("; ")
        raise
