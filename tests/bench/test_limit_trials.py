"""Both clients create their tickets on every kind of account; records become measurements."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.bench.account import Record, Setup, opened
from tests.bench.foreign import Traffic
from tests.bench.limit_trials import Trial, measurements, panels, run_all, trials
from tests.bench.measurements import Measurement
from tests.bench.scenarios import Scenario, foreign_scenario, scenarios
from tests.network.wire import Wire

ACCOUNTS = {
    "two processes": (Setup(), 2),
    "wire": (Setup(wire=Wire(one_way_s=0.001, jitter_s=0.001)), 1),
    "with others": (Setup(foreign=Traffic(rest_s=(0, 0), work_s=(1000, 1000))), 1),
}


def scenario(setup: Setup, processes: int = 1) -> Scenario:
    return Scenario(section="s", name="n", setup=setup, rows=12, ideal=0.5, processes=processes)


def test_a_setup_is_equal_after_json() -> None:
    """The process of an account gets the same options."""
    for setup in (foreign_scenario(1, shrink=0.5).setup, *(each.setup for each in scenarios(25))):
        assert Setup.parse(json.dumps(asdict(setup))) == setup


@pytest.mark.parametrize(("setup", "processes"), ACCOUNTS.values(), ids=ACCOUNTS)
def test_both_clients_create_their_tickets(tmp_path: Path, setup: Setup, processes: int) -> None:
    """Every row has a ticket in the account; tickets of others are not counted; processes share one ledger."""
    messages: list[str] = []
    records, failures = run_all(trials([scenario(setup, processes)], 1), tmp_path, 0.0, messages.append)
    assert failures == []
    assert len(messages) == len(records) == 2
    for trial, record in records.items():
        assert len(record.made_s) == 12 * processes, trial
        assert len(record.calls) >= len(record.foreign) + 12 * processes


def test_a_trial_that_fails(tmp_path: Path) -> None:
    """A failure is reported, other trials go on, and its scenario has no measurement."""
    impossible, usual = scenario(Setup(rate="0/1")), scenario(Setup())
    records, failures = run_all(trials([impossible, usual], 1), tmp_path, 0.0, lambda _: None)
    assert len(failures) == 2
    assert all("did not start" in failure for failure in failures)
    assert {trial.scenario for trial in records} == {usual}
    assert len(measurements(records, [impossible, usual])) == 2


def test_an_account_that_does_not_start() -> None:
    """An account that does not start raises RuntimeError."""
    with pytest.raises(RuntimeError, match="did not start"), opened(Setup(wire=Wire())):
        raise AssertionError("certificates have no place to go")


def test_measurements_keep_the_order_of_the_scenarios() -> None:
    """Each scenario has speed and refused calls, some also lost rows or shares; all have goals."""
    chosen = [*scenarios(30), foreign_scenario(30, shrink=1)]
    record = Record(
        calls=tuple((n * 1.0, 200) for n in range(60)),
        foreign=tuple((n * 1.0, 200) for n in range(0, 60, 2)),
        made_s=tuple(n * 1.0 for n in range(1, 60, 2)),
    )
    found: list[Measurement] = measurements(dict.fromkeys(trials(chosen, 2), record), chosen)
    assert len(found) == 2 * 14 + 2 + 3
    assert all(line.goal is not None and len(line.ours) == len(line.baseline) == 2 for line in found)
    assert list(dict.fromkeys(line.section for line in found)) == list(dict.fromkeys(each.section for each in chosen))


def test_the_chart_has_both_clients_and_foreign_traffic() -> None:
    """Its panels: the importer, the simple script, and the importer with foreign traffic."""
    alone, beside = scenario(Setup()), foreign_scenario(30, shrink=1)
    record = Record(calls=((1.0, 200), (2.0, 200)), foreign=((1.0, 200),), made_s=(2.0, 3.0))
    records = {
        Trial(scenario=each, seed=0, client=client): record
        for each in (alone, beside)
        for client in ("baseline", "ours")
    }
    titles = [panel.title.split(":")[0] for panel in panels(records, "n")]
    assert titles == [
        "ticket-importer",
        "gather + AsyncLimiter(25, 5)",
        "ticket-importer on top of others' calls (amber)",
    ]
