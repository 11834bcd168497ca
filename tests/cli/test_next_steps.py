"""The next step of every end of a run: a table of states and flags, which the README shows."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from importer.cli.commands import cli
from importer.cli.next_steps import after_import, after_plan, after_resolve, after_validation, step_lines
from importer.cli.typed_command import TypedCommand, typed_command
from importer.error_codes import ERROR_CODES
from importer.errors import CapReached, Interrupted, ProgramError, StoppedEarly
from importer.export_checks.checks import ExportStop, SinceLastRun
from importer.models import Rate, Status
from importer.reports.summary import PlanSummary, Summary, Validation
from importer.submission.plan import Disposition
from tests.cli.shop import KEY_FIELD, Account, Shop, good_row, next_command
from tests.test_readme import COMMAND_LINE, section

RESULTS = Path("tickets.results.csv")
RUN = "run tickets.csv -m mapping.yaml"
RERUN = "rerun tickets.results.csv -m mapping.yaml"
RESOLVE = "resolve tickets.results.csv"
STOP = ExportStop(name="shrunk", go_on_with="--max-gone 80%", reason="rows are gone", advice="Export it again.")
OUTAGE = StoppedEarly("no answer", hint="when the server is back, run the same command again")
REFUSED_KEYS = StoppedEarly("the account refuses the keys", hint=ERROR_CODES["keys-refused"].advice)
DAY_IS_OVER = CapReached(
    "--daily-cap is reached",
    hint="when some of these calls are more than 24 hours old, run the same command again",
)


class End(NamedTuple):
    """How a command ended. ``what``: as the README says it; ``states``: numbers of rows; ``steps``: what is next."""

    what: str
    typed: str
    states: dict[Status, int]
    steps: list[tuple[str, str]]
    ending: StoppedEarly | Interrupted | CapReached | ProgramError | None = None
    stops: tuple[ExportStop, ...] = ()
    calls: int = 9
    code: str = ""
    still_failing: int = 0
    unknown_rows: tuple[int, ...] = ()

    @property
    def summary(self) -> Summary:
        """The summary of the command."""
        return Summary(
            run="r",
            account="a",
            results=RESULTS,
            statuses=Counter(self.states),
            reasons=Counter({(Status.REJECTED, self.code, ""): 1} if self.code else {}),
            calls=self.calls,
            ending=self.ending,
            stops=self.stops,
            unknown_rows=list(self.unknown_rows),
            is_blocked=not self.calls and self.code != "not-selected",
            since_last_run=SinceLastRun(still_failing=self.still_failing),
        )


CREATED, SKIPPED, FAILED, REJECTED = Status.CREATED, Status.SKIPPED, Status.FAILED, Status.REJECTED
PENDING, UNKNOWN, UNDONE, EXCLUDED = Status.PENDING, Status.UNKNOWN, Status.UNDONE, Status.EXCLUDED
LOOK_UP = "to find out which of the unknown rows became tickets, run:"
ENDS = [
    End("all rows are done", RUN, {CREATED: 5, SKIPPED: 4, UNDONE: 1, EXCLUDED: 2}, []),
    End("a trial is over", f"{RUN} --limit 10", {CREATED: 10, PENDING: 50}, [("to send the 50 pending rows, run:", RUN)]),
    End(
        "the selected rows are sent",
        f"{RUN} --where Status=Open --sample 10 --seed 7",
        {CREATED: 10, PENDING: 50},
        [("to send the 50 pending rows, run:", RUN)],
    ),
    End(
        "a trial is over; some rows failed",
        f"{RUN} --limit 10 --yes",
        {CREATED: 7, FAILED: 2, UNKNOWN: 1, PENDING: 50},
        [("to send the 50 pending rows, run:", RUN), (f"then, {LOOK_UP}", RESOLVE)],
    ),
    End(
        "a trial is over; some rows are rejected",
        f"{RUN} --limit 10 --skip-invalid",
        {CREATED: 10, REJECTED: 4, PENDING: 1},
        [("to send the pending row, run:", f"{RUN} --skip-invalid")],
    ),
    End(
        "rejected rows stopped it before the first call",
        RUN,
        {REJECTED: 4, PENDING: 396},
        [
            ("correct the 4 rejected rows in tickets.results.csv, or the mapping, and run:", RERUN),
            ("or, to send the other rows without them, run:", f"{RUN} --skip-invalid"),
        ],
        calls=0,
    ),
    End(
        "the same before a trial",
        f"{RUN} --limit 10",
        {REJECTED: 1, PENDING: 399},
        [
            ("correct the rejected row in tickets.results.csv, or the mapping, and run:", f"{RERUN} --limit 10"),
            ("or, to send the other rows without them, run:", f"{RUN} --limit 10 --skip-invalid"),
        ],
        calls=0,
    ),
    End(
        "rows are rejected or failed",
        f"{RUN} --skip-invalid",
        {CREATED: 7, FAILED: 2, REJECTED: 1},
        [
            (
                "correct the 2 failed and 1 rejected rows in tickets.results.csv, or the mapping, and run:",
                f"{RERUN} --skip-invalid",
            )
        ],
    ),
    End(
        "a row failed in the last run already",
        RUN,
        {CREATED: 9, FAILED: 1},
        [
            ("correct the failed row in tickets.results.csv, or the mapping, and run:", RERUN),
            (
                "or, to take rows that stay as they are out of the exit code, run:",
                "ledger acknowledge tickets.results.csv --rows ROWS --reason TEXT",
            ),
        ],
        still_failing=1,
    ),
    End("rows are unknown", RUN, {CREATED: 9, UNKNOWN: 1}, [(LOOK_UP, RESOLVE)]),
    End("rows are unknown", f"{RUN} --on-unknown retry", {CREATED: 9, UNKNOWN: 1}, [(LOOK_UP, RESOLVE)]),
    End(
        "rows are unknown, others failed",
        RUN,
        {CREATED: 7, UNKNOWN: 2, FAILED: 1},
        [
            (LOOK_UP, RESOLVE),
            ("then, correct the failed row in tickets.results.csv, or the mapping, and run:", RERUN),
        ],
    ),
    End(
        "interrupted",
        f"{RUN} --limit 10",
        {CREATED: 3, UNKNOWN: 1, PENDING: 56},
        [("to go on, run:", f"{RUN} --limit 10"), (f"then, {LOOK_UP}", RESOLVE)],
        Interrupted(2, "interrupted by SIGINT"),
    ),
    End(
        "the keys are refused",
        RUN,
        {PENDING: 60},
        [
            (
                "check LSQ_ACCESS_KEY, LSQ_SECRET_KEY, that the API is enabled, and the IP whitelist; then run again:",
                RUN,
            )
        ],
        REFUSED_KEYS,
        calls=1,
    ),
    End(
        "the server does not answer",
        RUN,
        {CREATED: 3, FAILED: 1, PENDING: 56},
        [("when the server is back, run the same command again:", RUN)],
        OUTAGE,
    ),
    End(
        "the daily cap is reached",
        f"{RUN} --daily-cap 9",
        {CREATED: 9, PENDING: 51},
        [("when some of these calls are more than 24 hours old, run the same command again:", f"{RUN} --daily-cap 9")],
        DAY_IS_OVER,
    ),
    End(
        "a bug",
        RUN,
        {CREATED: 3, PENDING: 57},
        [("report this bug; to go on, run:", RUN)],
        ProgramError("unexpected error"),
    ),
    End(
        "a check of the export stopped it",
        f"{RUN} --max-gone 10%",
        {PENDING: 5, SKIPPED: 5},
        [("correct the export or the mapping; if this export is right, send it with:", f"{RUN} --max-gone 80%")],
        stops=(STOP,),
        calls=0,
    ),
    End(
        "rejected rows stopped a rehearsal in the sandbox",
        f"{RUN} --sandbox",
        {REJECTED: 1, PENDING: 59},
        [
            ("correct the rejected row in tickets.csv, or the mapping, and run:", f"{RUN} --sandbox"),
            ("or, to send the other rows without them, run:", f"{RUN} --sandbox --skip-invalid"),
        ],
        calls=0,
    ),
    End(
        "a trial in the sandbox is over",
        f"{RUN} --sandbox --limit 10",
        {CREATED: 10, PENDING: 50},
        [("to send the 50 pending rows, run:", f"{RERUN} --sandbox --manifest tickets.csv")],
    ),
    End(
        "all rows are done in the sandbox",
        f"{RUN} --sandbox -o trial.csv",
        {CREATED: 60},
        [("this was a rehearsal; to see what a run would send to the account, run:", f"{RUN} --dry-run")],
    ),
    End(
        "a trial is over",
        f"{RERUN} --only failed --limit 1 -o new.csv",
        {CREATED: 1, FAILED: 1, PENDING: 2},
        [("to send the 2 pending rows, run:", RERUN)],
    ),
    End(
        "the selected rows are tickets already",
        f"{RERUN} --rows 2-4",
        {CREATED: 3, REJECTED: 1, PENDING: 2},
        [("to send the 2 pending rows, run:", RERUN)],
        calls=0,
        code="not-selected",
    ),
    End(
        "a spreadsheet changed cells",
        RERUN,
        {CREATED: 9, REJECTED: 1},
        [
            ("to take the cells that a spreadsheet changed from the manifest, run:", f"{RERUN} --restore"),
            ("or, if these changes are intended, run:", f"{RERUN} --accept-edits"),
        ],
        calls=0,
        code="spreadsheet-changed",
    ),
    End(
        "one row is still unknown",
        RESOLVE,
        {CREATED: 9, UNKNOWN: 1},
        [
            ("look for unknown row 17 in the account; if it is a ticket, run:", f"{RESOLVE} --set 17=created:NUMBER"),
            ("or, if it is none, run:", f"{RESOLVE} --set 17=pending"),
        ],
        unknown_rows=(17,),
    ),
    End(
        "some rows are still unknown",
        RESOLVE,
        {CREATED: 9, UNKNOWN: 2, PENDING: 2},
        [
            (
                "look for the 2 unknown rows (17, 40) in the account, then settle each:",
                f"{RESOLVE} --set ROW=created:NUMBER --set ROW=pending",
            ),
            ("then, to send the 2 pending rows, run:", f"{RERUN.replace('mapping.yaml', 'MAPPING')}"),
        ],
        unknown_rows=(17, 40),
    ),
    End(
        "no row is unknown any more",
        f"{RESOLVE} --set 5=pending",
        {CREATED: 8, FAILED: 1, PENDING: 1},
        [
            (
                "correct the failed row in tickets.results.csv, or the mapping, and run:",
                f"{RERUN.replace('mapping.yaml', 'MAPPING')}",
            )
        ],
    ),
    End(
        "the server does not answer",
        RESOLVE,
        {CREATED: 8, UNKNOWN: 1},
        [("when the server is back, run the same command again:", RESOLVE)],
        OUTAGE,
    ),
]  # fmt: skip


def typed(words: str) -> TypedCommand:
    """Return a command line as the program sees it."""
    name, *arguments = shlex.split(words)
    command: click.Command = cli.commands[name]
    if isinstance(command, click.Group):
        name, *arguments = arguments
        command = command.commands[name]
    return typed_command(command, click.Context(command, info_name=name, **cli.context_settings), arguments)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: f"{end.typed}: {end.what}")
def test_every_end_has_its_next_step(end: End):
    """The step is right in every state, and its command parses."""
    after = after_resolve if end.typed.startswith("resolve") else after_import
    steps = [(text, shlex.join(command)) for text, command in after(end.summary, typed(end.typed))]
    assert steps == end.steps
    for _, command in steps:
        typed(command)


def test_the_readme_shows_the_table():
    """Row by row, as above."""
    lines = [
        f"| `{end.typed}` | {end.what} | {' '.join(f'{text} `{command}`' for text, command in end.steps) or 'nothing'} |"
        for end in ENDS
    ]
    assert [
        line for line in section(COMMAND_LINE, "## What to do next").splitlines() if line.startswith("| `")
    ] == lines


def test_the_next_command_is_what_was_typed(shop: Shop, account: Account):
    """Values stay as they were typed, flags with values and without, and a ledger's password is not shown."""
    shop.manifest(3)
    done = shop.run("--limit=1", "--retry-status", "500", "--grace", "1m", "-q", "--no-progress")
    assert next_command(done.out) == [
        "run",
        "tickets.csv",
        "-m",
        "mapping.yaml",
        "--grace",
        "1m",
        "-q",
        "--no-progress",
    ]
    again = shop.run("--limit", "1", "--json").summary
    command = "ticket-importer run tickets.csv -m mapping.yaml"
    assert again["next"] == [{"text": "to send the pending row, run:", "command": command}]
    secret = typed("run t.csv -m m.yaml --limit 1 --ledger postgresql://user:hush@db/name")
    lines = list(
        step_lines(after_import(Summary(run="r", account="a", results=RESULTS, statuses=Counter({PENDING: 2})), secret))
    )
    assert "postgresql://user:***@db/name" in lines[1]
    assert "hush" not in "".join(lines)


