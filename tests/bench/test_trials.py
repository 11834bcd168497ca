"""Both clients make their tickets on every kind of account, and the lines come out of the records."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.bench.account import Record, Setup, opened
from tests.bench.foreign import Traffic
from tests.bench.lines import Line
from tests.bench.scenarios import Scenario, foreign_scenario, scenarios
from tests.bench.waiting import Trial, lines, panels, run_all, trials
from tests.network.wire import Wire

SETUPS = {
    "loopback": Setup(),
    "wire": Setup(wire=Wire(one_way_s=0.001, jitter_s=0.001)),
    "with others": Setup(foreign=Traffic(rest_s=(0, 0), work_s=(1000, 1000))),
}


def scenario(setup: Setup, processes: int = 1) -> Scenario:
    return Scenario(section="s", name="n", setup=setup, rows=12, ideal=0.5, processes=processes)


def test_a_setup_survives_the_way_to_its_process() -> None:
    """An account is what it was told to be."""
    for setup in (*SETUPS.values(), foreign_scenario(1, shrink=0.5).setup, *(each.setup for each in scenarios(25))):
        assert Setup.parse(json.dumps(asdict(setup))) == setup


@pytest.mark.parametrize("name", SETUPS)
def test_both_clients_make_their_tickets(tmp_path: Path, name: str) -> None:
    """Every row is a ticket in the account, seen from there; others' tickets are not counted as the client's."""
    told: list[str] = []
    records, failures = run_all(trials([scenario(SETUPS[name])], 1), tmp_path, 0.0, told.append)
    assert failures == []
    assert len(told) == len(records) == 2
    for trial, record in records.items():
        assert len(record.made_s) == 12, trial
        assert len(record.calls) >= len(record.foreign) + 12


def test_several_processes_share_one_account_and_one_ledger(tmp_path: Path) -> None:
    """Each has rows of its own, and all of them are tickets."""
    records, _ = run_all(trials([scenario(Setup(), processes=2)], 1), tmp_path, 0.0, lambda _: None)
    assert {trial.who: len(record.made_s) for trial, record in records.items()} == {"ours": 24, "otherwise": 24}
    assert list(tmp_path.glob("trial-*/ledger.db"))


def test_a_trial_that_fails(tmp_path: Path) -> None:
    """It is told, the other trials are measured all the same, and its scenario has no line."""
    impossible, usual = scenario(Setup(rate="0/1")), scenario(Setup())
    records, failures = run_all(trials([impossible, usual], 1), tmp_path, 0.0, lambda _: None)
    assert len(failures) == 2
    assert all("did not start" in failure for failure in failures)
    assert {trial.scenario for trial in records} == {usual}
    assert len(lines(records, [impossible, usual])) == 2


def test_an_account_that_does_not_start() -> None:
    """It is told at once."""
    with pytest.raises(RuntimeError, match="did not start"), opened(Setup(wire=Wire())):
        raise AssertionError("certificates have no place to go")


def test_lines_keep_the_order_of_the_scenarios() -> None:
    """Speed and refused calls of each, lost rows where connections are cut, and three where others call; goals at each."""
    chosen = [*scenarios(30), foreign_scenario(30, shrink=1)]
    record = Record(
        calls=tuple((n * 1.0, 200) for n in range(60)),
        foreign=tuple((n * 1.0, 200) for n in range(0, 60, 2)),
        made_s=tuple(n * 1.0 for n in range(1, 60, 2)),
    )
    found: list[Line] = lines(dict.fromkeys(trials(chosen, 2), record), chosen)
    assert len(found) == 2 * 14 + 2 + 3
    assert all(line.goal is not None and len(line.ours) == len(line.otherwise) == 2 for line in found)
    assert list(dict.fromkeys(line.section for line in found)) == list(dict.fromkeys(each.section for each in chosen))


def test_the_picture_has_both_clients_and_the_others() -> None:
    """Ours, the obvious script, and ours on top of what others call."""
    alone, beside = scenario(Setup()), foreign_scenario(30, shrink=1)
    record = Record(calls=((1.0, 200), (2.0, 200)), foreign=((1.0, 200),), made_s=(2.0, 3.0))
    records = {
        Trial(scenario=each, seed=0, who=who): record for each in (alone, beside) for who in ("otherwise", "ours")
    }
    titles = [panel.title.split(":")[0] for panel in panels(records, "n")]
    assert titles == [
        "ticket-importer",
        "gather + AsyncLimiter(25, 5)",
        "ticket-importer on top of others' calls (amber)",
    ]
