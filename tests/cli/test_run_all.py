"""`run-all`: many accounts, real sockets, one ledger."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from importer.api.jobs import Job, run_jobs
from importer.reports.summary import Summary
from importer.runtime.events import to_all
from importer.runtime.redaction import Redactor
from importer.runtime.signals import interruptions
from tests.cli.shop import ACCESS_KEY, Account, Shop, ended, quick

Open = Callable[..., Account]


@pytest.fixture
def open_job(shop: Shop) -> Iterator[Callable[..., Account]]:
    """Add an account with its job: manifest and mapping in a folder of its name."""
    jobs: list[dict[str, Any]] = []
    with contextlib.ExitStack() as stack:

        def open_one(name: str, rows: int, *faults: object, **changes: Any) -> Account:
            account = stack.enter_context(Account(quick(*faults)))
            shop.uses(account)
            prefix = name.upper()
            shop.set(**{f"{prefix}_ACCESS": account.variables["LSQ_ACCESS_KEY"]})
            shop.set(**{f"{prefix}_SECRET": account.variables["LSQ_SECRET_KEY"]})
            host, tenant = account.variables["LSQ_HOST"], account.variables["LSQ_TENANT_ID"]
            shop.unset("LSQ_HOST", "LSQ_TENANT_ID", "LSQ_ACCESS_KEY", "LSQ_SECRET_KEY")
            shop.path(name).mkdir()
            shop.manifest(rows, f"{name}/tickets.csv")
            keys = {"access_key": f"{prefix}_ACCESS", "secret_key": f"{prefix}_SECRET"}
            job = {"name": name, "host": host, "tenant": tenant, **keys}
            jobs.append({**job, "manifest": f"{name}/tickets.csv", "mapping": "mapping.yaml", **changes})
            shop.path("jobs.yaml").write_text(yaml.safe_dump({"jobs": jobs}), encoding="utf-8")
            return account

        yield open_one


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
    assert ACCESS_KEY not in told.out + told.err


def test_all_problems_are_shown_at_once_and_nothing_is_sent(shop: Shop, open_job: Open):
    """Problems of each job are named with its number; a key in place of a variable's name is not shown."""
    good = open_job("good", 1)
    open_job("bad", 1, manifest="none.csv", mapping="no.yaml", rate="fast")
    open_job("keys", 1, access_key="abc123-the-key", secret_key="abc123-other")
    open_job("twice", 1, results="good/tickets.results.csv")
    told = shop.do("run-all", "jobs.yaml")
    assert told.code == 2
    for text in (
        "job 2 (bad): rate",
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
        ("jobs: []", "at least 1 item"),
        ("jobs: [{name: a, name: b}]", "written twice"),
        ("jobs: [{name: a, acess_key: hush-4711}]", "job 1: acess_key"),
        ("jobs: [", "line 1"),
        ("- a", "the file"),
    ],
)
def test_a_file_that_is_no_list_of_jobs_is_refused(shop: Shop, text: str, problem: str):
    """The error says where, and never shows a value."""
    shop.path("jobs.yaml").write_text(text, encoding="utf-8")
    told = shop.do("run-all", "jobs.yaml")
    assert (told.code, problem in told.err, "hush" in told.err) == (2, True, False), told.err


def test_a_signal_ends_the_running_job_and_starts_no_other(shop: Shop, open_job: Open):
    """The answers of the running job are kept, its results are written, and the same command goes on."""
    first = open_job("first", 40, rate="10/1")
    second = open_job("second", 2)
    process = shop.start("run-all", "jobs.yaml", "--json")
    first.until(lambda sandbox: len(sandbox.tickets) >= 3)
    process.send_signal(signal.SIGTERM)
    told = ended(process)
    data = json.loads(told.out)
    assert told.code == 143, told.err
    assert [job["exit_code"] for job in data["jobs"]] == [143, None]
    assert second.calls == 0
    assert shop.statuses("first/tickets.results.csv").total() == 40
    jobs = Path("jobs.yaml").read_text(encoding="utf-8").replace("10/1", "1000/1")
    Path("jobs.yaml").write_text(jobs, encoding="utf-8")
    assert shop.do("run-all", "jobs.yaml").code == 0
    assert (len(set(first.keys)), len(first.keys), len(second.tickets)) == (40, 40, 2)


def test_a_signal_while_results_are_written_starts_no_other_job():
    """The results are complete, as after `run`; the signal is not forgotten."""

    class Writing:
        def run(self, *_: object) -> Summary:
            with interruptions():
                signal.raise_signal(signal.SIGTERM)
            return Summary(run="1", account="a", results=None)

    order: Any = Writing()
    jobs = [Job(name, order, Redactor()) for name in ("first", "second")]
    ends = list(run_jobs(jobs, lambda _job: to_all(), lambda _plan: True))
    assert [(end.exit_code, end.summary is not None) for end in ends] == [(143, True), (None, False)]
