"""`run-all`: many accounts, real sockets, one ledger."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from importer.api.jobs import run_jobs
from importer.api.jobs_file import Job
from importer.reports.summary import Summary
from importer.runtime.events import Emit, to_all
from importer.runtime.redaction import Redactor
from importer.runtime.signals import interruptions
from importer.workflows.options import Options
from tests.cli.jobs import AccountJobs
from tests.cli.shop import ACCESS_KEY, Account, Shop, ended

Open = Callable[..., Account]


@pytest.fixture
def open_job(shop: Shop) -> Iterator[Callable[..., Account]]:
    """Add an account with its job."""
    with contextlib.ExitStack() as stack:
        yield AccountJobs(shop, stack).add


def test_one_failing_account_harms_no_other(shop: Shop, open_job: Open):
    """Its job has exit code 3; the accounts before and after it get every ticket once, also when it is run again."""
    first = open_job("first", 3)
    open_job("second", 2, [{"every": 1, "fault": "401"}])
    third = open_job("third", 4)
    for _ in range(2):
        told = shop.do("run-all", "jobs.yaml", "--json")
        data = json.loads(told.out)
        assert told.code == data["exit_code"] == 3
        assert [(job["name"], job["exit_code"]) for job in data["jobs"]] == [("first", 0), ("second", 3), ("third", 0)]
        assert (data["rows"], data["created"] + data["skipped"]) == (9, 7)
        assert data["jobs"][1]["stopped"]
        assert [step["command"] for step in data["next"]] == ["ticket-importer run-all jobs.yaml"]
    assert (len(first.tickets), len(third.tickets)) == (3, 4)
    assert shop.statuses("third/tickets.results.csv").total() == 4


def test_the_screen_has_a_summary_for_each_job_and_one_for_all(shop: Shop, open_job: Open):
    """Every job is named with its exit code; keys are shown nowhere."""
    open_job("first", 1)
    open_job("second", 2, rate="500/1")
    told = shop.do("run-all", "jobs.yaml", "-v")
    assert told.code == 0
    assert "job first: exit code 0" in told.out
    assert "2 jobs: 2 with exit code 0" in told.out
    assert "3 rows: 3 created" in told.out
    assert "\nnext " not in told.out
    assert ACCESS_KEY not in told.out + told.err


def test_all_problems_are_shown_at_once_and_nothing_is_sent(shop: Shop, open_job: Open):
    """Problems of each job are named with its number; a key in place of a variable's name is not shown."""
    good = open_job("good", 1)
    open_job("bad", 1, manifest="none.csv", mapping="no.yaml", rate="fast", colour="red")
    open_job("keys", 1, access_key="abc123-the-key", secret_key="abc123-other")
    open_job("twice", 1, results="good/tickets.results.csv")
    told = shop.do("run-all", "jobs.yaml")
    assert told.code == 2
    for text in (
        "job 2 (bad): rate",
        "colour: a job has no such key",
        "job 2 (bad): manifest: no file",
        "no.yaml",
        "(keys): access_key",
        "(keys): secret_key",
    ):
        assert text in told.err
    assert "belongs to more than one job" in told.err
    assert "abc123" not in told.out + told.err
    assert good.calls == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("jobs: []", "at least one job"),
        ("jobs: [{name: a, name: b}]", "written twice"),
        ("jobs: [{name: a, acess_key: hush-4711}]", "job 1: acess_key"),
        ("jobs: [hush-4711]", "job 1: it is not a job"),
        ("jobs: [{name: 4711}]", "job 1: host: it is missing"),
        ("jobs: [", "line 1"),
        ("- a", "one key, `jobs`"),
    ],
)
def test_a_file_that_is_no_list_of_jobs_is_refused(shop: Shop, text: str, problem: str):
    """The error says where, and never shows a value."""
    shop.path("jobs.yaml").write_text(text, encoding="utf-8")
    told = shop.do("run-all", "jobs.yaml")
    assert (told.code, problem in told.err, "hush" in told.err) == (2, True, False), told.err


