"""After any sequence of runs, kills, faults, edits and reruns, account, ledger and results agree."""

from __future__ import annotations

import contextlib
import csv
import os
import signal
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.chaos.children import do
from tests.chaos.place import RESULTS, RUN, Place
from tests.cli.shop import Account, quick

# Many commands: on a slow machine they take longer than other tests.
pytestmark = pytest.mark.timeout(300)

# The subject of a ticket selects the fault of its request.
FAULTS = (
    "refused-200",
    "400",
    "503",
    "500-after",
    "cut-json",
    "success-without-id",
    "refused-200-with-id",
    "reset-before",
    "reset-after",
)
PLAN = [{"match": {"Title": fault}, "fault": fault} for fault in FAULTS]
SUBJECTS = st.one_of(st.just("good"), st.sampled_from(FAULTS), st.just(""))  # a ticket without a subject is refused
# Five unclear answers count as an outage; other tests wait for its end.
FLAGS = ("--skip-invalid", "--give-up-after", "0s")
COMMANDS = st.one_of(
    st.just(RUN),
    st.integers(1, 3).map(lambda limit: (*RUN, "--limit", str(limit))),
    st.just((*RUN, "--concurrency", "1")),
)
RERUNS = st.sampled_from(["failed,rejected,pending", "failed", "pending", "rejected"]).map(
    lambda only: ("rerun", RESULTS, "-m", "mapping.yaml", "--yes", "--only", only)
)
STEPS = st.integers(1, 90)  # a run of some rows has about as many


