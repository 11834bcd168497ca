"""Stopped before every single step: the same command again ends well, whatever the step was."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from tests.chaos.steps import SUBJECTS, Stop, judge, stop_everywhere

# Some eighty steps, each with two runs: on a slow machine they take longer than a test usually may.
pytestmark = pytest.mark.timeout(300)

# Every kind of step there is. A new one is to be looked at (is it safe to die before it?), and then named here.
KINDS = {
    # the private copy of the manifest, and the first look at where the results go
    "mkdir tmp/ticket-importer-run-RANDOM",
    "fcntl.flock tmp/ticket-importer-run-RANDOM",
    "open tmp/ticket-importer-run-RANDOM/manifest-RANDOM.copy",
    "write tmp/ticket-importer-run-RANDOM/manifest-RANDOM.copy",
    "shutil.rmtree tmp/ticket-importer-run-RANDOM",
    "remove manifest-RANDOM.copy",
    "rmdir tmp/ticket-importer-run-RANDOM",
    # the ledger: a run begins, claims, intends, settles, ends
    "mkdir the folder",
    "open ledger.sqlite.RUN.lock",
    "chmod",  # of the lock, which is open: its rights don't depend on the umask
    "fcntl.flock ledger.sqlite.RUN.lock",
    "remove ledger.sqlite.RUN.lock",
    "commit",
    # the account
    "connect",
    "send",
    "receive",
    # the results
    "open manifest.results.csv.part",
    "write a row of the part file",
    "remove manifest.results.csv.part",
    "open .manifest.results.csv.RANDOM.tmp",
    "fcntl.flock .manifest.results.csv.RANDOM.tmp",
    "sync .manifest.results.csv.RANDOM.tmp",
    "chmod .manifest.results.csv.RANDOM.tmp",
    "link manifest.results.csv manifest.results.1.csv",
    "rename .manifest.results.csv.RANDOM.tmp manifest.results.csv",
    "remove .manifest.results.csv.RANDOM.tmp",
    "sync the folder",
}


# What comes in another order each time where several rows are under way.
INTERLEAVED = frozenset({"commit", "connect", "send", "receive", "write a row of the part file"})


def check(stops: list[Stop]) -> list[Stop]:
    """Hold every stop against what the account has; gives those up to the first step that was not reached."""
    findings = {f"{number}: {stop.trace[-1]}": judge(stop) for number, stop in enumerate(stops, start=1)}
    assert {step: found for step, found in findings.items() if found} == {}
    killed = list(itertools.takewhile(lambda stop: stop.killed, stops))
    assert [len(stop.trace) for stop in killed] == list(range(1, len(killed) + 1)), "a step was left out"
    return killed


def test_stopped_before_every_step(tmp_path):
    """Killed before any step and run again: no ticket twice, no row lost, what is unknown is named, results whole."""
    killed = check(asyncio.run(stop_everywhere(tmp_path, "--concurrency", "1")))
    assert {stop.trace[-1] for stop in killed} == KINDS
    # The stops were not all harmless: some left rows without an outcome, whose tickets were made, and were not.
    lost_sight_of = [(stop, key) for stop in killed for key in stop.intended]
    assert {key for _, key in lost_sight_of} == {*SUBJECTS} - {"earlier", "rejected"}
    assert {key in dict(stop.tickets) for stop, key in lost_sight_of} == {True, False}


def test_stopped_before_every_step_of_several_rows_at_once(tmp_path):
    """The same where requests overlap: one kill may leave several of them without an outcome."""
    killed = check(asyncio.run(stop_everywhere(tmp_path, kinds=INTERLEAVED)))
    assert {stop.trace[-1] for stop in killed} == INTERLEAVED
    assert max(len(stop.intended) for stop in killed) > 1