def test_a_signal_ends_all_running_jobs_and_starts_no_other(shop: Shop, open_job: Open):
    """The answers of the running jobs are kept, their results are written, and the same command goes on."""
    running = [open_job(name, 40, rate="10/1") for name in ("first", "second")]
    third = open_job("third", 2)
    process = shop.start("run-all", "jobs.yaml", "--json", "--at-once", "2")
    for account in running:
        account.until(lambda sandbox: len(sandbox.tickets) >= 3)
    process.send_signal(signal.SIGTERM)
    told = ended(process)
    data = json.loads(told.out)
    assert told.code == 143, told.err
    assert [job["exit_code"] for job in data["jobs"]] == [143, 143, None]
    assert third.calls == 0
    assert shop.statuses("first/tickets.results.csv").total() == 40
    jobs = Path("jobs.yaml").read_text(encoding="utf-8").replace("10/1", "1000/1")
    Path("jobs.yaml").write_text(jobs, encoding="utf-8")
    assert shop.do("run-all", "jobs.yaml").code == 0
    for account in running:
        assert (len(set(account.keys)), len(account.keys)) == (40, 40)
    assert len(third.tickets) == 2


def test_jobs_of_different_accounts_run_at_the_same_time(shop: Shop, open_job: Open):
    """An account that does not answer holds up no other."""
    open_job("silent", 1, [{"every": 1, "fault": "hang-before"}])
    quick_one = open_job("quick", 3)
    process = shop.start("run-all", "jobs.yaml", "--json")
    quick_one.until(lambda sandbox: len(sandbox.tickets) == 3)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)  # a second signal ends a request that has no answer yet
    told = ended(process)
    jobs = json.loads(told.out)["jobs"]
    assert [(job["exit_code"], job["created"]) for job in jobs] in ([(130, 0), (0, 3)], [(130, 0), (130, 3)])


def test_jobs_of_one_account_run_one_after_the_other(shop: Shop, open_job: Open):
    """Their manifests may have the same rows, which become tickets once."""
    account = open_job("first", 5)
    jobs = yaml.safe_load(shop.path("jobs.yaml").read_text(encoding="utf-8"))["jobs"]
    jobs.append({**jobs[0], "name": "again", "results": "again.csv"})
    shop.path("jobs.yaml").write_text(yaml.safe_dump({"jobs": jobs}), encoding="utf-8")
    told = shop.do("run-all", "jobs.yaml", "--json")
    assert told.code == 0, told.err
    data = json.loads(told.out)
    assert [(job["created"], job["skipped"]) for job in data["jobs"]] == [(5, 0), (0, 5)]
    assert len(account.tickets) == 5


def test_a_dry_run_plans_every_job_and_sends_nothing(shop: Shop, open_job: Open):
    """A job whose mapping does not fit is named, and the others are planned."""
    first, second = open_job("first", 3), open_job("second", 2)
    told = shop.do("run-all", "jobs.yaml", "--dry-run")
    assert told.code == 0
    assert "5 rows: 5 to send" in told.out
    assert "nothing was sent" in told.out
    data = json.loads(shop.do("run-all", "jobs.yaml", "--dry-run", "--json").out)
    assert [(job["name"], job["to_send"]) for job in data["jobs"]] == [("first", 3), ("second", 2)]
    assert (first.calls, second.calls) == (0, 0)


def test_without_a_ledger_no_job_is_run(shop: Shop, open_job: Open):
    """It is missing for all jobs, so there is one error."""
    account = open_job("first", 3)
    open_job("second", 2)
    shop.path("ledger.sqlite").unlink()
    told = shop.do("run-all", "jobs.yaml")
    assert (told.code, told.err.count("no ledger found"), account.calls) == (2, 1, 0)


def test_a_signal_while_results_are_written_starts_no_other_job(shop: Shop):
    """The results are complete, as after `run`; the signal is not forgotten."""

    @dataclass(frozen=True)
    class Writing:
        options: Options = field(default_factory=Options)

        def run(self, *_: object) -> Summary:
            with interruptions() as received:
                os.kill(os.getpid(), signal.SIGTERM)
                while received.first is None:  # the main thread handles it
                    threading.Event().wait(0.001)
            return Summary(run="1", account="a", results=None)

    order: Any = Writing()
    jobs = [Job(name, "account", order, Redactor()) for name in ("first", "second")]

    def listen(_job: Job) -> Emit:
        return to_all()

    shop.make_ledger()
    ends = list(run_jobs(jobs, 2, listen, lambda _plan: True))
    assert [(end.exit_code, end.summary is not None) for end in ends] == [(143, True), (None, False)]