@pytest.mark.parametrize(
    "typed", ["run -t.csv -m -m.yaml --limit 1", "rerun -t.results.csv -m -m.yaml", "resolve -t.results.csv"]
)
def test_paths_that_look_like_flags_can_be_copied(typed: str):
    """Click takes ``-t.csv`` for flags, and ``./-t.csv`` for a path."""
    name, argument, *_ = typed.split()
    command = TypedCommand(name, argument, (("-m", "-m.yaml"),))
    states = Counter({CREATED: 1, UNKNOWN: 1, FAILED: 1})
    summary = Summary(run="r", account="a", results=Path("-t.results.csv"), statuses=states, unknown_rows=[3])
    steps = after_resolve(summary, command) if name == "resolve" else after_import(summary, command)
    assert steps
    for step in steps:
        assert step.command[1].startswith("./-t."), step


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (f"{RUN} --dry-run", [("to send ten rows as a trial, run:", f"{RUN} --limit 10")]),
        (f"{RUN} --dry-run --limit 5", [("to send the rows, run:", f"{RUN} --limit 5")]),
        (f"{RUN} --dry-run --sample 5", [("to send the rows, run:", f"{RUN} --sample 5 --seed 7")]),
        ("validate t.csv -m m.yaml --report r.html --ledger l", [("to import the manifest, run:", "run t.csv -m m.yaml --ledger l")]),
        ("validate t.csv -m m.yaml --rows 2-4", [("to import these rows, run:", "run t.csv -m m.yaml --rows 2-4")]),
        ("validate t.csv -m m.yaml --sample 3", [("to import these rows, run:", "run t.csv -m m.yaml --sample 3 --seed 7")]),
    ],
)  # fmt: skip
def test_checks_are_followed_by_what_was_checked(words: str, steps: list[tuple[str, str]]):
    """A dry run and `validate` propose to send the same rows; the drawn sample, too."""
    seed = 7 if "--sample" in words else None
    if words.startswith("validate"):
        validation = Validation(
            manifest="t.csv",
            mapping="m.yaml",
            detected="CSV",
            made_at=datetime.now(UTC),
            rows=9,
            rejected=0,
            blank=0,
            skipped=0,
            excluded=0,
            kinds=(),
            seed=seed,
        )
        found = after_validation(validation, typed(words))
    else:
        plan = PlanSummary(
            account="a",
            manifest="t.csv",
            detected="CSV",
            rows=99,
            blank_rows=0,
            counts=Counter({Disposition.SEND: 99}),
            to_send=99,
            attachment_bytes=0,
            seconds=9,
            limit=Rate(25, 5),
            warnings=(),
            seed=seed,
        )
        found = after_plan(plan, typed(words))
    assert [(text, shlex.join(command)) for text, command in found] == steps
    assert [typed(command).name for _, command in steps]


