"""An import that is killed before any step can be completed by the same command."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from tests.chaos.steps import SUBJECTS, Stop, judge, stop_everywhere

# Some eighty steps, each with two runs: on a slow machine they take longer than a test usually may.
pytestmark = pytest.mark.timeout(600)

# All kinds of steps. Add a new one only if it is safe to be killed before it.
KINDS = {
    # the private copy of the manifest, and the check of the results folder
    "mkdir tmp/ticket-importer-run-RANDOM",
    "fcntl.flock tmp/ticket-importer-run-RANDOM",
    "open tmp/ticket-importer-run-RANDOM/manifest-RANDOM.copy",
    "write tmp/ticket-importer-run-RANDOM/manifest-RANDOM.copy",
    "remove tmp/ticket-importer-run-RANDOM/manifest-RANDOM.copy",
    # the private stage beside it, which has no name
    "open tmp/ticket-importer-run-RANDOM",
    "shutil.rmtree tmp/ticket-importer-run-RANDOM",
    "rmdir tmp/ticket-importer-run-RANDOM",
    # the ledger: begin of the run, claims, intents, outcomes, end of the run
    "mkdir the folder",
    "open ledger.sqlite.RUN.lock",
    "chmod",  # of the lock, by its descriptor: its rights don't depend on the umask
    "fcntl.flock ledger.sqlite.RUN.lock",
    "remove ledger.sqlite.RUN.lock",
    "commit",
    # the host's note of the account
    "open state/lsq-ticket-importer/sent/sandbox-tenant%40127.0.0.1.jsonl",
    "sync state/lsq-ticket-importer/sent/sandbox-tenant%40127.0.0.1.jsonl",
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


# The order of these differs between runs when several rows are sent at once.
INTERLEAVED = frozenset({"commit", "connect", "send", "receive", "write a row of the part file"})


def check(stops: list[Stop], every: int = 1) -> list[Stop]:
    """Compare every stop with the account; return the stops up to the first step that was not reached."""
    findings = {f"{len(stop.trace)}: {stop.trace[-1]}": judge(stop) for stop in stops}
    assert {step: found for step, found in findings.items() if found} == {}
    killed = list(itertools.takewhile(lambda stop: stop.killed, stops))
    assert [len(stop.trace) for stop in killed] == list(range(1, every * len(killed) + 1, every)), "a step was left out"
    return killed


def test_import_survives_a_kill_before_every_step(tmp_path):
    """No duplicate ticket, no lost row, unknown rows are named, results are complete."""
    killed = check(asyncio.run(stop_everywhere(tmp_path, "--concurrency", "1")))
    assert {stop.trace[-1] for stop in killed} == KINDS
    # Some stops left rows without an outcome: both with a ticket and without one.
    lost_sight_of = [(stop, key) for stop in killed for key in stop.intended]
    assert {key for _, key in lost_sight_of} == {*SUBJECTS} - {"earlier", "rejected"}
    assert {key in dict(stop.tickets) for stop, key in lost_sight_of} == {True, False}


def test_import_of_several_rows_at_once_survives_kills(tmp_path):
    """At every other step; a kill may leave several rows without an outcome."""
    killed = check(asyncio.run(stop_everywhere(tmp_path, kinds=INTERLEAVED, every=2)), every=2)
    assert {stop.trace[-1] for stop in killed} <= INTERLEAVED
    assert max(len(stop.intended) for stop in killed) > 1
