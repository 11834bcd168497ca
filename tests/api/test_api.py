"""The Python API: the same imports as on the command line, in notebooks and schedulers."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import importer
from importer import (
    ImporterError,
    NewLedger,
    Options,
    PlanSummary,
    Status,
    Summary,
    plan_import,
    rerun,
    run_import,
    validate,
)
from importer.cli.commands import cli
from importer.errors import HeldByAnotherRun, Interrupted, LedgerError, MappingError, UsageError
from importer.ledger.records import Claim, RunInfo, new_run_id
from importer.ledger.store import Ledger
from importer.runtime.events import (
    CallEnded,
    Event,
    ProblemsFound,
    RowSettled,
    RunStarted,
    SendingEnded,
    SendingStarted,
)
from tests.cli.shop import Account, Shop, good_row, heard

ROOT = Path(importer.__file__).parent.parent
BAD = ("00002", "", "Open", "lead2@example.com")
NOT_OPTIONS = {"manifest", "mapping", "dry_run", "yes", "as_json", "progress", "log_format", "log_file", "quiet", "verbose", "report", "results_file", "on_failure"}  # fmt: skip


def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    """A newcomer copies it into a file and runs it in the folder of the project."""
    page = (ROOT / "importer" / "api" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    for name in ("sample_data", "mappings"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("diagnostics.log"))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "60 rows, 1 rejected",
        "1 × attachment-missing in Files, first in row 17",
        "10 created, 49 pending, exit code 1",
    ]


def test_the_names_load_nothing_before_they_are_used() -> None:
    """`import importer` is as quick as before, and a name that does not exist is an error."""
    program = "import importer, sys; print(sorted(each for each in sys.modules if each.startswith('importer.')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"
    assert all(getattr(importer, name) is not None for name in importer.__all__)
    with pytest.raises(AttributeError, match="no attribute 'send'"):
        _ = importer.send


def test_options_have_the_names_and_defaults_of_the_flags() -> None:
    """A flag that is forgotten here would be missing in Python, and an other default would be a surprise."""
    options = {each.name.removesuffix("_s"): getattr(Options(), each.name) for each in dataclasses.fields(Options)}
    of_flags = {}
    for command in ("run", "rerun", "validate"):
        context = cli.commands[command].make_context(command, ["file", "-m", "mapping.yaml"])
        of_flags.update({name: value for name, value in context.params.items() if name not in NOT_OPTIONS})
    only = of_flags.pop("only")
    assert only == "failed,rejected,pending"
    assert set(map(str, options.pop("only"))) == set(only.split(","))
    del options["settings"]
    assert options == of_flags


def test_a_run_and_its_rerun(shop: Shop, account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings are arguments; nothing is printed; the command line goes on with the same ledger."""
    shop.unset(*account.variables)
    shop.manifest([good_row(1), BAD, good_row(3)])
    options = Options(settings=account.variables, skip_invalid=True)
    events: list[Event] = []
    summary = run_import("tickets.csv", "mapping.yaml", options, events.append)
    assert (summary.exit_code, summary.ending) == (1, None)
    assert summary.statuses == {Status.CREATED: 2, Status.REJECTED: 1}
    assert sorted(account.keys) == ["00001", "00003"]
    shop.path("tickets.results.csv").write_text(
        shop.path("tickets.results.csv").read_text("utf-8-sig").replace("00002,,Open", "00002,Fixed,Open"), "utf-8"
    )
    assert rerun("tickets.results.csv", Path("mapping.yaml"), options).exit_code == 0
    assert sorted(account.keys) == ["00001", "00002", "00003"]
    assert capsys.readouterr() == ("", "")
    shop.set(**account.variables)
    again = shop.run("--json")
    assert again.code == 0, "the ledger of both is the same"
    assert again.summary["skipped"] == 3


def test_events_come_in_the_order_of_the_run(shop: Shop, account: Account) -> None:
    """Problems, the plan, each call and row, and the summary last."""
    shop.manifest([good_row(1), BAD, good_row(3)])
    events: list[Event] = []
    summary = run_import("tickets.csv", "mapping.yaml", Options(skip_invalid=True), events.append)
    (found,) = [event for event in events if isinstance(event, ProblemsFound)]
    assert [(each.row, each.code) for each in found.problems] == [(3, "missing-value")]
    assert list(found.cells()) == [list(BAD)]
    assert events[-1] is summary
    shown = (RunStarted, ProblemsFound, PlanSummary, SendingStarted, SendingEnded, Summary)
    assert [type(event) for event in events if isinstance(event, shown)] == list(shown)
    settled = [event for event in events if isinstance(event, RowSettled)]
    assert sorted((event.row, event.status, event.attempts) for event in settled) == [
        (2, "created", 1),
        (4, "created", 1),
    ]
    assert [event.answer for event in events if isinstance(event, CallEnded)] == ["created", "created"]