def test_a_trial_with_wrong_rows_is_followed_by_the_same_run(shop: Shop, open_account: Callable[..., Account]):
    """`rerun` would send all pending rows, too; the `run` that is shown sends each row once."""
    account = open_account([{"match": {KEY_FIELD: "00002"}, "fault": "refused-200", "times": 1}])
    shop.manifest([*map(good_row, range(1, 9)), ("00009", "", "Open", "lead9@example.com")])
    stopped = shop.run("--limit", "3")
    assert (account.calls, "rerun tickets.results.csv -m mapping.yaml --limit 3" in stopped.out) == (0, True)
    trial = shop.run("--limit", "3", "--skip-invalid")
    assert shop.statuses() == {"created": 2, "failed": 1, "pending": 5, "rejected": 1}
    assert next_command(trial.out) == ["run", "tickets.csv", "-m", "mapping.yaml", "--skip-invalid"]
    assert shop.do(*next_command(trial.out)).code == 1
    assert shop.statuses() == {"skipped": 2, "created": 6, "rejected": 1}
    assert len(set(account.keys)) == len(account.keys) == 8


def test_the_other_commands_say_what_is_next(shop: Shop, account: Account):
    """Commands that prepare or look after an import end with commands that exist, flags included."""
    assert shop.do("history").out == "the ledger has no run yet\n"
    shop.manifest([good_row(1), ("00002", "", "Open", "lead2@example.com")])
    shop.run("--skip-invalid")
    for words, steps in {
        "ledger init --ledger new.sqlite": ["run MANIFEST -m MAPPING --dry-run"],
        "fields --sandbox": ["run MANIFEST -m MAPPING --sandbox"],
        "suggest tickets.csv": ["suggest tickets.csv -o mapping.yaml"],
        "suggest tickets.csv -o early.yaml": ["fields", "validate tickets.csv -m early.yaml"],
        "fields": ["suggest MANIFEST -o mapping.yaml", "validate MANIFEST -m MAPPING"],
        "suggest tickets.csv -o draft.yaml": ["validate tickets.csv -m draft.yaml"],
        "ledger acknowledge tickets.results.csv --rows 3 --reason x": ["ledger forget tickets.results.csv --rows 3"],
        "ledger forget tickets.results.csv --rows 2 --yes": [],
        "ledger forget tickets.results.csv --rows 2-3 --even-existing --yes": ["run MANIFEST -m MAPPING"],
    }.items():
        done = shop.do(*shlex.split(words))
        shown = re.findall(r"(?<!`)ticket-importer ((?:(?!;|$).)+)", f"{done.out}\n{done.err}", flags=re.MULTILINE)
        assert [each.strip() for each in shown] == steps, words
        for step in steps:
            group, *arguments = shlex.split(step)
            command = cli.commands[group]
            if isinstance(command, click.Group):
                command = command.commands[arguments.pop(0)]
            assert command.make_context(group, arguments)