class Imports(RuleBasedStateMachine):
    """The model is the manifest; the account knows which tickets were created."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.account = self.stack.enter_context(Account(quick(PLAN)))
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.place = Place(folder, self.account)
        self.rows: dict[str, str] = {}
        self.made_so_far = 0
        self.killed = False

    def teardown(self) -> None:
        """Close the account."""
        self.stack.close()

    @initialize(subjects=st.lists(SUBJECTS, min_size=2, max_size=5))
    def begin(self, subjects: list[str]) -> None:
        """The first manifest."""
        self.add_rows(subjects)

    # -- users -------------------------------------------------------------------------------------------------------

    @rule(subjects=st.lists(SUBJECTS, min_size=1, max_size=3))
    def add_rows(self, subjects: list[str]) -> None:
        """The next export has more rows."""
        for subject in subjects:
            self.made_so_far += 1
            self.rows[f"{self.made_so_far}"] = subject
        self.place.write_manifest(self.rows.items())

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), subject=SUBJECTS)
    def edit_row(self, data: st.DataObject, subject: str) -> None:
        """A user corrects or breaks a row of the manifest."""
        self.rows[data.draw(st.sampled_from(list(self.rows)))] = subject
        self.place.write_manifest(self.rows.items())

    @precondition(lambda self: len(self.rows) > 1)
    @rule(data=st.data())
    def remove_row(self, data: st.DataObject) -> None:
        """A row is missing from the next export."""
        del self.rows[data.draw(st.sampled_from(list(self.rows)))]
        self.place.write_manifest(self.rows.items())

    @precondition(lambda self: self.has_results())
    @rule(data=st.data(), subject=SUBJECTS)
    def edit_results(self, data: st.DataObject, subject: str) -> None:
        """A user changes a row of the results."""
        results = self.place.results()
        data.draw(st.sampled_from(results))["Subject"] = subject
        with (self.place.folder / RESULTS).open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(results[0]))
            writer.writeheader()
            writer.writerows(results)

    @precondition(lambda self: not self.killed and self.has_results() and self.is_all_in_results())
    @rule(command=RERUNS)
    def move_to_another_machine(self, command: tuple[str, ...]) -> None:
        """The ledger is lost; the results still name all tickets and unknown rows."""
        for path in self.place.folder.glob("ledger.sqlite*"):
            path.unlink()
        assert self.place.do("ledger", "init") == 0
        self.rerun(command)

    # -- the program -------------------------------------------------------------------------------------------------

    @rule(command=COMMANDS)
    def run(self, command: tuple[str, ...]) -> None:
        """A run, to its end."""
        self.do(command)
        assert [row["ID"] for row in self.place.results()] == list(self.rows)

    @precondition(lambda self: self.has_results())
    @rule(command=RERUNS)
    def rerun(self, command: tuple[str, ...]) -> None:
        """A rerun, to its end."""
        before = [row["ID"] for row in self.place.results()]
        self.do(command)
        assert [row["ID"] for row in self.place.results()] == before

    @rule(command=COMMANDS, step=STEPS)
    def run_and_die(self, command: tuple[str, ...], step: int) -> None:
        """A run that is killed before one of its steps, if it reaches it."""
        self.do_and_die(command, step)

    @precondition(lambda self: self.has_results())
    @rule(command=RERUNS, step=STEPS)
    def rerun_and_die(self, command: tuple[str, ...], step: int) -> None:
        """A rerun that is killed."""
        self.do_and_die(command, step)

    # -- what must hold ----------------------------------------------------------------------------------------------

    @invariant()
    def no_ticket_twice_and_none_forgotten(self) -> None:
        """Each row has at most one ticket, and the ledger knows of each ticket."""
        keys = self.account.keys
        assert len(set(keys)) == len(keys)
        states = {key: state for key, state, _ in self.entries()}
        assert {key: states.get(key) for key in keys if states.get(key) not in ("created", "unknown", "sending")} == {}
        numbers = self.numbers()
        assert [key for key, state, number in self.entries() if state == "created" and numbers.get(key) != number] == []

    def do(self, command: tuple[str, ...]) -> None:
        """Run a command, and compare its results with the account."""
        code = self.place.do(*command, *FLAGS)
        self.killed = False
        results = self.place.results()
        numbers = self.numbers()
        statuses = Counter(row["import_status"] for row in results)
        assert code in {0, 1, 3}, self.place.printed()
        assert (code == 0) == (set(statuses) <= {"created", "skipped"})
        for row in results:
            match row["import_status"]:
                case "created" | "skipped":
                    assert numbers[row["ID"]] == row["import_ticket_number"]
                case "unknown":
                    assert row["import_key"] == row["ID"]
                    assert row["import_finished_at"]
                case "failed" | "rejected" | "pending":
                    assert row["ID"] not in numbers
                case other:
                    raise AssertionError(other)
        assert self.place.ask("select key from tickets where held_by is not null or state = 'sending'") == []

    def do_and_die(self, command: tuple[str, ...], step: int) -> None:
        """Run a command that is killed; the next command checks what it did."""
        trace = self.place.folder / "trace"
        code = do(replace(self.place.command(*command, *FLAGS), trace=trace, stop_before=step))
        self.killed = code == -signal.SIGKILL
        assert self.killed or code in {0, 1, 3}, self.place.printed()

    def entries(self) -> list[tuple[str, ...]]:
        """Return key, state and number of each ticket in the ledger."""
        return self.place.ask("select key, state, number from tickets")

    def numbers(self) -> dict[str, str]:
        """Return the number of each key's ticket in the account."""
        return {str(ticket.value("CustomData.LegacyId")): ticket.number for ticket in self.account.tickets}

    def has_results(self) -> bool:
        """Whether there is a results file with rows."""
        return (self.place.folder / RESULTS).exists() and bool(self.place.results())

    def is_all_in_results(self) -> bool:
        """Return whether the results name every ticket: only then may the ledger be lost."""
        there = {row["ID"] for row in self.place.results() if row["import_status"] in ("created", "skipped", "unknown")}
        return set(self.account.keys) <= there


def test_any_sequence_of_events():
    """In any order, no ticket is created twice, and every ticket is known."""
    run_state_machine_as_test(
        Imports,
        settings=settings(
            max_examples=int(os.environ.get("CHAOS_EXAMPLES", "6")),
            stateful_step_count=9,
            derandomize="CHAOS_EXAMPLES" not in os.environ,  # the suite is the same every time
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