def test_validate_and_plan_call_nothing(shop: Shop, account: Account) -> None:
    """The values have what the command line prints."""
    shop.manifest([good_row(1), BAD])
    validation = validate("tickets.csv", "mapping.yaml")
    assert (validation.rows, validation.rejected, validation.exit_code) == (2, 1, 1)
    assert [(kind.code, kind.count, kind.first.row) for kind in validation.kinds] == [("missing-value", 1, 3)]
    plan = plan_import("tickets.csv", "mapping.yaml", Options(skip_invalid=True))
    assert (plan.to_send, len(plan.requests), plan.exit_code) == (1, 1, 1)
    assert "hush" not in plan.requests[0]
    assert account.calls == 0


def test_it_works_in_a_running_event_loop(shop: Shop, account: Account) -> None:
    """In Jupyter a loop runs in the main thread, so that `asyncio.run` fails there."""
    shop.manifest(3)

    async def cell() -> Summary:
        return run_import("tickets.csv", "mapping.yaml")

    assert asyncio.run(cell()).exit_code == 0
    assert len(account.keys) == 3


def test_it_works_in_another_thread_without_handling_signals(shop: Shop, account: Account) -> None:
    """Only the main thread may handle signals."""
    shop.manifest(3)
    handlers: list[object] = []

    def look(event: Event) -> None:
        if isinstance(event, RowSettled):
            handlers.append(signal.getsignal(signal.SIGINT))

    with ThreadPoolExecutor(1) as pool:
        summary = pool.submit(run_import, "tickets.csv", "mapping.yaml", Options(), look).result()
    assert summary.exit_code == 0
    assert handlers == [signal.getsignal(signal.SIGINT)] * 3


def test_an_interrupted_notebook_ends_as_a_run_does(shop: Shop, open_account: Callable[..., Account]) -> None:
    """The kernel raises KeyboardInterrupt in the main thread: rows in flight get their state, the others are pending."""
    open_account(latency_s=0.05)
    shop.manifest(400)
    main = threading.main_thread().ident
    assert main is not None
    raised: list[int] = []

    def interrupt(event: Event) -> None:
        if isinstance(event, RowSettled) and not raised:
            raised.append(event.row)
            signal.pthread_kill(main, signal.SIGINT)

    async def cell() -> Summary:
        return run_import("tickets.csv", "mapping.yaml", Options(concurrency=5), interrupt)

    loop = asyncio.new_event_loop()  # `asyncio.run` would handle the signal itself
    with contextlib.closing(loop), heard(signal.SIGINT, by=signal.default_int_handler):
        summary = loop.run_until_complete(cell())
    assert isinstance(summary.ending, Interrupted)
    assert summary.statuses.total() == 400
    assert summary.statuses[Status.UNKNOWN] == 0
    assert summary.statuses[Status.PENDING] > 0


def test_errors_are_of_the_command_line(shop: Shop, account: Account) -> None:
    """Exit codes 1, 2 and 4 are exceptions, and nothing is sent."""
    shop.manifest(2)
    shop.path("wrong.yaml").write_text("version: 1\n", encoding="utf-8")
    with pytest.raises(MappingError):
        run_import("tickets.csv", "wrong.yaml")
    with pytest.raises(UsageError, match="only unknown needs"):
        Options(only=frozenset({Status.UNKNOWN}))
    with pytest.raises(ImporterError) as declined:
        run_import("tickets.csv", "mapping.yaml", confirm=lambda _: False)
    assert declined.value.exit_code == 1
    ledger = Ledger.open(f"sqlite:///{shop.path('ledger.sqlite')}")
    info = RunInfo(
        id=new_run_id("shop"), account=account.sandbox.tenant_id + "@" + account.sandbox.url.partition("//")[2],
        source="shop", command="run", manifest="", manifest_sha256="", mapping_sha256="", key_field=None,
    )  # fmt: skip
    ledger.begin_run(info)
    ledger.claim(info, [Claim(key="00001", manifest_row=2)])
    events: list[Event] = []
    with pytest.raises(HeldByAnotherRun) as held:
        run_import("tickets.csv", "mapping.yaml", Options(), events.append)
    ledger.close()
    assert held.value.exit_code == 4
    (ended,) = [event for event in events if isinstance(event, Summary)]
    assert ended.ending is held.value, "the Summary is the last event of a failed run, too"
    assert account.calls == 0


def test_a_ledger_is_created_only_if_that_is_confirmed(shop: Shop, account: Account, tmp_path: Path) -> None:
    """Without it, every row would look new."""
    shop.manifest(1)
    options = Options(ledger=str(tmp_path / "new.sqlite"))
    with pytest.raises(LedgerError, match="no ledger found"):
        run_import("tickets.csv", "mapping.yaml", options)
    questions: list[object] = []

    def confirm(question: PlanSummary | NewLedger) -> bool:
        questions.append(type(question))
        return True

    assert run_import("tickets.csv", "mapping.yaml", options, confirm=confirm).exit_code == 0
    assert questions == [NewLedger, PlanSummary]


def test_json_of_a_failed_run_names_the_run(shop: Shop, account: Account) -> None:
    """One envelope for every exit: a job that reads JSON finds the run in `history`."""
    shop.manifest(1)
    shop.set(LSQ_HOST="http://127.0.0.1:9")
    done = shop.run("--json", "--give-up-after", "1s")
    assert done.summary["run"].startswith("shop.")
    assert json.loads(shop.do("history", "--json").out)["runs"][0]["id"] == done.summary["run"]
